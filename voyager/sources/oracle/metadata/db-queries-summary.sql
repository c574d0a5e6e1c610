SELECT s.sql_id AS queryid, s.sql_fulltext AS query, s.executions AS calls, s.rows_processed AS "rows",
       ROUND(s.elapsed_time / 1000) AS total_exec_time
FROM v$sqlarea s
WHERE s.parsing_schema_name = :schema_name AND s.command_type IN (2, 3, 6, 7, 189)
ORDER BY s.elapsed_time DESC
FETCH FIRST 500 ROWS ONLY
