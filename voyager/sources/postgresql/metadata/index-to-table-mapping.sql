/* yb-voyager: which table each index belongs to */
WITH chosen AS ( /* yb-voyager */
    SELECT n.oid, n.nspname
    FROM pg_catalog.pg_namespace n
    WHERE CASE pg_catalog.current_setting('voyager.schema_list')
              WHEN '' THEN n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'ybvoyager')
              ELSE pg_catalog.replace(pg_catalog.replace(n.nspname, '%', '%25'), '|', '%7C')
                   = ANY (pg_catalog.string_to_array(pg_catalog.current_setting('voyager.schema_list'), '|')) END
)
SELECT pg_catalog.current_setting('voyager.node') AS source_node,
       n.nspname AS index_schema,
       c.relname AS index_name,
       tn.nspname AS table_schema,
       t.relname AS table_name
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN chosen n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
WHERE t.relkind IN ('r', 'p', 'm')
ORDER BY n.nspname, c.relname
