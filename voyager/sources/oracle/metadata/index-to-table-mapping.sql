WITH {migrated_tables}, {migrated_indexes}
SELECT i.owner AS index_schema, i.index_name, i.table_owner AS table_schema, i.table_name
FROM migrated_indexes i
ORDER BY 1, 2
