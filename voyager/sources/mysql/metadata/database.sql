/* yb-voyager: the server, the databases, the settings that decide what values mean, and what the account that asks may
   see (the server shows nothing else to it); one JSON document */
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
        'capture_seconds', CAST(@capture_seconds AS SIGNED),
        'account', CURRENT_USER(),
        'roles',
            CONVERT(COALESCE(/*!80000 NULLIF(CURRENT_ROLE(), 'NONE'), */ /*M!100005 CURRENT_ROLE(), */ '')
                USING utf8mb4),
        'privileges', JSON_EXTRACT(CONCAT('[', COALESCE((
            SELECT GROUP_CONCAT(DISTINCT
                JSON_ARRAY(CONVERT(g.place USING utf8mb4), CONVERT(g.privilege_type USING utf8mb4)) SEPARATOR ',')
            FROM (
                SELECT u.grantee, '*' AS place, u.privilege_type
                FROM information_schema.user_privileges u
                UNION ALL
                SELECT s.grantee, s.table_schema, s.privilege_type
                FROM information_schema.schema_privileges s
                UNION ALL
                SELECT t.grantee, CONCAT(t.table_schema, '.', t.table_name), t.privilege_type
                FROM information_schema.table_privileges t
                WHERE t.table_schema IN ('mysql', 'performance_schema')
            ) g
            WHERE REPLACE(g.grantee, '''', '') = CURRENT_USER()
                AND g.privilege_type IN (
                    'SELECT', 'SHOW VIEW', 'TRIGGER', 'EVENT', 'SHOW_ROUTINE', 'SHOW CREATE ROUTINE')
        ), ''), ']'), '$'),
        'show_routine_privilege',
            CONVERT(COALESCE(/*!80020 'SHOW_ROUTINE', */ /*M!110300 'SHOW CREATE ROUTINE', */ '') USING utf8mb4),
        'views_hidden', (
            SELECT COUNT(*) FROM information_schema.views v
            WHERE COALESCE(v.view_definition, '') = ''
                AND LOCATE(CONCAT('\0', v.table_schema, '\0'), @schemas COLLATE utf8mb4_bin) > 0),
        'routines_hidden', (
            SELECT COUNT(*) FROM information_schema.routines r
            WHERE r.routine_definition IS NULL
                AND LOCATE(CONCAT('\0', r.routine_schema, '\0'), @schemas COLLATE utf8mb4_bin) > 0),
        'sql_mode', @@GLOBAL.sql_mode,
        'lower_case_table_names', @@lower_case_table_names,
        'character_set', @@character_set_server,
        'collation', @@collation_server,
        'performance_schema', @@performance_schema + 0,
        'userstat', COALESCE(/*M!100101 @@userstat + 0, */ 0),
        'auto_increment_increment', @@GLOBAL.auto_increment_increment,
        'event_scheduler', @@event_scheduler,
        'time_zone', @@GLOBAL.time_zone,
        'log_bin', @@log_bin + 0,
        'binlog_row_image', @@GLOBAL.binlog_row_image,
        'read_only', @@GLOBAL.read_only + 0,
        'rows', JSON_EXTRACT(COALESCE(@rows, '{}'), '$'),
        'collected_by', CONVERT(@collected_by USING utf8mb4)
    ) AS facts
