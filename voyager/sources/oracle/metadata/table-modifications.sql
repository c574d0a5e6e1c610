SELECT m.table_owner AS schema_name, m.table_name, m.inserts, m.updates, m.deletes, m.truncated,
       TO_CHAR(t.last_analyzed, 'YYYY-MM-DD"T"HH24:MI:SS') AS counted_since,
       TO_CHAR(SYSDATE, 'YYYY-MM-DD"T"HH24:MI:SS') AS counted_until
FROM dba_tab_modifications m
JOIN dba_tables t ON t.owner = m.table_owner AND t.table_name = m.table_name
WHERE m.table_owner = :schema_name AND m.partition_name IS NULL
ORDER BY 1, 2
