/* yb-voyager: functions that were loaded from shared libraries */
SELECT @node AS source_node,
    f.name AS function_name, f.dl AS library, f.type AS function_type
FROM mysql.func f
ORDER BY 2
