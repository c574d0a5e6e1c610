/* yb-voyager: the tables and sequences with their engine and size */
SELECT @node AS source_node,
    t.table_schema AS schema_name, t.table_name AS table_name, t.table_type AS table_type, t.engine AS engine,
    t.row_format AS row_format, t.table_rows AS row_count, t.avg_row_length AS avg_row_length,
    t.data_length AS data_length, t.index_length AS index_length, t.auto_increment AS next_auto_increment,
    t.table_collation AS table_collation, t.create_options AS create_options
FROM information_schema.tables t
WHERE t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE')
    AND LOCATE(CONCAT('\0', t.table_schema, '\0'), @schemas COLLATE utf8mb4_bin) > 0
ORDER BY 2, 3
