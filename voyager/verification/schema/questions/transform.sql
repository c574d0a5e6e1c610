SELECT '' AS schema_name, '' AS table_name,
    format('%%s LANGUAGE %%s', format_type(t.trftype, NULL), l.lanname) AS object_name,
    nullif(t.trffromsql::oid, 0)::regprocedure::text AS from_sql,
    nullif(t.trftosql::oid, 0)::regprocedure::text AS to_sql
FROM pg_transform t
JOIN pg_language l ON l.oid = t.trflang
JOIN pg_type y ON y.oid = t.trftype
WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_transform'::regclass AND m.objid = t.oid)
    AND NOT EXISTS (SELECT FROM others o WHERE o.oid = y.typnamespace)
