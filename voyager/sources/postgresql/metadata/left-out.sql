/* yb-voyager: what a dump of the schema has to leave out: schemas that were not chosen, tables that we may not lock */
WITH chosen AS ( /* yb-voyager */
    SELECT n.oid, n.nspname
    FROM pg_catalog.pg_namespace n
    WHERE CASE pg_catalog.current_setting('voyager.schema_list')
              WHEN '' THEN n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'ybvoyager')
              ELSE pg_catalog.replace(pg_catalog.replace(n.nspname, '%', '%25'), '|', '%7C')
                   = ANY (pg_catalog.string_to_array(pg_catalog.current_setting('voyager.schema_list'), '|')) END
)
SELECT n.nspname::text AS schema_name, NULL::text AS table_name
FROM pg_catalog.pg_namespace n
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND n.oid NOT IN (SELECT s.oid FROM chosen s)
UNION ALL
SELECT n.nspname::text, c.relname::text
FROM pg_catalog.pg_class c
JOIN chosen n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT (pg_catalog.has_schema_privilege(n.oid, 'USAGE')
                                       AND pg_catalog.has_table_privilege(c.oid, 'SELECT'))
ORDER BY 1, 2
