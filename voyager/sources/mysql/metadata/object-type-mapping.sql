/* yb-voyager: the names and kinds of all tables and indexes */
SELECT @node AS source_node,
    t.table_schema AS schema_name, t.table_name AS object_name, 'table' AS object_type
FROM information_schema.tables t
WHERE t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')
    AND LOCATE(CONCAT('\0', t.table_schema, '\0'), @schemas COLLATE utf8mb4_bin) > 0
UNION ALL
SELECT @node, s.table_schema,
    CONCAT(s.table_name, '.', s.index_name), IF(s.index_name = 'PRIMARY', 'primary key', 'index')
FROM information_schema.statistics s
WHERE s.seq_in_index = 1
    AND LOCATE(CONCAT('\0', s.table_schema, '\0'), @schemas COLLATE utf8mb4_bin) > 0
ORDER BY 2, 3
