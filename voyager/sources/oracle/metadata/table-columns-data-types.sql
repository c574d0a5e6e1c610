WITH {migrated_tables}
SELECT c.owner AS schema_name, c.table_name, c.column_name, c.data_type
FROM dba_tab_cols c
JOIN migrated_tables t ON t.owner = c.owner AND t.table_name = c.table_name
WHERE c.hidden_column = 'NO' OR c.user_generated = 'YES'
ORDER BY 1, 2, c.internal_column_id
