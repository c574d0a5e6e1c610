-- Who owns what a statement can give to somebody else. What hangs on a table (an index, the type of its rows) is left to
-- the table.
SELECT '' AS schema_name, o.type AS table_name, o.identity AS object_name, pg_get_userbyid(x.owner)::text AS owner
FROM (
    SELECT 'pg_class'::regclass AS class, oid, relowner AS owner FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL SELECT 'pg_namespace'::regclass, oid, nspowner FROM pg_namespace
    UNION ALL SELECT 'pg_type'::regclass, t.oid, t.typowner FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
              WHERE t.typtype IN ('e', 'd', 'r') OR c.relkind = 'c'
    UNION ALL SELECT 'pg_proc'::regclass, oid, proowner FROM pg_proc
    UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, oid, fdwowner FROM pg_foreign_data_wrapper
    UNION ALL SELECT 'pg_foreign_server'::regclass, oid, srvowner FROM pg_foreign_server
    UNION ALL SELECT 'pg_collation'::regclass, oid, collowner FROM pg_collation
    UNION ALL SELECT 'pg_statistic_ext'::regclass, oid, stxowner FROM pg_statistic_ext
    UNION ALL SELECT 'pg_publication'::regclass, oid, pubowner FROM pg_publication
    UNION ALL SELECT 'pg_event_trigger'::regclass, oid, evtowner FROM pg_event_trigger
) AS x
CROSS JOIN LATERAL pg_identify_object(x.class, x.oid, 0) AS o
WHERE x.oid >= 16384
    AND NOT EXISTS (SELECT FROM members m WHERE m.classid = x.class AND m.objid = x.oid)
    AND NOT EXISTS (SELECT FROM others t WHERE t.name IN (o.schema, CASE o.type WHEN 'schema' THEN o.name END))
    AND coalesce(o.schema, '') NOT IN ('pg_catalog', 'information_schema', 'ybvoyager', 'pg_toast')
    AND o.identity NOT IN ('ybvoyager', 'pg_toast')
