SELECT k.schema_name, k.table_name, k.key_of, k.column_position, k.column_name
FROM (
  SELECT p.owner AS schema_name, p.name AS table_name, 'PARTITION' AS key_of, p.column_position, p.column_name
  FROM dba_part_key_columns p
  WHERE TRIM(p.object_type) = 'TABLE'
  UNION ALL
  SELECT s.owner, s.name, 'SUBPARTITION', s.column_position, s.column_name
  FROM dba_subpart_key_columns s
  WHERE TRIM(s.object_type) = 'TABLE'
) k
WHERE k.schema_name = :schema_name
ORDER BY 1, 2, 3, 4
