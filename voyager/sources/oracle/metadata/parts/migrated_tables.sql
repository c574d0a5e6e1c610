migrated_tables AS (
  SELECT t.owner, t.table_name, t.num_rows, t.iot_type, p.partitioning_type, p.subpartitioning_type,
         CASE WHEN m.mview_name IS NULL THEN 'TABLE' ELSE 'MATERIALIZED VIEW' END AS object_type
  FROM dba_all_tables t
  LEFT JOIN dba_part_tables p ON p.owner = t.owner AND p.table_name = t.table_name
  LEFT JOIN dba_mviews m ON m.owner = t.owner AND m.container_name = t.table_name
  WHERE t.owner = :schema_name
    AND t.nested = 'NO' AND t.secondary = 'N' AND t.dropped = 'NO'
    AND (t.iot_type IS NULL OR t.iot_type = 'IOT')
    AND t.table_name NOT LIKE 'BIN$%' AND t.table_name NOT LIKE 'DR$%' AND t.table_name NOT LIKE 'AQ$%'
    AND t.table_name NOT LIKE 'MLOG$!_%' ESCAPE '!' AND t.table_name NOT LIKE 'RUPD$!_%' ESCAPE '!'
    AND t.table_name NOT LIKE 'MDRT!_%$' ESCAPE '!' AND t.table_name NOT LIKE 'MDXT!_%$%' ESCAPE '!'
    AND t.table_name NOT LIKE 'SYS!_IOT!_OVER!_%' ESCAPE '!' AND t.table_name NOT LIKE 'SYS!_IOT!_MAP!_%' ESCAPE '!'
    AND t.table_name NOT LIKE 'CMP3$%' AND t.table_name NOT LIKE 'CMP4$%'
    AND NOT EXISTS (
      SELECT 1 FROM dba_queue_tables q WHERE q.owner = t.owner AND q.queue_table = t.table_name)
    AND NOT EXISTS (
      SELECT 1 FROM dba_mview_logs l WHERE l.log_owner = t.owner AND l.log_table = t.table_name)
)
