-- The schemas to read: those chosen (an empty array means all), without the server's own and voyager's.
SELECT n.oid, n.nspname
FROM pg_catalog.pg_namespace n
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND (pg_catalog.cardinality(%(schemas)s::text[]) = 0 AND n.nspname <> 'ybvoyager' OR n.nspname = ANY (%(schemas)s))
ORDER BY n.nspname
