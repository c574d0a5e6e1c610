-- The sequences, with the column each one feeds: by ownership (OWNED BY, identity), else by one column whose default is just its nextval().
-- pg_sequence_last_value() is null both for a sequence that was never called and where we may not look.
SELECT s.seqrelid,
       n.nspname,
       c.relname,
       CASE WHEN p.tells THEN pg_catalog.pg_sequence_last_value(s.seqrelid) END AS last_value,
       s.seqincrement,
       s.seqmin,
       s.seqmax,
       s.seqstart,
       pg_catalog.has_sequence_privilege(s.seqrelid, 'SELECT')
         AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND p.present AS readable,
       p.present,
       f.nspname AS owner_schema,
       f.relname AS owner_table,
       f.attname AS owner_column
FROM pg_catalog.pg_sequence s
JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
    -- What is unlogged is not there on a standby.
    SELECT present, present AND (pg_catalog.has_sequence_privilege(s.seqrelid, 'SELECT')
                                 OR pg_catalog.has_sequence_privilege(s.seqrelid, 'USAGE')) AS tells
    FROM (SELECT NOT (pg_catalog.pg_is_in_recovery() AND c.relpersistence = 'u') AS present) x
) p
LEFT JOIN LATERAL (
    SELECT tn.nspname, t.relname, a.attname
    FROM (
        SELECT d.refobjid AS relid, d.refobjsubid AS attnum, 1 AS rank
        FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = s.seqrelid AND d.deptype IN ('a', 'i')
          AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjsubid > 0
        UNION ALL
        SELECT ad.adrelid, ad.adnum, 2
        FROM pg_catalog.pg_depend d
        JOIN pg_catalog.pg_attrdef ad ON ad.oid = d.objid
        WHERE d.classid = 'pg_catalog.pg_attrdef'::regclass
          AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = s.seqrelid
          AND pg_catalog.pg_get_expr(ad.adbin, ad.adrelid) ~ '^[(]*nextval[(].*::regclass[)]+(::[a-z ]+)?[)]*$'
    ) feeds
    JOIN pg_catalog.pg_class t ON t.oid = feeds.relid
    JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = feeds.relid AND a.attnum = feeds.attnum
    ORDER BY feeds.rank, t.relispartition, tn.nspname, t.relname, a.attnum
    LIMIT 1
) f ON true
WHERE n.oid = ANY (%(schema_oids)s::oid[]) AND c.relpersistence <> 't'
ORDER BY n.nspname, c.relname
