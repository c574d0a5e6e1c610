SELECT s.sequence_owner AS schema_name, s.sequence_name, s.min_value, s.max_value, s.increment_by, s.cycle_flag,
       s.order_flag, s.cache_size, s.last_number
FROM dba_sequences s
WHERE s.sequence_owner = :schema_name
ORDER BY 1, 2
