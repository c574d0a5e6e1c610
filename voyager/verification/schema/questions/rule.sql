SELECT s.name AS schema_name, c.relname::text AS table_name, r.rulename::text AS object_name,
    pg_get_ruledef(r.oid) AS definition,
    CASE r.ev_enabled WHEN 'O' THEN 'enabled' WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'enabled for replicas'
        ELSE 'enabled always' END AS state
FROM pg_rewrite r
JOIN pg_class c ON c.oid = r.ev_class
JOIN scope s ON s.oid = c.relnamespace
WHERE r.rulename <> '_RETURN'
    AND NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid)
