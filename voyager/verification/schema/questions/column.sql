-- In the order of the table. What is the type's own way (storage, collation) is NULL; a partition's identity is its
-- parent's, and earlier servers do not repeat it.
SELECT s.name AS schema_name, c.relname::text AS table_name, a.attname::text AS object_name,
    format_type(a.atttypid, a.atttypmod) AS data_type,
    CASE WHEN a.attcollation <> t.typcollation THEN (SELECT l.name FROM collations l WHERE l.oid = a.attcollation)
        END AS collation_name,
    a.attnotnull AS not_null, pg_get_expr(d.adbin, d.adrelid) AS default_value,
    CASE WHEN NOT c.relispartition THEN
        CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END END AS identity,
    CASE j.facts ->> 'attgenerated' WHEN 's' THEN 'stored' WHEN 'v' THEN 'virtual' END AS generated,
    CASE WHEN a.attstorage <> t.typstorage THEN
        CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external' WHEN 'm' THEN 'main' ELSE 'extended' END
        END AS storage,
    CASE j.facts ->> 'attcompression' WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END AS compression,
    nullif((j.facts ->> 'attstattarget')::int, -1) AS statistics_target,
    ARRAY(SELECT o FROM unnest(a.attoptions) AS o ORDER BY o) AS options,
    ARRAY(SELECT o FROM unnest(a.attfdwoptions) AS o ORDER BY o) AS foreign_options
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN scope s ON s.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid
CROSS JOIN LATERAL (SELECT to_jsonb(a) AS facts OFFSET 0) AS j
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid)
ORDER BY c.relname, a.attnum
