-- Types that were made by themselves: no arrays, no multiranges (their range names them), no rows of tables.
SELECT s.name AS schema_name, '' AS table_name, t.typname::text AS object_name,
    CASE WHEN t.typisdefined THEN
        CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'c' THEN 'composite' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range'
            ELSE 'base' END
        ELSE 'shell' END AS form,
    CASE WHEN t.typtype = 'e' THEN
        ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder) END AS labels,
    CASE WHEN t.typtype = 'c' THEN
        ARRAY(SELECT concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
                  CASE WHEN a.attcollation NOT IN (0, y.typcollation)
                      THEN 'COLLATE ' || (SELECT l.name FROM collations l WHERE l.oid = a.attcollation) END)
              FROM pg_attribute a
              JOIN pg_type y ON y.oid = a.atttypid
              WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum) END AS attributes,
    CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END AS based_on,
    CASE WHEN t.typtype = 'd' THEN t.typnotnull END AS not_null,
    -- Not its text, which is as the search path of whoever made it had it.
    CASE WHEN t.typtype = 'd' THEN pg_get_expr(t.typdefaultbin, 0) END AS default_value,
    CASE WHEN t.typtype = 'd' THEN (SELECT l.name FROM collations l WHERE l.oid = t.typcollation) END AS collation_name,
    CASE WHEN t.typtype = 'b' THEN
        ARRAY[t.typinput::regproc::text, t.typoutput::regproc::text, t.typreceive::regproc::text,
              t.typsend::regproc::text, t.typmodin::regproc::text, t.typmodout::regproc::text,
              t.typanalyze::regproc::text] END AS functions,
    CASE WHEN t.typtype = 'b' THEN
        ARRAY[t.typlen::text, t.typbyval::text, t.typalign::text, t.typstorage::text, t.typcategory::text,
              t.typispreferred::text, t.typdelim::text, t.typdefault] END AS storage,
    r.subtype AS range_of, r.operator_class AS range_operator_class, r.collation_name AS range_collation,
    r.functions AS range_functions, r.multirange AS multirange
FROM pg_type t
JOIN scope s ON s.oid = t.typnamespace
LEFT JOIN LATERAL (
    SELECT format_type(g.rngsubtype, NULL) AS subtype, o.opcname::text AS operator_class,
        (SELECT l.name FROM collations l WHERE l.oid = g.rngcollation) AS collation_name,
        ARRAY[g.rngcanonical::regproc::text, g.rngsubdiff::regproc::text] AS functions,
        format_type((to_jsonb(g) ->> 'rngmultitypid')::oid, NULL) AS multirange
    FROM pg_range g JOIN pg_opclass o ON o.oid = g.rngsubopc WHERE g.rngtypid = t.oid) r ON true
WHERE t.typtype IN ('b', 'c', 'd', 'e', 'r', 'p')
    AND (t.typrelid = 0 OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
    AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)
    AND NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_type'::regclass AND m.objid = t.oid)
