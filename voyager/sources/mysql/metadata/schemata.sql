/* yb-voyager: the character set and collation of each database */
SELECT @node AS source_node,
    s.schema_name AS schema_name, s.default_character_set_name AS character_set_name,
    s.default_collation_name AS collation_name
FROM information_schema.schemata s
WHERE LOCATE(CONCAT('\0', s.schema_name, '\0'), @schemas COLLATE utf8mb4_bin) > 0
ORDER BY 2
