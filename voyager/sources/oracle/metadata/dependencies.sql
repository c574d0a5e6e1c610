SELECT d.owner AS schema_name, d.type AS object_type, d.name AS object_name, d.referenced_owner, d.referenced_type,
       d.referenced_name, d.referenced_link_name
FROM dba_dependencies d
WHERE d.owner = :schema_name AND (d.referenced_owner <> d.owner OR d.referenced_link_name IS NOT NULL)
  AND d.referenced_name NOT IN ('STANDARD', 'DUAL', 'SYS_STUB_FOR_PURITY_ANALYSIS')
ORDER BY 1, 2, 3, 4, 6
