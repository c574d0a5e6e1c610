-- Other client sessions of this database, without those of ours that write no table of the migration: how many, and
-- how long ago the last one did anything (null where we may not see it). A session reports its writes with a delay.
SELECT count(*),
       pg_catalog.bool_or(a.state_change IS NULL) AS hidden,
       extract(epoch FROM pg_catalog.clock_timestamp() - max(a.state_change))::float8 AS last_active
FROM pg_catalog.pg_stat_activity a
WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid()
  AND a.backend_type = 'client backend' AND a.application_name !~ '^yb-voyager (read source|read target|export|verify|state|probe|preflight)'
