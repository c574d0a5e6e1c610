leaf_tables AS (
  SELECT t.owner, t.table_name, t.table_name AS object_name, t.object_type, t.num_rows
  FROM migrated_tables t
  WHERE t.partitioning_type IS NULL
  UNION ALL
  SELECT t.owner, t.table_name, t.table_name || '_' || p.partition_name, 'TABLE PARTITION', p.num_rows
  FROM migrated_tables t
  JOIN dba_tab_partitions p ON p.table_owner = t.owner AND p.table_name = t.table_name
  WHERE t.partitioning_type NOT IN ('SYSTEM', 'REFERENCE') AND p.composite = 'NO'
  UNION ALL
  SELECT t.owner, t.table_name, t.table_name || '_' || s.partition_name || '_' || s.subpartition_name,
         'TABLE SUBPARTITION', s.num_rows
  FROM migrated_tables t
  JOIN dba_tab_subpartitions s ON s.table_owner = t.owner AND s.table_name = t.table_name
  WHERE t.partitioning_type NOT IN ('SYSTEM', 'REFERENCE')
)
