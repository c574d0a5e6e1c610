/* yb-voyager: how often each table and index has been read, and how many rows of it written, since the server counts.
   Asked twice; the difference is the load of the time between. */
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
       c.relname AS object_name,
       CASE WHEN c.relkind = 'r' THEN 'table'
            WHEN c.relkind = 'p' THEN 'partitioned table'
            WHEN c.relkind = 'm' THEN 'materialized view'
            WHEN c.relkind = 'I' THEN 'partitioned index'
            WHEN i.indisprimary THEN 'primary key'
            ELSE 'index' END AS object_type,
       coalesce(pg_catalog.pg_stat_get_numscans(c.oid), 0) + coalesce(through.scans, 0) AS seq_reads,
       CASE WHEN i.indexrelid IS NULL
            THEN coalesce(pg_catalog.pg_stat_get_tuples_inserted(c.oid) + pg_catalog.pg_stat_get_tuples_updated(c.oid)
                          + pg_catalog.pg_stat_get_tuples_deleted(c.oid), 0)
            ELSE 0 END AS row_writes,
       pg_catalog.current_setting('voyager.moment') AS measurement_type
FROM pg_catalog.pg_class c
JOIN chosen n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
LEFT JOIN (
    SELECT x.indrelid, pg_catalog.sum(pg_catalog.pg_stat_get_numscans(x.indexrelid))::int8 AS scans
    FROM pg_catalog.pg_index x
    GROUP BY x.indrelid
) through ON through.indrelid = c.oid
WHERE c.relkind IN ('r', 'p', 'm', 'i', 'I') AND NOT (c.relkind = 'I' AND i.indisprimary)
ORDER BY n.nspname, c.relname
