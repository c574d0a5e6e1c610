/* yb-voyager: the session reads and never writes, waits briefly, and depends on no setting of the role or database */
SELECT /* yb-voyager */ pg_catalog.set_config(s.name, v.value, false) AS value
FROM (VALUES ('default_transaction_read_only', 'on'),
             ('lock_timeout', '5s'),
             ('statement_timeout', '10min'),
             ('search_path', ''),
             ('TimeZone', 'UTC'),
             ('standard_conforming_strings', 'on'),
             ('quote_all_identifiers', 'off'),
             -- A catalog that grew since its last ANALYZE is estimated at one row; nested loops over it take minutes.
             ('enable_nestloop', 'off'),
             ('jit', 'off')) AS v (name, value)
JOIN pg_catalog.pg_settings s ON s.name = v.name
