SELECT '' AS schema_name, '' AS table_name, x.extname::text AS object_name,
    x.extversion AS version, n.nspname::text AS in_schema
FROM pg_extension x
JOIN pg_namespace n ON n.oid = x.extnamespace
