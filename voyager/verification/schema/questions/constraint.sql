-- What a partition's foreign key got from its parent's has no name of its own. `enforced_by` is empty for constraints
-- that work without triggers; a trigger that is disabled lets rows pass. NOT NULL has a name from version 18 on.
SELECT s.name AS schema_name, coalesce(c.relname, t.typname)::text AS table_name, k.conname::text AS object_name,
    CASE k.contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' WHEN 'f' THEN 'foreign key' WHEN 'c' THEN 'check'
        WHEN 'x' THEN 'exclusion' ELSE 'not null' END AS form,
    regexp_replace(pg_get_constraintdef(k.oid), ' NOT VALID$', '') AS definition,
    CASE WHEN k.convalidated THEN 'valid' ELSE 'not valid' END AS validity,
    ARRAY(SELECT DISTINCT g.tgenabled::text FROM pg_trigger g WHERE g.tgconstraint = k.oid AND g.tgisinternal
          ORDER BY 1) AS enforced_by
FROM pg_constraint k
JOIN scope s ON s.oid = k.connamespace
LEFT JOIN pg_class c ON c.oid = k.conrelid
LEFT JOIN pg_type t ON t.oid = k.contypid
WHERE (k.contype IN ('p', 'u', 'c', 'x') OR (k.contype = 'f' AND k.conparentid = 0)
       OR (k.contype = 'n' AND k.conrelid <> 0 AND %(version)s >= 180000))
    AND NOT EXISTS (SELECT FROM members m WHERE (m.classid = 'pg_class'::regclass AND m.objid = k.conrelid)
                    OR (m.classid = 'pg_type'::regclass AND m.objid = k.contypid))
