/* yb-voyager: what pg_stat_statements has counted of each query of this database, but for our own */
SELECT /* yb-voyager */ pg_catalog.current_setting('voyager.node') AS source_node,
       pg_catalog.to_json(s) AS pgss_data
/* The mark is in the midst of each of our texts, as a server may cut off a comment that one begins with. */
FROM pg_stat_statements s
JOIN pg_catalog.pg_database d ON d.oid = s.dbid
WHERE d.datname = pg_catalog.current_database() AND s.query NOT LIKE '%/* yb-voyager */%'
ORDER BY s.queryid, s.userid, s.calls
