-- With chosen schemas only casts of types that are theirs, or that no schema but the server's own has.
SELECT '' AS schema_name, '' AS table_name,
    format('(%%s AS %%s)', format_type(c.castsource, NULL), format_type(c.casttarget, NULL)) AS object_name,
    nullif(c.castfunc, 0)::regprocedure::text AS by_function,
    CASE c.castcontext WHEN 'e' THEN 'explicit' WHEN 'a' THEN 'assignment' ELSE 'implicit' END AS context,
    c.castmethod::text AS method
FROM pg_cast c
WHERE c.oid >= 16384
    AND NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_cast'::regclass AND m.objid = c.oid)
    AND NOT EXISTS (SELECT FROM pg_type t JOIN others o ON o.oid = t.typnamespace
                    WHERE t.oid IN (c.castsource, c.casttarget))
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_cast'::regclass AND d.objid = c.oid AND d.deptype = 'i')
