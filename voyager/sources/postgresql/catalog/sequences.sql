-- The sequences.
-- pg_sequence_last_value() is null both for a sequence that was never called and where we may not look.
SELECT s.seqrelid,
       n.nspname,
       c.relname,
       CASE WHEN p.tells THEN pg_catalog.pg_sequence_last_value(s.seqrelid) END AS last_value,
       s.seqincrement,
       s.seqmin,
       s.seqmax,
       s.seqstart,
       s.seqcycle,
       pg_catalog.has_sequence_privilege(s.seqrelid, 'SELECT')
         AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND p.present AS readable,
       p.present
FROM pg_catalog.pg_sequence s
JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
    -- What is unlogged is not there on a standby.
    SELECT present, present AND (pg_catalog.has_sequence_privilege(s.seqrelid, 'SELECT')
                                 OR pg_catalog.has_sequence_privilege(s.seqrelid, 'USAGE')) AS tells
    FROM (SELECT NOT (pg_catalog.pg_is_in_recovery() AND c.relpersistence = 'u') AS present) x
) p
WHERE n.oid = ANY (%(schema_oids)s::oid[]) AND c.relpersistence <> 't'
ORDER BY n.nspname, c.relname
