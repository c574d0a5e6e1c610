SELECT '' AS schema_name, '' AS table_name, l.lanname::text AS object_name,
    l.lanpltrusted AS trusted, l.lanplcallfoid::regprocedure::text AS handler,
    l.laninline::regprocedure::text AS inline_handler, l.lanvalidator::regprocedure::text AS validator
FROM pg_language l
WHERE l.oid >= 16384
    AND NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_language'::regclass AND m.objid = l.oid)
