/* yb-voyager: the database itself, and what stands in the way of reading all of it; one JSON document */
WITH chosen AS ( /* yb-voyager */
    SELECT n.oid, n.nspname
    FROM pg_catalog.pg_namespace n
    WHERE CASE pg_catalog.current_setting('voyager.schema_list')
              WHEN '' THEN n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'ybvoyager')
              ELSE pg_catalog.replace(pg_catalog.replace(n.nspname, '%', '%25'), '|', '%7C')
                   = ANY (pg_catalog.string_to_array(pg_catalog.current_setting('voyager.schema_list'), '|')) END
), tables AS (
    SELECT n.nspname, c.relname, c.reltuples,
           pg_catalog.has_schema_privilege(n.oid, 'USAGE')
               AND pg_catalog.has_table_privilege(c.oid, 'SELECT') AS readable,
           pg_catalog.row_security_active(c.oid) AS filtered,
           pg_catalog.pg_stat_get_live_tuples(c.oid) AS live
    FROM pg_catalog.pg_class c
    JOIN chosen n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_depend d
           ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0 AND d.deptype = 'e'
    WHERE c.relkind IN ('r', 'p') AND d.objid IS NULL
), statements AS (
    SELECT n.nspname,
           CASE WHEN pg_catalog.current_setting('pg_stat_statements.max', true) IS NULL THEN 'not loaded'
                WHEN NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE')
                     OR NOT pg_catalog.has_table_privilege(c.oid, 'SELECT') THEN 'not readable'
                ELSE 'ready' END AS state
    FROM pg_catalog.pg_extension e
    JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = 'pg_stat_statements'
    WHERE e.extname = 'pg_stat_statements'
)
SELECT pg_catalog.json_build_object(
           'format', 1,
           'engine', 'postgresql',
           'database', pg_catalog.current_database(),
           'version', pg_catalog.split_part(pg_catalog.current_setting('server_version'), ' ', 1),
           'version_number', pg_catalog.current_setting('server_version_num')::int,
           'schemas', (SELECT coalesce(pg_catalog.json_agg(n.nspname ORDER BY n.nspname), '[]') FROM chosen n),
           'schemas_missing', (
               SELECT coalesce(pg_catalog.json_agg(w.name ORDER BY w.name), '[]')
               FROM pg_catalog.unnest(
                   pg_catalog.string_to_array(pg_catalog.current_setting('voyager.schema_list'), '|')) AS w (name)
               WHERE w.name <> '' AND w.name NOT IN (
                   SELECT pg_catalog.replace(pg_catalog.replace(n.nspname, '%', '%25'), '|', '%7C') FROM chosen n)),
           'node', pg_catalog.current_setting('voyager.node'),
           'role', current_user,
           'encoding', pg_catalog.current_setting('server_encoding'),
           'standby', pg_catalog.pg_is_in_recovery(),
           'system_identifier', nullif(pg_catalog.current_setting('voyager.system_identifier', true), ''),
           'instance', pg_catalog.concat_ws(' ', pg_catalog.current_setting('port'), pg_catalog.to_char(
               pg_catalog.pg_postmaster_start_time() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')),
           'track_counts', pg_catalog.current_setting('track_counts')::bool,
           'counters_reset', (
               SELECT pg_catalog.to_char(s.stats_reset AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
               FROM pg_catalog.pg_stat_database s WHERE s.datname = pg_catalog.current_database()),
           'replicas', (
               SELECT pg_catalog.count(*)
               FROM pg_catalog.pg_stat_replication r
               LEFT JOIN pg_catalog.pg_replication_slots p ON p.active_pid = r.pid
               WHERE coalesce(r.state, 'streaming') IN ('streaming', 'catchup')
                 AND coalesce(p.slot_type, 'physical') = 'physical'),
           'query_statistics', coalesce((SELECT s.state FROM statements s), 'not installed'),
           'query_statistics_schema', (SELECT s.nspname FROM statements s),
           'sees_all_statistics', pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE'),
           'tables', (SELECT pg_catalog.count(*) FROM tables t),
           'tables_unreadable', (SELECT pg_catalog.count(*) FROM tables t WHERE NOT t.readable),
           'tables_filtered', (SELECT pg_catalog.count(*) FROM tables t WHERE t.readable AND t.filtered),
           'tables_unanalyzed', (SELECT pg_catalog.count(*) FROM tables t WHERE t.reltuples <= 0 AND t.live > 0),
           'unreadable', (
               SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_array(u.nspname, u.relname)), '[]')
               FROM (SELECT t.nspname, t.relname FROM tables t WHERE NOT t.readable ORDER BY 1, 2 LIMIT 20) u),
           'unreadable_schemas', (
               SELECT coalesce(pg_catalog.json_agg(u.nspname), '[]')
               FROM (SELECT DISTINCT t.nspname FROM tables t WHERE NOT t.readable ORDER BY 1) u),
           'collected_at', pg_catalog.to_char(pg_catalog.now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
           'capture_seconds', nullif(pg_catalog.current_setting('voyager.capture_seconds', true), '')::int,
           'rows', nullif(pg_catalog.current_setting('voyager.rows', true), '')::json,
           'collected_by', pg_catalog.current_setting('voyager.collected_by', true)
       ) AS facts
