/* yb-voyager: how large each table and index is; a table with what it keeps out of line (TOAST). Measuring waits for
   whoever holds a table exclusively, so those are taken from the catalog, as of their last VACUUM. */
WITH chosen AS ( /* yb-voyager */
    SELECT n.oid, n.nspname
    FROM pg_catalog.pg_namespace n
    WHERE CASE pg_catalog.current_setting('voyager.schema_list')
              WHEN '' THEN n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'ybvoyager')
              ELSE pg_catalog.replace(pg_catalog.replace(n.nspname, '%', '%25'), '|', '%7C')
                   = ANY (pg_catalog.string_to_array(pg_catalog.current_setting('voyager.schema_list'), '|')) END
), busy AS (
    SELECT DISTINCT l.relation AS oid
    FROM pg_catalog.pg_locks l
    JOIN pg_catalog.pg_database d ON d.oid = l.database
    WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND d.datname = pg_catalog.current_database()
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
       CASE WHEN busy.oid IS NOT NULL
            THEN (c.relpages::int8 + coalesce(t.relpages, 0)) * pg_catalog.current_setting('block_size')::int8
            ELSE coalesce(pg_catalog.pg_relation_size(c.oid), 0) + coalesce(pg_catalog.pg_relation_size(t.oid), 0)
            END AS size_in_bytes
FROM pg_catalog.pg_class c
JOIN chosen n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid
LEFT JOIN busy ON busy.oid = c.oid
WHERE c.relkind IN ('r', 'p', 'm', 'i', 'I') AND NOT (c.relkind = 'I' AND i.indisprimary)
ORDER BY n.nspname, c.relname
