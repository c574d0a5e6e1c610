SELECT s.name AS schema_name, '' AS table_name, d.dictname::text AS object_name,
    quote_ident(n.nspname) || '.' || quote_ident(t.tmplname) AS template, d.dictinitoption AS options
FROM pg_ts_dict d
JOIN scope s ON s.oid = d.dictnamespace
JOIN pg_ts_template t ON t.oid = d.dicttemplate
JOIN pg_namespace n ON n.oid = t.tmplnamespace
WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_ts_dict'::regclass AND m.objid = d.oid)
