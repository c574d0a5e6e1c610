SELECT c.schema_name, c.object_type, c.comment_count
FROM (
  SELECT t.owner AS schema_name, t.table_type AS object_type, COUNT(*) AS comment_count
  FROM dba_tab_comments t
  WHERE t.comments IS NOT NULL
  GROUP BY t.owner, t.table_type
  UNION ALL
  SELECT k.owner, 'COLUMN', COUNT(*)
  FROM dba_col_comments k
  WHERE k.comments IS NOT NULL
  GROUP BY k.owner
) c
WHERE c.schema_name = :schema_name
ORDER BY 1, 2
