SELECT s.owner AS schema_name, s.type AS object_type, s.name AS object_name, s.line, s.text
FROM dba_source s
WHERE s.owner = :schema_name AND s.name NOT LIKE 'BIN$%'
ORDER BY 1, 2, 3, 4
