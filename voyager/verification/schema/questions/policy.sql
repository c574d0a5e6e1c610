SELECT s.name AS schema_name, c.relname::text AS table_name, p.polname::text AS object_name,
    CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
        ELSE 'ALL' END AS command,
    p.polpermissive AS permissive,
    ARRAY(SELECT CASE WHEN r = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(r)::text END FROM unnest(p.polroles) AS r
          ORDER BY 1) AS roles,
    pg_get_expr(p.polqual, p.polrelid) AS condition, pg_get_expr(p.polwithcheck, p.polrelid) AS check_condition
FROM pg_policy p
JOIN pg_class c ON c.oid = p.polrelid
JOIN scope s ON s.oid = c.relnamespace
