/* yb-voyager: how many columns each table and index has */
WITH chosen AS ( /* yb-voyager */
    SELECT n.oid, n.nspname
    FROM pg_catalog.pg_namespace n
    WHERE CASE pg_catalog.current_setting('voyager.schema_list')
              WHEN '' THEN n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'ybvoyager')
              ELSE pg_catalog.replace(pg_catalog.replace(n.nspname, '%', '%25'), '|', '%7C')
                   = ANY (pg_catalog.string_to_array(pg_catalog.current_setting('voyager.schema_list'), '|')) END
), counted AS (
    SELECT a.attrelid, pg_catalog.count(*) AS columns
    FROM pg_catalog.pg_attribute a
    WHERE a.attnum > 0 AND NOT a.attisdropped
    GROUP BY a.attrelid
)
SELECT pg_catalog.current_setting('voyager.node') AS source_node,
       n.nspname AS schema_name,
       c.relname AS object_name,
       CASE WHEN c.relkind = 'r' THEN 'table'
            WHEN c.relkind = 'p' THEN 'partitioned table'
            WHEN c.relkind = 'm' THEN 'materialized view'
            WHEN c.relkind = 'I' THEN 'partitioned index'
            WHEN i.indisprimary THEN 'primary key'
            ELSE 'index' END AS object_type,
       coalesce(counted.columns, 0) AS column_count
FROM pg_catalog.pg_class c
JOIN chosen n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
LEFT JOIN counted ON counted.attrelid = c.oid
WHERE c.relkind IN ('r', 'p', 'm', 'i', 'I') AND NOT (c.relkind = 'I' AND i.indisprimary)
ORDER BY n.nspname, c.relname
