/* yb-voyager: the texts of the queries that ran (constants replaced by ?), how often and how long (milliseconds) */
SELECT @node AS source_node,
    d.digest AS queryid, d.schema_name AS schema_name, d.digest_text AS query, d.count_star AS calls,
    d.sum_rows_sent + d.sum_rows_affected AS `rows`, d.sum_rows_examined AS rows_examined,
    d.sum_timer_wait / 1000000000 AS total_exec_time, d.avg_timer_wait / 1000000000 AS mean_exec_time,
    d.min_timer_wait / 1000000000 AS min_exec_time, d.max_timer_wait / 1000000000 AS max_exec_time
FROM performance_schema.events_statements_summary_by_digest d
WHERE d.digest_text REGEXP '^[( ]*(SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH|CALL|LOAD|DO|TABLE|VALUES|HANDLER) '
    AND d.digest_text NOT LIKE '%source\_node%' AND d.digest_text NOT LIKE '%yb\_voyager%'
    AND d.digest_text NOT LIKE '%information\_schema%' AND d.digest_text NOT LIKE '%performance\_schema%'
    AND LOCATE(CONCAT('\0', d.schema_name, '\0'), @schemas COLLATE utf8mb4_bin) > 0
ORDER BY d.sum_timer_wait DESC, d.digest
LIMIT 5000
