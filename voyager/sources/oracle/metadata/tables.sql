SELECT t.owner AS schema_name, t.table_name, t.table_type_owner, t.table_type, t.iot_type, t.cluster_name,
       t.partitioned, t.temporary, t.duration, t.nested, t.secondary, t.dropped, t.compression,
       t.num_rows, t.blocks, t.avg_row_len, TO_CHAR(a.last_analyzed, 'YYYY-MM-DD"T"HH24:MI:SS') AS last_analyzed
FROM dba_all_tables t
LEFT JOIN dba_tables a ON a.owner = t.owner AND a.table_name = t.table_name
WHERE t.owner = :schema_name
ORDER BY 1, 2
