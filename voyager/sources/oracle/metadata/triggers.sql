SELECT t.owner AS schema_name, t.trigger_name, t.trigger_type, t.triggering_event, t.table_owner AS table_schema,
       t.base_object_type, t.table_name, t.status, t.when_clause, t.crossedition
FROM dba_triggers t
WHERE t.owner = :schema_name AND t.trigger_name NOT LIKE 'BIN$%'
ORDER BY 1, 2
