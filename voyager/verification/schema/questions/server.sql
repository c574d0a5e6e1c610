SELECT '' AS schema_name, '' AS table_name, v.srvname::text AS object_name,
    w.fdwname::text AS wrapper, v.srvtype AS server_type, v.srvversion AS version,
    ARRAY(SELECT o FROM unnest(v.srvoptions) AS o ORDER BY o) AS options
FROM pg_foreign_server v
JOIN pg_foreign_data_wrapper w ON w.oid = v.srvfdw
WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_foreign_server'::regclass AND m.objid = v.oid)
