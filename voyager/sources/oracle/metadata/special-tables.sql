SELECT s.schema_name, s.table_name, s.kind, s.detail
FROM (
  SELECT e.owner AS schema_name, e.table_name, 'EXTERNAL' AS kind, e.type_name AS detail
  FROM dba_external_tables e
  UNION ALL
  SELECT q.owner, q.queue_table, 'QUEUE', q.object_type
  FROM dba_queue_tables q
  UNION ALL
  SELECT n.owner, n.table_name, 'NESTED', n.parent_table_name || '.' || n.parent_table_column
  FROM dba_nested_tables n
  UNION ALL
  SELECT l.log_owner, l.log_table, 'MATERIALIZED VIEW LOG', l.master
  FROM dba_mview_logs l
) s
WHERE s.schema_name = :schema_name
ORDER BY 1, 2, 3
