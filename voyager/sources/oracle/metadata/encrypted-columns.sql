SELECT e.owner AS schema_name, e.table_name, e.column_name, e.encryption_alg
FROM dba_encrypted_columns e
WHERE e.owner = :schema_name
ORDER BY 1, 2, 3
