WITH {migrated_tables}
SELECT c.owner AS schema_name, c.table_name, c.internal_column_id, c.column_name, c.data_type, c.data_type_owner,
       c.data_length, c.data_precision, c.data_scale, c.char_length, c.char_used, c.nullable, c.virtual_column,
       c.hidden_column, c.user_generated, c.identity_column, c.default_on_null, c.data_default
FROM dba_tab_cols c
JOIN migrated_tables t ON t.owner = c.owner AND t.table_name = c.table_name
ORDER BY 1, 2, 3
