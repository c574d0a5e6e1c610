SELECT j.owner AS schema_name, j.table_name, j.column_name, j.format, j.data_type
FROM dba_json_columns j
WHERE j.owner = :schema_name
ORDER BY 1, 2, 3
