/* yb-voyager: the table of each index; the name of an index is unique within its table only */
SELECT @node AS source_node,
    s.index_schema AS index_schema, CONCAT(s.table_name, '.', s.index_name) AS index_name,
    s.table_schema AS table_schema, s.table_name AS table_name
FROM information_schema.statistics s
WHERE s.seq_in_index = 1
    AND LOCATE(CONCAT('\0', s.table_schema, '\0'), @schemas COLLATE utf8mb4_bin) > 0
ORDER BY 2, 3
