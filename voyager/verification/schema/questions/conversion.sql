SELECT s.name AS schema_name, '' AS table_name, c.conname::text AS object_name,
    pg_encoding_to_char(c.conforencoding)::text AS from_encoding, pg_encoding_to_char(c.contoencoding)::text AS to_encoding,
    c.conproc::regproc::text AS by_function, c.condefault AS is_default
FROM pg_conversion c
JOIN scope s ON s.oid = c.connamespace
WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_conversion'::regclass AND m.objid = c.oid)
