SELECT i.owner AS schema_name, i.index_name, i.table_owner AS table_schema, i.table_name, i.index_type, i.uniqueness,
       i.partitioned, p.locality, i.visibility, i.status, i.join_index, i.ityp_owner, i.ityp_name, i.generated,
       i.funcidx_status
FROM dba_indexes i
LEFT JOIN dba_part_indexes p ON p.owner = i.owner AND p.index_name = i.index_name
WHERE i.owner = :schema_name AND i.index_type <> 'LOB' AND i.secondary = 'N' AND i.dropped = 'NO'
  AND i.index_name NOT LIKE 'I!_SNAP$!_%' ESCAPE '!'
ORDER BY 1, 2
