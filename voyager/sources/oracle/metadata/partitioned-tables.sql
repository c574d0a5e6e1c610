SELECT p.owner AS schema_name, p.table_name, p.partitioning_type, p.subpartitioning_type, p.partition_count,
       p.interval AS interval_expression, p.ref_ptn_constraint_name
FROM dba_part_tables p
WHERE p.owner = :schema_name AND p.table_name NOT LIKE 'BIN$%'
ORDER BY 1, 2
