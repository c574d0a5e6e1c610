-- The schemas of the chosen scope.
SELECT '' AS schema_name, '' AS table_name, s.name AS object_name
FROM scope s
WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_namespace'::regclass AND m.objid = s.oid)
