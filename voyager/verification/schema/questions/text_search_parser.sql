SELECT s.name AS schema_name, '' AS table_name, p.prsname::text AS object_name,
    ARRAY[p.prsstart::text, p.prstoken::text, p.prsend::text, p.prsheadline::text, p.prslextype::text] AS functions
FROM pg_ts_parser p
JOIN scope s ON s.oid = p.prsnamespace
WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_ts_parser'::regclass AND m.objid = p.oid)
