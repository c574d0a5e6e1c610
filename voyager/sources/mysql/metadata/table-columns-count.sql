/* yb-voyager: the number of columns of each table */
SELECT @node AS source_node,
    c.table_schema AS schema_name, c.table_name AS object_name, 'table' AS object_type, COUNT(*) AS column_count
FROM information_schema.columns c
WHERE LOCATE(CONCAT('\0', c.table_schema, '\0'), @schemas COLLATE utf8mb4_bin) > 0
    AND (c.table_schema, c.table_name) IN (
        SELECT t.table_schema, t.table_name
        FROM information_schema.tables t
        WHERE t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')
    )
GROUP BY c.table_schema, c.table_name
ORDER BY 2, 3
