SELECT '' AS schema_name, '' AS table_name, a.amname::text AS object_name,
    a.amtype::text AS for_what, a.amhandler::regproc::text AS handler
FROM pg_am a
WHERE a.oid >= 16384
    AND NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_am'::regclass AND m.objid = a.oid)
