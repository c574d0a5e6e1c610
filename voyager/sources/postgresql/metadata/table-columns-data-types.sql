/* yb-voyager: the data type of every column of every table and view: the server's own types by the name that SQL gives
   them, other types and domains as schema.type, arrays as schema.type[] */
WITH chosen AS ( /* yb-voyager */
    SELECT n.oid, n.nspname
    FROM pg_catalog.pg_namespace n
    WHERE CASE pg_catalog.current_setting('voyager.schema_list')
              WHEN '' THEN n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'ybvoyager')
              ELSE pg_catalog.replace(pg_catalog.replace(n.nspname, '%', '%25'), '|', '%7C')
                   = ANY (pg_catalog.string_to_array(pg_catalog.current_setting('voyager.schema_list'), '|')) END
)
SELECT pg_catalog.current_setting('voyager.node') AS source_node,
       n.nspname AS schema_name,
       c.relname AS table_name,
       a.attname AS column_name,
       CASE WHEN t.typtype <> 'd' AND t.typelem <> 0 AND t.typlen = -1 THEN en.nspname || '.' || e.typname || '[]'
            WHEN t.typtype <> 'd' AND tn.nspname = 'pg_catalog' THEN pg_catalog.format_type(t.oid, NULL)
            ELSE tn.nspname || '.' || t.typname END AS data_type
FROM pg_catalog.pg_class c
JOIN chosen n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem
LEFT JOIN pg_catalog.pg_namespace en ON en.oid = e.typnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
ORDER BY n.nspname, c.relname, a.attnum
