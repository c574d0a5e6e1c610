/* yb-voyager: how many rows each table holds. The counter is right once VACUUM or ANALYZE has set it; before that, and
   on a server that has lost its counters, the catalog's estimate may know of more. The rows of a
   partitioned table are those of its partitions. */
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
       CASE WHEN c.relkind = 'p' THEN 0
            WHEN coalesce(pg_catalog.pg_stat_get_last_vacuum_time(c.oid),
                          pg_catalog.pg_stat_get_last_autovacuum_time(c.oid),
                          pg_catalog.pg_stat_get_last_analyze_time(c.oid),
                          pg_catalog.pg_stat_get_last_autoanalyze_time(c.oid)) IS NOT NULL
            THEN pg_catalog.pg_stat_get_live_tuples(c.oid)
            ELSE greatest(pg_catalog.pg_stat_get_live_tuples(c.oid), c.reltuples::int8, 0) END AS row_count
FROM pg_catalog.pg_class c
JOIN chosen n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm')
ORDER BY n.nspname, c.relname
