-- `of_constraint` says that the index is one half of a constraint. Collation 100 is the default one on every server. Bit 4
-- of an order marks a hashed key on YugabyteDB.
SELECT s.name AS schema_name, t.relname::text AS table_name, c.relname::text AS object_name,
    k.conname::text AS of_constraint,
    a.amname::text AS method, i.indisunique AS is_unique,
    coalesce(to_jsonb(i) ->> 'indnullsnotdistinct', 'false') AS nulls_not_distinct,
    ARRAY(SELECT pg_get_indexdef(i.indexrelid, p, false) FROM generate_series(1, i.indnkeyatts) AS p ORDER BY p) AS keys,
    ARRAY(SELECT pg_get_indexdef(i.indexrelid, p, false) FROM generate_series(i.indnkeyatts + 1, i.indnatts) AS p
          ORDER BY p) AS included,
    ARRAY(SELECT CASE WHEN o.bits & 4 <> 0 THEN 'hash' ELSE
                     CASE WHEN o.bits & 1 <> 0 THEN 'desc' ELSE 'asc' END
                     || CASE WHEN o.bits & 2 <> 0 THEN ' nulls first' ELSE ' nulls last' END END
          FROM unnest(i.indoption::int2[]) WITH ORDINALITY AS o(bits, place) ORDER BY o.place) AS key_order,
    ARRAY(SELECT o.opcname::text FROM unnest(i.indclass::oid[]) WITH ORDINALITY AS x(oid, place)
          JOIN pg_opclass o ON o.oid = x.oid ORDER BY x.place) AS operator_classes,
    ARRAY(SELECT CASE WHEN x.oid NOT IN (0, 100) THEN (SELECT l.name FROM collations l WHERE l.oid = x.oid) END
          FROM unnest(i.indcollation::oid[]) WITH ORDINALITY AS x(oid, place) ORDER BY x.place) AS collations,
    ARRAY(SELECT coalesce(b.attoptions::text, '') FROM pg_attribute b WHERE b.attrelid = c.oid AND b.attnum > 0
          ORDER BY b.attnum) AS key_options,
    pg_get_expr(i.indpred, i.indrelid) AS predicate,
    i.indisvalid AND i.indisready AS is_valid,
    ARRAY(SELECT o FROM unnest(c.reloptions) AS o ORDER BY o) AS options,
    (SELECT h.inhparent::regclass::text FROM pg_inherits h WHERE h.inhrelid = c.oid) AS attached_to,
    i.indisclustered AS is_clustered, i.indisreplident AS is_replica_identity,
    ARRAY(SELECT nullif((to_jsonb(b) ->> 'attstattarget')::int, -1) FROM pg_attribute b
          WHERE b.attrelid = c.oid AND b.attnum > 0 ORDER BY b.attnum) AS statistics_targets
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_class t ON t.oid = i.indrelid
JOIN scope s ON s.oid = c.relnamespace
JOIN pg_am a ON a.oid = c.relam
LEFT JOIN pg_constraint k ON k.conindid = c.oid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x')
WHERE t.relkind IN ('r', 'p', 'm')
    AND NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_class'::regclass AND m.objid = t.oid)
