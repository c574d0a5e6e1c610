SELECT s.name AS schema_name, '' AS table_name, t.tmplname::text AS object_name,
    ARRAY[t.tmplinit::text, t.tmpllexize::text] AS functions
FROM pg_ts_template t
JOIN scope s ON s.oid = t.tmplnamespace
WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_ts_template'::regclass AND m.objid = t.oid)
