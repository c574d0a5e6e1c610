migrated_indexes AS (
  SELECT i.owner, i.index_name, i.table_owner, i.table_name, i.index_type
  FROM dba_indexes i
  JOIN migrated_tables t ON t.owner = i.table_owner AND t.table_name = i.table_name
  WHERE i.owner = :schema_name
    AND i.generated = 'N' AND i.secondary = 'N' AND i.dropped = 'NO'
    AND (t.partitioning_type IS NULL OR t.partitioning_type NOT IN ('SYSTEM', 'REFERENCE'))
    AND i.index_type NOT IN (
      'LOB', 'CLUSTER', 'DOMAIN', 'FUNCTION-BASED DOMAIN', 'IOT - TOP', 'NORMAL/REV', 'FUNCTION-BASED NORMAL/REV')
    AND i.index_name NOT LIKE 'DR$%' AND i.index_name NOT LIKE 'I!_SNAP$!_%' ESCAPE '!'
    AND NOT EXISTS (
      SELECT 1
      FROM dba_constraints c
      WHERE c.owner = i.table_owner AND c.table_name = i.table_name AND c.constraint_type IN ('P', 'U')
        AND c.index_name = i.index_name AND NVL(c.index_owner, c.owner) = i.owner)
)
