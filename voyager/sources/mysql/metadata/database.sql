/* yb-voyager: the server, the database and the settings that decide what its values mean; one JSON document */
SELECT JSON_OBJECT(
        'engine', 'mysql',
        'database', DATABASE(),
        'version', VERSION(),
        'schemas', JSON_EXTRACT(CONCAT('[', COALESCE((
            SELECT GROUP_CONCAT(JSON_QUOTE(CONVERT(s.schema_name USING utf8mb4)) ORDER BY s.schema_name SEPARATOR ',')
            FROM information_schema.schemata s
            WHERE LOCATE(CONCAT('\0', s.schema_name, '\0'), @schemas COLLATE utf8mb4_bin) > 0
        ), ''), ']'), '$'),
        'node', @node,
        'collected_at', DATE_FORMAT(UTC_TIMESTAMP(), '%Y-%m-%dT%H:%i:%sZ'),
        'account', CURRENT_USER(),
        'roles', CAST(COALESCE(/*!80000 NULLIF(CURRENT_ROLE(), 'NONE'), */ /*M!100005 CURRENT_ROLE(), */ '') AS CHAR),
        'settings', JSON_OBJECT(
            'version_comment', @@version_comment,
            'sql_mode', @@GLOBAL.sql_mode,
            'lower_case_table_names', @@lower_case_table_names,
            'character_set_server', @@character_set_server,
            'collation_server', @@collation_server,
            'default_storage_engine', @@default_storage_engine,
            'performance_schema', @@performance_schema,
            'userstat', COALESCE(/*M!100101 @@userstat, */ 0),
            'auto_increment_increment', @@GLOBAL.auto_increment_increment,
            'auto_increment_offset', @@GLOBAL.auto_increment_offset,
            'event_scheduler', @@event_scheduler,
            'innodb_page_size', @@innodb_page_size,
            'time_zone', @@GLOBAL.time_zone,
            'system_time_zone', @@system_time_zone,
            'log_bin', @@log_bin,
            'binlog_row_image', @@GLOBAL.binlog_row_image,
            'read_only', @@GLOBAL.read_only,
            'max_allowed_packet', @@GLOBAL.max_allowed_packet
        )
    ) AS facts
