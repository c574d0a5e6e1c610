WITH {migrated_tables}, {leaf_tables}, {migrated_indexes},
segments AS (
  SELECT s.owner, s.segment_name, s.partition_name, s.segment_type, s.bytes
  FROM dba_segments s
  WHERE s.owner = :schema_name
),
table_bytes AS (
  SELECT s.owner, s.segment_name AS object_name, s.bytes
  FROM segments s
  WHERE s.segment_type = 'TABLE'
  UNION ALL
  SELECT s.owner, s.segment_name || '_' || s.partition_name, s.bytes
  FROM segments s
  WHERE s.segment_type = 'TABLE PARTITION'
  UNION ALL
  SELECT s.owner, p.table_name || '_' || p.partition_name || '_' || p.subpartition_name, s.bytes
  FROM segments s
  JOIN dba_tab_subpartitions p
    ON p.table_owner = s.owner AND p.table_name = s.segment_name AND p.subpartition_name = s.partition_name
  WHERE s.segment_type = 'TABLE SUBPARTITION'
  UNION ALL
  SELECT s.owner, i.table_name, s.bytes
  FROM segments s
  JOIN dba_indexes i ON i.owner = s.owner AND i.index_name = s.segment_name AND i.index_type = 'IOT - TOP'
  WHERE s.segment_type = 'INDEX'
  UNION ALL
  SELECT s.owner, i.table_name || '_' || s.partition_name, s.bytes
  FROM segments s
  JOIN dba_indexes i ON i.owner = s.owner AND i.index_name = s.segment_name AND i.index_type = 'IOT - TOP'
  WHERE s.segment_type = 'INDEX PARTITION'
  UNION ALL
  SELECT s.owner, l.table_name, s.bytes
  FROM segments s
  JOIN dba_lobs l ON l.owner = s.owner AND l.segment_name = s.segment_name
  WHERE s.segment_type = 'LOBSEGMENT'
  UNION ALL
  SELECT s.owner, l.table_name || '_' || l.partition_name, s.bytes
  FROM segments s
  JOIN dba_lob_partitions l
    ON l.table_owner = s.owner AND l.lob_name = s.segment_name AND l.lob_partition_name = s.partition_name
  WHERE s.segment_type = 'LOB PARTITION'
  UNION ALL
  SELECT s.owner, p.table_name || '_' || p.partition_name || '_' || p.subpartition_name, s.bytes
  FROM segments s
  JOIN dba_lob_subpartitions l
    ON l.table_owner = s.owner AND l.lob_name = s.segment_name AND l.lob_subpartition_name = s.partition_name
  JOIN dba_tab_subpartitions p
    ON p.table_owner = l.table_owner AND p.table_name = l.table_name AND p.subpartition_name = l.subpartition_name
  WHERE s.segment_type = 'LOB SUBPARTITION'
)
SELECT o.schema_name, o.object_name, o.object_type, o.size_in_bytes
FROM (
  SELECT l.owner AS schema_name, l.object_name, l.object_type, SUM(b.bytes) AS size_in_bytes
  FROM leaf_tables l
  JOIN table_bytes b ON b.owner = l.owner AND b.object_name = l.object_name
  GROUP BY l.owner, l.object_name, l.object_type
  UNION ALL
  SELECT i.owner, i.index_name, i.index_type || ' INDEX', SUM(s.bytes)
  FROM migrated_indexes i
  JOIN segments s ON s.owner = i.owner AND s.segment_name = i.index_name
  WHERE s.segment_type IN ('INDEX', 'INDEX PARTITION', 'INDEX SUBPARTITION')
  GROUP BY i.owner, i.index_name, i.index_type
) o
ORDER BY 1, 2, 3
