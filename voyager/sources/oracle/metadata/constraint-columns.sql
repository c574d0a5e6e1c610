SELECT c.owner AS schema_name, c.constraint_name, c.table_name, c.position, c.column_name
FROM dba_cons_columns c
WHERE c.owner = :schema_name AND c.table_name NOT LIKE 'BIN$%'
ORDER BY 1, 3, 2, 4
