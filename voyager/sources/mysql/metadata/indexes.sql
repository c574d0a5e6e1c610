/* yb-voyager: the indexes, one row for each key */
SELECT @node AS source_node,
    s.table_schema AS schema_name, s.table_name AS table_name, s.index_name AS index_name,
    s.seq_in_index AS seq_in_index, IF(s.non_unique = 0, 'YES', 'NO') AS is_unique, s.column_name AS column_name,
    COALESCE(/*!80013 s.expression, */ NULL) AS expression, s.sub_part AS sub_part, s.collation AS collation,
    s.cardinality AS cardinality, s.index_type AS index_type,
    CASE /*!80000 WHEN s.is_visible = 'NO' THEN 'NO' */ /*M!100600 WHEN s.ignored = 'YES' THEN 'NO' */
        WHEN 1 = 1 THEN 'YES' END AS is_visible
FROM information_schema.statistics s
WHERE LOCATE(CONCAT('\0', s.table_schema, '\0'), @schemas COLLATE utf8mb4_bin) > 0
ORDER BY s.table_schema, s.table_name, s.index_name, s.seq_in_index
