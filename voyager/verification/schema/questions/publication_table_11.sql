SELECT n.nspname::text AS schema_name, p.pubname::text AS table_name, c.relname::text AS object_name
FROM pg_publication_rel r
JOIN pg_publication p ON p.oid = r.prpubid
JOIN pg_class c ON c.oid = r.prrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT EXISTS (SELECT FROM pg_publication_rel x JOIN pg_class y ON y.oid = x.prrelid
                  JOIN others o ON o.oid = y.relnamespace WHERE x.prpubid = p.oid)
