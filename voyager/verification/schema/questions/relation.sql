SELECT s.name AS schema_name, '' AS table_name, c.relname::text AS object_name,
    CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'f' THEN 'foreign table'
        WHEN 'v' THEN 'view' ELSE 'materialized view' END AS form,
    CASE c.relpersistence WHEN 'p' THEN 'permanent' WHEN 'u' THEN 'unlogged' ELSE 'temporary' END AS persistence,
    CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END AS partition_key,
    pg_get_expr(c.relpartbound, c.oid) AS partition_bound,
    ARRAY(SELECT i.inhparent::regclass::text FROM pg_inherits i WHERE i.inhrelid = c.oid
          ORDER BY i.inhseqno) AS parents,
    CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) END AS of_type,
    (SELECT a.amname::text FROM pg_am a WHERE a.oid = c.relam) AS access_method,
    (SELECT t.spcname::text FROM pg_tablespace t WHERE t.oid = c.reltablespace) AS tablespace,
    ARRAY(SELECT o FROM unnest(c.reloptions) AS o ORDER BY o) AS options,
    ARRAY(SELECT o FROM unnest((SELECT t.reloptions FROM pg_class t WHERE t.oid = c.reltoastrelid)) AS o
          ORDER BY o) AS toast_options,
    c.relrowsecurity AS row_security, c.relforcerowsecurity AS row_security_forced,
    CASE c.relreplident WHEN 'f' THEN 'full' WHEN 'n' THEN 'nothing' WHEN 'i' THEN 'index' WHEN 'd' THEN 'default'
        ELSE c.relreplident::text END AS replica_identity,
    f.server AS server, f.options AS server_options
FROM pg_class c
JOIN scope s ON s.oid = c.relnamespace
LEFT JOIN LATERAL (
    SELECT v.srvname::text AS server, ARRAY(SELECT o FROM unnest(t.ftoptions) AS o ORDER BY o) AS options
    FROM pg_foreign_table t JOIN pg_foreign_server v ON v.oid = t.ftserver WHERE t.ftrelid = c.oid) f ON true
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid)
