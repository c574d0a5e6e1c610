-- Before version 13 the copies of a trigger on partitions are the server's own business.
SELECT s.name AS schema_name, c.relname::text AS table_name, t.tgname::text AS object_name,
    pg_get_triggerdef(t.oid) AS definition,
    CASE t.tgenabled WHEN 'O' THEN 'enabled' WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'enabled for replicas'
        ELSE 'enabled always' END AS state
FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid
JOIN scope s ON s.oid = c.relnamespace
WHERE NOT t.tgisinternal AND (%(version)s >= 130000 OR coalesce(to_jsonb(t) ->> 'tgparentid', '0') = '0')
    AND NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_trigger'::regclass AND m.objid = t.oid)
