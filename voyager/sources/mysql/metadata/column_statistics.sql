/* yb-voyager: what the server's statistics say of the first column of each index: its number of values, and
   the share of NULLs where there is a histogram (MySQL 8) */
SELECT @node AS source_node,
    s.table_schema AS schema_name, s.table_name AS table_name, s.column_name AS column_name,
    MAX(/*!80002 JSON_EXTRACT(h.histogram, '$."null-values"') * 1.0 + */ /*M!100000 NULL + */ 0) AS null_frac,
    MAX(s.cardinality) AS effective_n_distinct, NULL AS most_common_freq, NULL AS most_common_val
FROM information_schema.statistics s
/*!80002 LEFT JOIN information_schema.column_statistics h
    ON h.schema_name = s.table_schema AND h.table_name = s.table_name AND h.column_name = s.column_name */
WHERE s.seq_in_index = 1 AND s.column_name IS NOT NULL AND s.cardinality IS NOT NULL
    AND LOCATE(CONCAT('\0', s.table_schema, '\0'), @schemas COLLATE utf8mb4_bin) > 0
GROUP BY s.table_schema, s.table_name, s.column_name
ORDER BY 2, 3, 4
