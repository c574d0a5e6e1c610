-- What others than the owner may do. MAINTAIN is not known before version 17.
SELECT '' AS schema_name, o.type AS table_name, o.identity AS object_name,
    ARRAY(SELECT format('%%s: %%s%%s', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee)::text END,
                        a.privilege_type, CASE WHEN a.is_grantable THEN ' with grant option' END)
          FROM aclexplode(x.privileges) AS a
          WHERE a.grantee <> x.owner AND (a.privilege_type <> 'MAINTAIN' OR %(version)s >= 170000)
          ORDER BY 1) AS privileges
FROM (
    SELECT 'pg_class'::regclass AS class, oid, 0 AS part, relowner AS owner,
        coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner)) AS privileges
    FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL
    SELECT 'pg_class'::regclass, c.oid, a.attnum, c.relowner, a.attacl
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE a.attnum > 0 AND NOT a.attisdropped AND c.oid >= 16384
        AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    UNION ALL
    SELECT 'pg_namespace'::regclass, oid, 0, nspowner, coalesce(nspacl, acldefault('n', nspowner)) FROM pg_namespace
    UNION ALL
    SELECT 'pg_type'::regclass, t.oid, 0, t.typowner, coalesce(t.typacl, acldefault('T', t.typowner))
    FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid WHERE t.typtype IN ('e', 'd', 'r') OR c.relkind = 'c'
    UNION ALL
    SELECT 'pg_proc'::regclass, oid, 0, proowner, coalesce(proacl, acldefault('f', proowner)) FROM pg_proc
    UNION ALL
    SELECT 'pg_language'::regclass, oid, 0, lanowner, coalesce(lanacl, acldefault('l', lanowner)) FROM pg_language
    UNION ALL
    SELECT 'pg_foreign_data_wrapper'::regclass, oid, 0, fdwowner, coalesce(fdwacl, acldefault('F', fdwowner))
    FROM pg_foreign_data_wrapper
    UNION ALL
    SELECT 'pg_foreign_server'::regclass, oid, 0, srvowner, coalesce(srvacl, acldefault('S', srvowner))
    FROM pg_foreign_server
) AS x
CROSS JOIN LATERAL pg_identify_object(x.class, x.oid, x.part) AS o
WHERE x.oid >= 16384
    AND NOT EXISTS (SELECT FROM members m WHERE m.classid = x.class AND m.objid = x.oid)
    AND NOT EXISTS (SELECT FROM others t WHERE t.name IN (o.schema, CASE o.type WHEN 'schema' THEN o.name END))
    AND coalesce(o.schema, '') NOT IN ('pg_catalog', 'information_schema', 'ybvoyager', 'pg_toast')
    AND o.identity NOT IN ('ybvoyager', 'pg_toast')
