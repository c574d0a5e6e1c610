/* yb-voyager: the CHECK constraints of each table; MySQL before 8.0.16 had none */
SELECT @node AS source_node,
    t.table_schema AS schema_name, t.table_name AS table_name, t.constraint_name AS constraint_name,
    COALESCE(/*!80016 t.enforced, */ 'YES') AS enforced, c.check_clause AS check_clause
FROM information_schema.table_constraints t
JOIN (
    SELECT NULL AS constraint_schema, NULL AS table_name, NULL AS constraint_name, NULL AS check_clause
    FROM DUAL
    WHERE 1 = 0
    /*!80016 UNION ALL SELECT constraint_schema, NULL, constraint_name, check_clause
    FROM information_schema.check_constraints */
    /*M!100210 UNION ALL SELECT constraint_schema, table_name, constraint_name, check_clause
    FROM information_schema.check_constraints */
) c ON c.constraint_schema = t.constraint_schema AND c.constraint_name = t.constraint_name
    AND COALESCE(c.table_name, t.table_name) = t.table_name
WHERE t.constraint_type = 'CHECK'
    AND LOCATE(CONCAT('\0', t.table_schema, '\0'), @schemas COLLATE utf8mb4_bin) > 0
ORDER BY 2, 3, 4
