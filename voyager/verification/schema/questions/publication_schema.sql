-- The catalog is there from version 15 on.
SELECT '' AS schema_name, p.pubname::text AS table_name, n.nspname::text AS object_name
FROM pg_publication_namespace x
JOIN pg_publication p ON p.oid = x.pnpubid
JOIN pg_namespace n ON n.oid = x.pnnspid
WHERE NOT EXISTS (SELECT FROM pg_publication_namespace y JOIN others o ON o.oid = y.pnnspid WHERE y.pnpubid = p.oid)
