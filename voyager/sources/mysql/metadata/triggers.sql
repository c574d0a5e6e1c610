/* yb-voyager: the triggers with their bodies */
SELECT @node AS source_node,
    t.trigger_schema AS schema_name, t.trigger_name AS trigger_name, t.event_object_table AS table_name,
    t.action_timing AS timing, t.event_manipulation AS event, t.action_order AS action_order,
    t.action_statement AS definition, t.sql_mode AS sql_mode, t.definer AS definer
FROM information_schema.triggers t
WHERE LOCATE(CONCAT('\0', t.trigger_schema, '\0'), @schemas COLLATE utf8mb4_bin) > 0
ORDER BY 2, 4, 5, 6, 7
