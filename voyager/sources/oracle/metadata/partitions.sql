SELECT p.table_owner AS schema_name, p.table_name, p.partition_position, p.partition_name, p.composite,
       p.subpartition_count, p.interval AS by_interval, p.num_rows, p.high_value
FROM dba_tab_partitions p
WHERE p.table_owner = :schema_name AND p.table_name NOT LIKE 'BIN$%'
ORDER BY 1, 2, 3
