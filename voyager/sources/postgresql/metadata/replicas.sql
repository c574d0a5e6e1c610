/* yb-voyager: where the servers are that stream from this one as its standbys */
SELECT /* yb-voyager */ DISTINCT pg_catalog.host(r.client_addr) AS address
FROM pg_catalog.pg_stat_replication r
LEFT JOIN pg_catalog.pg_replication_slots p ON p.active_pid = r.pid
WHERE r.client_addr IS NOT NULL AND r.state IN ('streaming', 'catchup')
  AND coalesce(p.slot_type, 'physical') = 'physical'
ORDER BY 1
