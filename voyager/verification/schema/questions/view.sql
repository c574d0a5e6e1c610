SELECT s.name AS schema_name, '' AS table_name, c.relname::text AS object_name,
    pg_get_viewdef(c.oid) AS definition,
    CASE WHEN c.relkind = 'm' THEN c.relispopulated END AS filled
FROM pg_class c
JOIN scope s ON s.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm')
    AND NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid)
