/* yb-voyager: the parameters of procedures and functions */
SELECT @node AS source_node,
    p.specific_schema AS schema_name, p.specific_name AS routine_name, p.routine_type AS routine_type,
    p.ordinal_position AS ordinal_position, p.parameter_mode AS parameter_mode, p.parameter_name AS parameter_name,
    p.dtd_identifier AS data_type
FROM information_schema.parameters p
WHERE LOCATE(CONCAT('\0', p.specific_schema, '\0'), @schemas COLLATE utf8mb4_bin) > 0
ORDER BY 2, 3, 4, 5
