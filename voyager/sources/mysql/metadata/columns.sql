/* yb-voyager: each column as the dictionary describes it. `default_kind` tells how its default is to be read: MySQL
   gives a literal without quotes, MariaDB gives SQL */
SELECT @node AS source_node,
    c.table_schema AS schema_name, c.table_name AS table_name, c.column_name AS column_name,
    c.ordinal_position AS ordinal_position, c.data_type AS data_type, c.column_type AS column_type,
    c.is_nullable AS is_nullable, c.column_default AS column_default,
    CASE
        WHEN c.column_default IS NULL THEN NULL
        /*M!100207 WHEN 1 = 1 THEN 'sql' */
        WHEN c.extra LIKE '%DEFAULT_GENERATED%' THEN 'expression'
        WHEN c.data_type IN ('timestamp', 'datetime') AND c.column_default LIKE 'CURRENT_TIMESTAMP%' THEN 'expression'
        ELSE 'literal'
    END AS default_kind,
    c.extra AS extra, c.generation_expression AS generation_expression,
    c.character_maximum_length AS character_length, c.character_octet_length AS octet_length,
    c.numeric_precision AS numeric_precision, c.numeric_scale AS numeric_scale,
    c.datetime_precision AS datetime_precision, c.character_set_name AS character_set_name,
    c.collation_name AS collation_name
FROM information_schema.columns c
WHERE LOCATE(CONCAT('\0', c.table_schema, '\0'), @schemas COLLATE utf8mb4_bin) > 0
ORDER BY c.table_schema, c.table_name, c.ordinal_position
