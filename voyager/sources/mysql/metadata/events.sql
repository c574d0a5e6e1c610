/* yb-voyager: the events of the scheduler */
SELECT @node AS source_node,
    e.event_schema AS schema_name, e.event_name AS event_name, e.event_type AS event_type, e.execute_at AS execute_at,
    e.interval_value AS interval_value, e.interval_field AS interval_field, e.status AS status,
    e.on_completion AS on_completion, e.event_definition AS definition, e.sql_mode AS sql_mode, e.definer AS definer
FROM information_schema.events e
WHERE LOCATE(CONCAT('\0', e.event_schema, '\0'), @schemas COLLATE utf8mb4_bin) > 0
ORDER BY 2, 3
