-- The primary keys: one row a relation with its columns in the key's order.
SELECT i.indrelid, pg_catalog.array_agg(a.attname::text ORDER BY k.position)
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, position)
JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
WHERE i.indisprimary AND k.position <= i.indnkeyatts AND c.relnamespace = ANY (%(schema_oids)s::oid[])
GROUP BY i.indrelid
