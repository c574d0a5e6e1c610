-- How often each table was written, and what must stay the same for two such numbers to be comparable. A table that is
-- partitioned here counts what its partitions count, which hold its rows.
-- The archiver's reset time stands for "all counters were lost" (a crash sets it); a table lock held by a writer
-- means rows under way that no counter shows yet.
WITH RECURSIVE parts (nspname, relname, root, relation) AS (
    SELECT n.nspname, c.relname, c.oid, c.oid
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN ROWS FROM (pg_catalog.unnest(%(schemas)s::text[]), pg_catalog.unnest(%(names)s::text[])) AS wanted (nspname, relname)
      ON wanted.nspname = n.nspname AND wanted.relname = c.relname
    UNION ALL
    SELECT p.nspname, p.relname, p.root, i.inhrelid
    FROM parts p
    JOIN pg_catalog.pg_class c ON c.oid = p.relation AND c.relkind = 'p'
    JOIN pg_catalog.pg_inherits i ON i.inhparent = p.relation
)
SELECT p.nspname,
       p.relname,
       sum(pg_catalog.pg_stat_get_tuples_inserted(p.relation) + pg_catalog.pg_stat_get_tuples_updated(p.relation)
         + pg_catalog.pg_stat_get_tuples_deleted(p.relation))::int8 AS writes,
       pg_catalog.concat_ws('/',
           pg_catalog.string_agg(pg_catalog.concat_ws('/', p.relation, pg_catalog.pg_relation_filenode(p.relation)), '+'
                                 ORDER BY p.relation),
           extract(epoch FROM (SELECT stats_reset FROM pg_catalog.pg_stat_archiver)),
           extract(epoch FROM (SELECT stats_reset FROM pg_catalog.pg_stat_database
                               WHERE datname = pg_catalog.current_database()))) AS identity,
       pg_catalog.string_agg(l.writers, ',' ORDER BY l.writers) AS writers
FROM parts p
LEFT JOIN (
    SELECT k.relation, pg_catalog.string_agg(k.virtualtransaction, ',' ORDER BY k.virtualtransaction) AS writers
    FROM pg_catalog.pg_locks k
    JOIN pg_catalog.pg_database db ON db.oid = k.database AND db.datname = pg_catalog.current_database()
    WHERE k.locktype = 'relation' AND k.granted
      AND k.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
    GROUP BY k.relation
) l ON l.relation = p.relation
GROUP BY p.nspname, p.relname, p.root
