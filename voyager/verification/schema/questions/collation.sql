SELECT s.name AS schema_name, '' AS table_name, c.collname::text AS object_name,
    c.collprovider::text AS provider,
    coalesce(to_jsonb(c) ->> 'collisdeterministic', 'true') AS deterministic,
    nullif(c.collencoding, -1) AS encoding,
    coalesce(to_jsonb(c) ->> 'collcollate', to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale') AS sorts_by,
    coalesce(to_jsonb(c) ->> 'collctype', to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale') AS classes_by,
    to_jsonb(c) ->> 'collicurules' AS rules
FROM pg_collation c
JOIN scope s ON s.oid = c.collnamespace
WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_collation'::regclass AND m.objid = c.oid)
