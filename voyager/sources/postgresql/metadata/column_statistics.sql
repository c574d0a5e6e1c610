/* yb-voyager: what ANALYZE found in each column: share of NULLs, distinct values, the most common value and its share.
   Of a table with children: its own rows, but of a partitioned table those of all partitions. */
WITH chosen AS ( /* yb-voyager */
    SELECT n.oid, n.nspname
    FROM pg_catalog.pg_namespace n
    WHERE CASE pg_catalog.current_setting('voyager.schema_list')
              WHEN '' THEN n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'ybvoyager')
              ELSE pg_catalog.replace(pg_catalog.replace(n.nspname, '%', '%25'), '|', '%7C')
                   = ANY (pg_catalog.string_to_array(pg_catalog.current_setting('voyager.schema_list'), '|')) END
)
SELECT pg_catalog.current_setting('voyager.node') AS source_node,
       s.schemaname AS schema_name,
       s.tablename AS table_name,
       s.attname AS column_name,
       s.null_frac,
       CASE WHEN s.n_distinct >= 0 THEN s.n_distinct
            WHEN c.reltuples > 0 THEN pg_catalog.round(-1 * s.n_distinct * c.reltuples) END AS effective_n_distinct,
       coalesce(s.most_common_freqs[1], 0) AS most_common_freq,
       (s.most_common_vals::text::text[])[1] AS most_common_val
FROM pg_catalog.pg_stats s
JOIN chosen n ON n.nspname = s.schemaname
JOIN pg_catalog.pg_class c ON c.relname = s.tablename AND c.relnamespace = n.oid
WHERE s.inherited = (c.relkind = 'p')
ORDER BY s.schemaname, s.tablename, s.attname
