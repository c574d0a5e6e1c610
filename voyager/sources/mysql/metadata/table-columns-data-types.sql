/* yb-voyager: the name and data type of each column */
SELECT @node AS source_node,
    c.table_schema AS schema_name, c.table_name AS table_name, c.column_name AS column_name, c.column_type AS data_type
FROM information_schema.columns c
WHERE LOCATE(CONCAT('\0', c.table_schema, '\0'), @schemas COLLATE utf8mb4_bin) > 0
    AND (c.table_schema, c.table_name) IN (
        SELECT t.table_schema, t.table_name
        FROM information_schema.tables t
        WHERE t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')
    )
ORDER BY c.table_schema, c.table_name, c.ordinal_position
