/* yb-voyager: how many rows of each table and index have been read and written since the server counts. Asked twice;
   the difference is the load of the time between. MariaDB without the performance schema: the user statistics */
SELECT @node AS source_node,
    t.table_schema AS schema_name, t.table_name AS object_name, 'table' AS object_type,
    CASE WHEN m.counted > 0 THEN COALESCE(p.count_fetch, 0)
        /*M!100101 ELSE COALESCE(u.rows_read, 0) */ END AS seq_reads,
    CASE WHEN m.counted > 0 THEN COALESCE(p.count_written, 0)
        /*M!100101 ELSE COALESCE(u.rows_changed, 0) */ END AS row_writes,
    @moment AS measurement_type
FROM information_schema.tables t
CROSS JOIN (
    SELECT COUNT(*) AS counted
    FROM performance_schema.setup_instruments n
    JOIN performance_schema.setup_consumers g ON g.name = 'global_instrumentation' AND g.enabled = 'YES'
    WHERE n.name = 'wait/io/table/sql/handler' AND n.enabled = 'YES'
) m
LEFT JOIN (
    SELECT w.object_schema, w.object_name, SUM(w.count_fetch) AS count_fetch,
        SUM(w.count_insert + w.count_update + w.count_delete) AS count_written
    FROM performance_schema.table_io_waits_summary_by_table w
    WHERE w.object_type = 'TABLE'
    GROUP BY w.object_schema, w.object_name
) p ON p.object_schema = t.table_schema AND p.object_name = t.table_name
/*M!100101 LEFT JOIN information_schema.table_statistics u
    ON u.table_schema = t.table_schema AND u.table_name = t.table_name */
WHERE (m.counted > 0 /*M!100101 OR @@userstat = 1 */)
    AND t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')
    AND LOCATE(CONCAT('\0', t.table_schema, '\0'), @schemas COLLATE utf8mb4_bin) > 0
UNION ALL
SELECT @node, i.table_schema,
    CONCAT(i.table_name, '.', i.index_name), IF(i.index_name = 'PRIMARY', 'primary key', 'index'),
    CASE WHEN m.counted > 0 THEN COALESCE(p.count_fetch, 0) /*M!100101 ELSE COALESCE(u.rows_read, 0) */ END,
    0, @moment
FROM information_schema.statistics i
CROSS JOIN (
    SELECT COUNT(*) AS counted
    FROM performance_schema.setup_instruments n
    JOIN performance_schema.setup_consumers g ON g.name = 'global_instrumentation' AND g.enabled = 'YES'
    WHERE n.name = 'wait/io/table/sql/handler' AND n.enabled = 'YES'
) m
LEFT JOIN (
    SELECT w.object_schema, w.object_name, w.index_name, SUM(w.count_fetch) AS count_fetch
    FROM performance_schema.table_io_waits_summary_by_index_usage w
    WHERE w.object_type = 'TABLE' AND w.index_name IS NOT NULL
    GROUP BY w.object_schema, w.object_name, w.index_name
) p ON p.object_schema = i.table_schema AND p.object_name = i.table_name AND p.index_name = i.index_name
/*M!100101 LEFT JOIN information_schema.index_statistics u
    ON u.table_schema = i.table_schema AND u.table_name = i.table_name AND u.index_name = i.index_name */
WHERE (m.counted > 0 /*M!100101 OR @@userstat = 1 */)
    AND i.seq_in_index = 1
    AND LOCATE(CONCAT('\0', i.table_schema, '\0'), @schemas COLLATE utf8mb4_bin) > 0
ORDER BY 2, 3
