SELECT '' AS schema_name, '' AS table_name, w.fdwname::text AS object_name,
    nullif(w.fdwhandler, 0)::regproc::text AS handler, nullif(w.fdwvalidator, 0)::regproc::text AS validator,
    ARRAY(SELECT o FROM unnest(w.fdwoptions) AS o ORDER BY o) AS options
FROM pg_foreign_data_wrapper w
WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_foreign_data_wrapper'::regclass AND m.objid = w.oid)
