-- Version 17 calls transforms otherwise.
SELECT '' AS schema_name, o.type AS table_name,
    CASE WHEN o.type = 'transform' THEN regexp_replace(substr(o.identity, 5), ' (on )?language ', ' LANGUAGE ')
        ELSE o.identity END AS object_name,
    d.description AS text
FROM pg_description d
CROSS JOIN LATERAL pg_identify_object(d.classoid, d.objoid, d.objsubid) AS o
WHERE (d.objoid >= 16384 OR (o.type = 'schema' AND o.identity = 'public')) AND o.type <> 'large object'
    AND NOT EXISTS (SELECT FROM members m WHERE m.classid = d.classoid AND m.objid = d.objoid)
    AND NOT EXISTS (SELECT FROM others t WHERE t.name IN (o.schema, CASE o.type WHEN 'schema' THEN o.name END))
