SELECT i.owner AS schema_name, i.table_name, i.column_name, i.generation_type, i.sequence_name, i.identity_options
FROM dba_tab_identity_cols i
WHERE i.owner = :schema_name
ORDER BY 1, 2, 3
