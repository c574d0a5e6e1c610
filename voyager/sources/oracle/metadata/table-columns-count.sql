WITH {migrated_tables}, {leaf_tables}, {migrated_indexes}
SELECT o.schema_name, o.object_name, o.object_type, o.column_count
FROM (
  SELECT l.owner AS schema_name, l.object_name, l.object_type, COUNT(*) AS column_count
  FROM leaf_tables l
  JOIN dba_tab_cols c ON c.owner = l.owner AND c.table_name = l.table_name
  WHERE c.hidden_column = 'NO' OR c.user_generated = 'YES'
  GROUP BY l.owner, l.object_name, l.object_type
  UNION ALL
  SELECT i.owner, i.index_name, i.index_type || ' INDEX', COUNT(*)
  FROM migrated_indexes i
  JOIN dba_ind_columns c ON c.index_owner = i.owner AND c.index_name = i.index_name
  GROUP BY i.owner, i.index_name, i.index_type
) o
ORDER BY 1, 2, 3
