WITH {migrated_tables}
SELECT o.schema_name, o.object_name, o.object_type
FROM (
  SELECT t.owner AS schema_name, t.table_name AS object_name, t.object_type
  FROM migrated_tables t
  UNION ALL
  SELECT t.owner, t.table_name || '_' || p.partition_name, 'TABLE PARTITION'
  FROM migrated_tables t
  JOIN dba_tab_partitions p ON p.table_owner = t.owner AND p.table_name = t.table_name
  WHERE t.partitioning_type NOT IN ('SYSTEM', 'REFERENCE')
  UNION ALL
  SELECT t.owner, t.table_name || '_' || s.partition_name || '_' || s.subpartition_name, 'TABLE SUBPARTITION'
  FROM migrated_tables t
  JOIN dba_tab_subpartitions s ON s.table_owner = t.owner AND s.table_name = t.table_name
  WHERE t.partitioning_type NOT IN ('SYSTEM', 'REFERENCE')
  UNION ALL
  SELECT t.owner, t.table_name, t.partitioning_type || ' PARTITION'
  FROM migrated_tables t
  WHERE t.partitioning_type IN ('REFERENCE', 'SYSTEM')
  UNION ALL
  SELECT i.owner, i.index_name, i.index_type || ' INDEX'
  FROM dba_indexes i
  WHERE i.owner = :schema_name AND i.index_type <> 'LOB' AND i.secondary = 'N' AND i.dropped = 'NO'
    AND i.index_name NOT LIKE 'I!_SNAP$!_%' ESCAPE '!'
    AND (i.table_type = 'CLUSTER' OR i.table_owner <> i.owner OR EXISTS (
      SELECT 1 FROM migrated_tables t WHERE t.owner = i.table_owner AND t.table_name = i.table_name))
  UNION ALL
  SELECT y.owner, y.type_name, 'INHERITED TYPE'
  FROM dba_types y
  WHERE y.owner = :schema_name AND y.supertype_name IS NOT NULL
  UNION ALL
  SELECT c.owner, c.table_name || '.' || c.column_name, 'VIRTUAL COLUMN'
  FROM dba_tab_cols c
  JOIN migrated_tables t ON t.owner = c.owner AND t.table_name = c.table_name
  WHERE c.virtual_column = 'YES' AND (c.hidden_column = 'NO' OR c.user_generated = 'YES')
    AND c.data_type <> 'XMLTYPE'
) o
ORDER BY 1, 3, 2
