/* yb-voyager: indexes whose every use another index of the same table serves: same method, its keys begin with theirs
   (with operator class, collation and order), it holds their included columns, it is no weaker a guard of uniqueness.
   Partial indexes and those that a constraint needs are never superfluous. The other index is one that stays. */
WITH chosen AS ( /* yb-voyager */
    SELECT n.oid, n.nspname
    FROM pg_catalog.pg_namespace n
    WHERE CASE pg_catalog.current_setting('voyager.schema_list')
              WHEN '' THEN n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'ybvoyager')
              ELSE pg_catalog.replace(pg_catalog.replace(n.nspname, '%', '%25'), '|', '%7C')
                   = ANY (pg_catalog.string_to_array(pg_catalog.current_setting('voyager.schema_list'), '|')) END
), listed AS (
    SELECT i.*, c.relname, c.relam, n.nspname,
           coalesce((pg_catalog.to_jsonb(i) ->> 'indnkeyatts')::int, i.indnatts) AS keys,
           coalesce((pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false) AS nulls_equal,
           pg_catalog.count(*) OVER (PARTITION BY i.indrelid) AS indexes
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN chosen n ON n.oid = c.relnamespace
    WHERE i.indpred IS NULL AND (i.indisvalid OR c.relkind = 'I')
), parts AS (
    SELECT l.indexrelid, k.place, k.place <= l.keys AS is_key,
           CASE WHEN k.attnum <> 0 THEN k.attnum::text
                ELSE pg_catalog.pg_get_indexdef(l.indexrelid, k.place::int, false) END AS what,
           pg_catalog.concat_ws(' ', l.indclass[k.place::int - 1], l.indcollation[k.place::int - 1],
                                l.indoption[k.place::int - 1], a.attoptions::text) AS how
    FROM listed l
    CROSS JOIN LATERAL pg_catalog.unnest(l.indkey::int2[]) WITH ORDINALITY AS k (attnum, place)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = l.indexrelid AND a.attnum = k.place
    WHERE l.indexes > 1
), shapes AS (
    SELECT p.indexrelid,
           pg_catalog.array_agg(p.what || ' ' || p.how ORDER BY p.place) FILTER (WHERE p.is_key) AS keys,
           coalesce(pg_catalog.array_agg(p.what ORDER BY p.place) FILTER (WHERE NOT p.is_key), '{}') AS included,
           pg_catalog.array_agg(p.what ORDER BY p.place) AS columns
    FROM parts p
    GROUP BY p.indexrelid
), needed AS (
    SELECT DISTINCT k.conindid AS oid FROM pg_catalog.pg_constraint k WHERE k.conindid <> 0
), indexes AS (
    SELECT l.indexrelid, l.indrelid, l.relam, l.nspname, l.relname, l.indisunique, l.nulls_equal,
           s.keys, s.included, s.columns, needed.oid IS NOT NULL AS needed
    FROM listed l
    JOIN shapes s ON s.indexrelid = l.indexrelid
    LEFT JOIN needed ON needed.oid = l.indexrelid
), covers AS (
    SELECT r.indexrelid AS redundant, e.indexrelid AS existing, e.needed, e.relname,
           pg_catalog.cardinality(e.keys) AS width
    FROM indexes r
    JOIN indexes e ON e.indrelid = r.indrelid AND e.indexrelid <> r.indexrelid AND e.relam = r.relam
    WHERE NOT r.needed
      AND e.keys[1:pg_catalog.cardinality(r.keys)] = r.keys
      AND r.included <@ e.columns
      AND (NOT r.indisunique OR e.indisunique AND e.keys = r.keys AND (e.nulls_equal OR NOT r.nulls_equal))
      -- Of two that serve each other the one that a constraint needs stays, else the one whose name sorts first.
      AND (e.needed OR e.relname < r.relname
           OR NOT (e.keys = r.keys AND e.included <@ r.columns
                   AND (NOT e.indisunique OR r.indisunique AND (r.nulls_equal OR NOT e.nulls_equal))))
), resolved AS (
    SELECT DISTINCT ON (v.redundant) v.redundant, v.existing
    FROM covers v
    WHERE v.existing NOT IN (SELECT w.redundant FROM covers w)
    ORDER BY v.redundant, v.needed DESC, v.width, v.relname
)
SELECT pg_catalog.current_setting('voyager.node') AS source_node,
       r.nspname AS redundant_schema_name,
       t.relname AS redundant_table_name,
       r.relname AS redundant_index_name,
       e.nspname AS existing_schema_name,
       t.relname AS existing_table_name,
       e.relname AS existing_index_name,
       pg_catalog.pg_get_indexdef(r.indexrelid) AS redundant_ddl,
       pg_catalog.pg_get_indexdef(e.indexrelid) AS existing_ddl
FROM resolved v
JOIN indexes r ON r.indexrelid = v.redundant
JOIN indexes e ON e.indexrelid = v.existing
JOIN pg_catalog.pg_class t ON t.oid = r.indrelid
ORDER BY r.nspname, t.relname, r.relname
