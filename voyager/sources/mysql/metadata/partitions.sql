/* yb-voyager: the partitions of each partitioned table */
SELECT @node AS source_node,
    p.table_schema AS schema_name, p.table_name AS table_name, p.partition_name AS partition_name,
    p.subpartition_name AS subpartition_name, p.partition_ordinal_position AS ordinal_position,
    p.subpartition_ordinal_position AS subpartition_ordinal_position, p.partition_method AS partition_method,
    p.subpartition_method AS subpartition_method, p.partition_expression AS partition_expression,
    p.subpartition_expression AS subpartition_expression, p.partition_description AS partition_description,
    p.table_rows AS row_count, p.data_length AS data_length
FROM information_schema.partitions p
WHERE p.partition_name IS NOT NULL
    AND LOCATE(CONCAT('\0', p.table_schema, '\0'), @schemas COLLATE utf8mb4_bin) > 0
ORDER BY 2, 3, 6, 7
