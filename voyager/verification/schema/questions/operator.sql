SELECT s.name AS schema_name, '' AS table_name,
    format('%%s(%%s, %%s)', o.oprname, CASE WHEN o.oprleft = 0 THEN 'NONE' ELSE format_type(o.oprleft, NULL) END,
           CASE WHEN o.oprright = 0 THEN 'NONE' ELSE format_type(o.oprright, NULL) END) AS object_name,
    format_type(o.oprresult, NULL) AS result, o.oprcode::regproc::text AS by_function,
    nullif(o.oprcom, 0)::regoperator::text AS commutator, nullif(o.oprnegate, 0)::regoperator::text AS negator,
    nullif(o.oprrest::oid, 0)::regproc::text AS restriction, nullif(o.oprjoin::oid, 0)::regproc::text AS join_estimator,
    o.oprcanmerge AS merges, o.oprcanhash AS hashes
FROM pg_operator o
JOIN scope s ON s.oid = o.oprnamespace
WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_operator'::regclass AND m.objid = o.oid)
