/* yb-voyager: the storage engine's estimate of each table's rows; no table is read */
SELECT @node AS source_node,
    t.table_schema AS schema_name, t.table_name AS table_name, t.table_rows AS row_count
FROM information_schema.tables t
WHERE t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')
    AND LOCATE(CONCAT('\0', t.table_schema, '\0'), @schemas COLLATE utf8mb4_bin) > 0
ORDER BY 2, 3
