-- What the role may not do with the relations that an export reads: one row a relation with a fault.
SELECT n.nspname,
       c.relname,
       CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END AS kind,
       pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS usage,
       CASE c.relkind WHEN 'S' THEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT')
                      ELSE pg_catalog.has_table_privilege(c.oid, 'SELECT') END AS readable,
       CASE c.relkind WHEN 'S' THEN false ELSE pg_catalog.row_security_active(c.oid) END AS filtered
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.oid = ANY (%(schema_oids)s::oid[]) AND c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't'
  AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d
                  WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
  AND NOT (pg_catalog.has_schema_privilege(n.oid, 'USAGE')
           AND CASE c.relkind WHEN 'S' THEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT')
                              ELSE pg_catalog.has_table_privilege(c.oid, 'SELECT')
                                   AND NOT pg_catalog.row_security_active(c.oid) END)
ORDER BY n.nspname, c.relname
