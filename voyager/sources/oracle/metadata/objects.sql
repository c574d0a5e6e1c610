SELECT o.owner AS schema_name, o.object_type, o.object_name, o.status, o.temporary, o.generated
FROM dba_objects o
WHERE o.owner = :schema_name AND o.subobject_name IS NULL AND o.object_type NOT IN ('TABLE', 'INDEX', 'LOB')
  AND o.object_name NOT LIKE 'BIN$%'
ORDER BY 1, 2, 3
