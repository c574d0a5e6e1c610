/* yb-voyager: the views with their definitions */
SELECT @node AS source_node,
    v.table_schema AS schema_name, v.table_name AS view_name, v.view_definition AS definition,
    v.check_option AS check_option, v.is_updatable AS is_updatable, v.definer AS definer,
    v.security_type AS security_type
FROM information_schema.views v
WHERE LOCATE(CONCAT('\0', v.table_schema, '\0'), @schemas COLLATE utf8mb4_bin) > 0
ORDER BY 2, 3
