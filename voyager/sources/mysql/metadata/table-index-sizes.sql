/* yb-voyager: the size of each table, its primary key included, and of each other index. The dictionary knows the
   sum of a table's indexes only: each is given an equal share */
SELECT @node AS source_node,
    t.table_schema AS schema_name, t.table_name AS object_name, 'table' AS object_type, t.data_length AS size_in_bytes
FROM information_schema.tables t
WHERE t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')
    AND LOCATE(CONCAT('\0', t.table_schema, '\0'), @schemas COLLATE utf8mb4_bin) > 0
UNION ALL
SELECT @node, i.table_schema,
    CONCAT(i.table_name, '.', i.index_name), IF(i.index_name = 'PRIMARY', 'primary key', 'index'),
    IF(i.index_name = 'PRIMARY', 0, t.index_length DIV n.secondary_indexes)
FROM information_schema.statistics i
JOIN information_schema.tables t ON t.table_schema = i.table_schema AND t.table_name = i.table_name
JOIN (
    SELECT s.table_schema, s.table_name, SUM(s.index_name <> 'PRIMARY') AS secondary_indexes
    FROM information_schema.statistics s
    WHERE s.seq_in_index = 1
        AND LOCATE(CONCAT('\0', s.table_schema, '\0'), @schemas COLLATE utf8mb4_bin) > 0
    GROUP BY s.table_schema, s.table_name
) n ON n.table_schema = i.table_schema AND n.table_name = i.table_name
WHERE i.seq_in_index = 1
    AND LOCATE(CONCAT('\0', i.table_schema, '\0'), @schemas COLLATE utf8mb4_bin) > 0
ORDER BY 2, 3
