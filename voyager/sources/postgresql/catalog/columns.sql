-- One row a relation: its columns in order, each as {name, type, not null, generated, identity}.
SELECT a.attrelid,
       pg_catalog.json_agg(pg_catalog.json_build_array(
           a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull, {generated}, a.attidentity
       ) ORDER BY a.attnum)
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = ANY (%(schema_oids)s::oid[]) AND c.relkind IN ('r', 'p', 'f', 'm')
  AND c.relpersistence <> 't' AND a.attnum > 0 AND NOT a.attisdropped
GROUP BY a.attrelid
