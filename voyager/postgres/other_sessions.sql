-- Other client sessions of this database, without those of ours that write no table of the migration. A session reports
-- its writes with a delay. Of the sessions of other roles who may not see them is shown neither state nor kind.
SELECT a.pid,
       a.usename,
       a.application_name,
       a.state,
       a.state IS NULL OR a.state = 'disabled' AS hidden,
       coalesce(a.backend_start, '-infinity') > %(called)s::timestamptz AS came_later,
       extract(epoch FROM pg_catalog.clock_timestamp() - a.state_change)::float8 AS unchanged_for,
       extract(epoch FROM least(a.xact_start, a.query_start) - %(called)s::timestamptz)::float8 AS busy_from,
       coalesce(CASE WHEN a.state = 'idle' THEN a.state_change ELSE a.xact_start END <= %(since)s::timestamptz, false)
           AS nothing_since,
       pg_catalog.to_char(least(a.xact_start, a.query_start) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"') AS busy_at
FROM pg_catalog.pg_stat_activity a
WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid() AND a.usesysid IS NOT NULL
  AND coalesce(a.backend_type, 'client backend') = 'client backend'
  AND a.application_name !~ '^yb-voyager (read source|read target|export|verify|state|probe|preflight)'
ORDER BY a.pid
