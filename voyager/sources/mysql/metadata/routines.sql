/* yb-voyager: procedures and functions with their bodies */
SELECT @node AS source_node,
    r.routine_schema AS schema_name, r.routine_name AS routine_name, r.routine_type AS routine_type,
    r.dtd_identifier AS returns, r.routine_body AS body_language, r.external_language AS external_language,
    r.routine_definition AS definition, r.is_deterministic AS is_deterministic, r.sql_data_access AS sql_data_access,
    r.security_type AS security_type, r.sql_mode AS sql_mode, r.definer AS definer
FROM information_schema.routines r
WHERE LOCATE(CONCAT('\0', r.routine_schema, '\0'), @schemas COLLATE utf8mb4_bin) > 0
ORDER BY 2, 3, 4
