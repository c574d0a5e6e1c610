-- A sequence of an identity column is a part of the column's table.
SELECT s.name AS schema_name,
    coalesce((SELECT r.relname::text FROM pg_depend d JOIN pg_class r ON r.oid = d.refobjid
              WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass
                  AND d.deptype = 'i'), '') AS table_name,
    c.relname::text AS object_name,
    format_type(q.seqtypid, NULL) AS data_type, q.seqstart AS start_value, q.seqincrement AS increment,
    q.seqmin AS minimum, q.seqmax AS maximum, q.seqcache AS cache, q.seqcycle AS cycle,
    CASE c.relpersistence WHEN 'p' THEN 'permanent' WHEN 'u' THEN 'unlogged' ELSE 'temporary' END AS persistence,
    (SELECT format('%%s.%%s%%s', d.refobjid::regclass, quote_ident(a.attname),
                   CASE WHEN d.deptype = 'i' THEN ' (identity)' END)
     FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
     WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass
         AND d.deptype IN ('a', 'i')) AS owner
FROM pg_sequence q
JOIN pg_class c ON c.oid = q.seqrelid
JOIN scope s ON s.oid = c.relnamespace
WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid)
