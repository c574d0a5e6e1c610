SELECT s.name AS schema_name, '' AS table_name, format('%%s USING %%s', quote_ident(c.opcname), a.amname) AS object_name,
    c.opcdefault AS is_default, format_type(c.opcintype, NULL) AS for_type,
    format_type(nullif(c.opckeytype, 0), NULL) AS stored_type,
    quote_ident(n.nspname) || '.' || quote_ident(f.opfname) AS family
FROM pg_opclass c
JOIN scope s ON s.oid = c.opcnamespace
JOIN pg_am a ON a.oid = c.opcmethod
JOIN pg_opfamily f ON f.oid = c.opcfamily
JOIN pg_namespace n ON n.oid = f.opfnamespace
WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_opclass'::regclass AND m.objid = c.oid)
