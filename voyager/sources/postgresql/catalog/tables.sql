-- Every relation that can hold rows. Sizes are measured: the catalog's relpages are stale until the next VACUUM.
SELECT c.oid,
       n.nspname,
       c.relname,
       CASE WHEN c.relkind = 'r' AND c.relispartition THEN 'partition'
            WHEN c.relkind = 'r' THEN 'table'
            WHEN c.relkind = 'p' THEN 'partitioned'
            WHEN c.relkind = 'f' THEN 'foreign'
            ELSE 'materialized view' END AS kind,
       pn.nspname AS parent_schema,
       pc.relname AS parent_name,
       CASE WHEN c.relkind IN ('r', 'm')
            THEN coalesce(pg_catalog.pg_relation_size(c.oid), 0) / pg_catalog.current_setting('block_size')::int
            ELSE 0 END AS pages,
       c.relpages,
       c.reltuples::float8 AS reltuples,
       CASE WHEN c.relkind IN ('r', 'm') THEN coalesce(pg_catalog.pg_table_size(c.oid), 0) ELSE 0 END AS bytes,
       c.relpersistence = 'u' AS unlogged,
       c.relrowsecurity,
       c.relispopulated,
       e.extname AS extension
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_inherits i ON i.inhrelid = c.oid AND i.inhseqno = 1
LEFT JOIN pg_catalog.pg_class pc ON pc.oid = i.inhparent
LEFT JOIN pg_catalog.pg_namespace pn ON pn.oid = pc.relnamespace
LEFT JOIN pg_catalog.pg_depend d
       ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0
      AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e'
LEFT JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
WHERE n.oid = ANY (%(schema_oids)s::oid[]) AND c.relkind IN ('r', 'p', 'f', 'm') AND c.relpersistence <> 't'
ORDER BY n.nspname, c.relname
