-- Columns and row filters are there from version 15 on.
SELECT n.nspname::text AS schema_name, p.pubname::text AS table_name, c.relname::text AS object_name,
    CASE WHEN r.prattrs IS NOT NULL THEN
        ARRAY(SELECT a.attname::text FROM pg_attribute a
              WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs::int2[]) ORDER BY 1) END AS columns,
    pg_get_expr(r.prqual, r.prrelid) AS row_filter
FROM pg_publication_rel r
JOIN pg_publication p ON p.oid = r.prpubid
JOIN pg_class c ON c.oid = r.prrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT EXISTS (SELECT FROM pg_publication_rel x JOIN pg_class y ON y.oid = x.prrelid
                  JOIN others o ON o.oid = y.relnamespace WHERE x.prpubid = p.oid)
