/* yb-voyager: the foreign keys, one row for each column */
SELECT @node AS source_node,
    k.table_schema AS schema_name, k.table_name AS table_name, k.constraint_name AS constraint_name,
    k.ordinal_position AS ordinal_position, k.column_name AS column_name,
    k.referenced_table_schema AS referenced_schema, k.referenced_table_name AS referenced_table,
    k.referenced_column_name AS referenced_column, r.update_rule AS update_rule, r.delete_rule AS delete_rule,
    r.match_option AS match_option
FROM information_schema.key_column_usage k
LEFT JOIN information_schema.referential_constraints r
    ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name
    AND r.table_name = k.table_name
WHERE k.referenced_table_name IS NOT NULL
    AND LOCATE(CONCAT('\0', k.table_schema, '\0'), @schemas COLLATE utf8mb4_bin) > 0
ORDER BY k.table_schema, k.table_name, k.constraint_name, k.ordinal_position
