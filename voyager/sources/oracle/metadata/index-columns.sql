SELECT c.index_owner AS schema_name, c.index_name, c.column_position, c.column_name, c.descend, e.column_expression
FROM dba_ind_columns c
LEFT JOIN dba_ind_expressions e
  ON e.index_owner = c.index_owner AND e.index_name = c.index_name AND e.column_position = c.column_position
WHERE c.index_owner = :schema_name
ORDER BY 1, 2, 3
