/* yb-voyager: indexes whose keys are the first keys of another index of the same table */
SELECT @node AS source_node,
    r.table_schema AS redundant_schema_name, r.table_name AS redundant_table_name, r.index_name AS redundant_index_name,
    e.table_schema AS existing_schema_name, e.table_name AS existing_table_name, e.index_name AS existing_index_name,
    CONCAT('CREATE ', r.kind, 'INDEX `', r.index_name, '` ON `', r.table_schema, '`.`', r.table_name, '` (',
        r.shown, ')') AS redundant_ddl,
    CONCAT('CREATE ', e.kind, 'INDEX `', e.index_name, '` ON `', e.table_schema, '`.`', e.table_name, '` (',
        e.shown, ')') AS existing_ddl
FROM (
    SELECT s.table_schema, s.table_name, s.index_name, MIN(s.non_unique) AS non_unique, MIN(s.index_type) AS index_type,
        IF(MIN(s.non_unique) = 0, 'UNIQUE ', '') AS kind,
        GROUP_CONCAT(COALESCE(s.column_name /*!80013 , s.expression */), ' ', COALESCE(s.sub_part, ''), ' ',
            COALESCE(s.collation, ''), '\n' ORDER BY s.seq_in_index SEPARATOR '') AS signature,
        GROUP_CONCAT(COALESCE(CONCAT('`', s.column_name, '`') /*!80013 , CONCAT('(', s.expression, ')') */),
            COALESCE(CONCAT('(', s.sub_part, ')'), ''), IF(s.collation = 'D', ' DESC', '')
            ORDER BY s.seq_in_index SEPARATOR ', ') AS shown
    FROM information_schema.statistics s
    WHERE s.index_type IN ('BTREE', 'HASH')
        AND LOCATE(CONCAT('\0', s.table_schema, '\0'), @schemas COLLATE utf8mb4_bin) > 0
    GROUP BY s.table_schema, s.table_name, s.index_name
) r
JOIN (
    SELECT s.table_schema, s.table_name, s.index_name, MIN(s.non_unique) AS non_unique, MIN(s.index_type) AS index_type,
        IF(MIN(s.non_unique) = 0, 'UNIQUE ', '') AS kind,
        GROUP_CONCAT(COALESCE(s.column_name /*!80013 , s.expression */), ' ', COALESCE(s.sub_part, ''), ' ',
            COALESCE(s.collation, ''), '\n' ORDER BY s.seq_in_index SEPARATOR '') AS signature,
        GROUP_CONCAT(COALESCE(CONCAT('`', s.column_name, '`') /*!80013 , CONCAT('(', s.expression, ')') */),
            COALESCE(CONCAT('(', s.sub_part, ')'), ''), IF(s.collation = 'D', ' DESC', '')
            ORDER BY s.seq_in_index SEPARATOR ', ') AS shown
    FROM information_schema.statistics s
    WHERE s.index_type IN ('BTREE', 'HASH')
        /*!80000 AND s.is_visible = 'YES' */ /*M!100600 AND s.ignored = 'NO' */
        AND LOCATE(CONCAT('\0', s.table_schema, '\0'), @schemas COLLATE utf8mb4_bin) > 0
    GROUP BY s.table_schema, s.table_name, s.index_name
) e ON e.table_schema = r.table_schema AND e.table_name = r.table_name AND e.index_type = r.index_type
    AND e.index_name <> r.index_name
WHERE r.index_name <> 'PRIMARY'
    AND LEFT(e.signature, CHAR_LENGTH(r.signature)) = r.signature
    AND (
        (r.non_unique = 1 AND e.signature <> r.signature)
        OR (e.signature = r.signature AND r.non_unique = 1 AND e.non_unique = 0)
        OR (e.signature = r.signature AND r.non_unique = e.non_unique
            AND (e.index_name = 'PRIMARY' OR e.index_name < r.index_name))
    )
ORDER BY 2, 3, 4, 7
