-- How often each table was written, and what must stay the same for two such numbers to be comparable.
-- The archiver's reset time stands for "all counters were lost" (a crash sets it); a table lock held by a writer
-- means rows under way that no counter shows yet.
SELECT n.nspname,
       c.relname,
       pg_catalog.pg_stat_get_tuples_inserted(c.oid) + pg_catalog.pg_stat_get_tuples_updated(c.oid)
         + pg_catalog.pg_stat_get_tuples_deleted(c.oid) AS writes,
       pg_catalog.concat_ws('/', c.oid, pg_catalog.pg_relation_filenode(c.oid),
           extract(epoch FROM (SELECT stats_reset FROM pg_catalog.pg_stat_archiver)),
           extract(epoch FROM (SELECT stats_reset FROM pg_catalog.pg_stat_database
                               WHERE datname = pg_catalog.current_database()))) AS identity,
       l.writers
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN ROWS FROM (pg_catalog.unnest(%(schemas)s::text[]), pg_catalog.unnest(%(names)s::text[])) AS wanted (nspname, relname)
  ON wanted.nspname = n.nspname AND wanted.relname = c.relname
LEFT JOIN (
    SELECT k.relation, pg_catalog.string_agg(k.virtualtransaction, ',' ORDER BY k.virtualtransaction) AS writers
    FROM pg_catalog.pg_locks k
    JOIN pg_catalog.pg_database db ON db.oid = k.database AND db.datname = pg_catalog.current_database()
    WHERE k.locktype = 'relation' AND k.granted
      AND k.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
    GROUP BY k.relation
) l ON l.relation = c.oid
