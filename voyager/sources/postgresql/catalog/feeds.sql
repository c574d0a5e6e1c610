-- The columns that sequences feed, best last: by ownership (OWNED BY, identity), else by a default that is just nextval().
SELECT f.sequence, tn.nspname, t.relname, a.attname
FROM (
    SELECT d.objid AS sequence, d.refobjid AS relid, d.refobjsubid AS attnum, 2 AS rank
    FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_class c ON c.oid = d.objid AND c.relkind = 'S'
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i')
      AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjsubid > 0
      AND c.relnamespace = ANY (%(schema_oids)s::oid[])
    UNION ALL
    SELECT d.refobjid, ad.adrelid, ad.adnum, 1
    FROM pg_catalog.pg_depend d
    JOIN pg_catalog.pg_class c ON c.oid = d.refobjid AND c.relkind = 'S'
    JOIN pg_catalog.pg_attrdef ad ON ad.oid = d.objid
    WHERE d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
      AND c.relnamespace = ANY (%(schema_oids)s::oid[])
      AND pg_catalog.pg_get_expr(ad.adbin, ad.adrelid) ~ '^[(]*nextval[(].*::regclass[)]+(::[a-z ]+)?[)]*$'
) f
JOIN pg_catalog.pg_class t ON t.oid = f.relid
JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = f.relid AND a.attnum = f.attnum
ORDER BY f.sequence, f.rank, t.relispartition DESC, tn.nspname DESC, t.relname DESC, a.attnum DESC
