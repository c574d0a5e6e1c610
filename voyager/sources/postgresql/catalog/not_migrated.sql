-- What a migration leaves behind although it is no table: (kind, name, how many, why).
SELECT 'large objects' AS kind, pg_catalog.current_database()::text AS name, count(*) AS number,
       'large objects are not copied; move them to bytea columns before the migration' AS reason
FROM pg_catalog.pg_largeobject_metadata HAVING count(*) > 0
UNION ALL
SELECT 'subscription', s.subname::text, 1, 'it holds credentials and would start replicating; create it by hand'
FROM pg_catalog.pg_subscription s
JOIN pg_catalog.pg_database db ON db.oid = s.subdbid AND db.datname = pg_catalog.current_database()
UNION ALL
SELECT 'user mapping', m.srvname || ' for ' || m.usename, 1, 'it holds credentials; create it by hand'
FROM pg_catalog.pg_user_mappings m
UNION ALL
SELECT 'setting', 'database ' || pg_catalog.current_database() || coalesce(' for role ' || r.rolname, ''), 1,
       'ALTER DATABASE and ALTER ROLE ... SET stay behind: ' || pg_catalog.array_to_string(
           ARRAY(SELECT pg_catalog.split_part(s, '=', 1) FROM pg_catalog.unnest(g.setconfig) s), ', ')
FROM pg_catalog.pg_db_role_setting g
JOIN pg_catalog.pg_database db ON db.oid = g.setdatabase AND db.datname = pg_catalog.current_database()
LEFT JOIN pg_catalog.pg_roles r ON r.oid = g.setrole
UNION ALL
SELECT 'comment', 'database ' || db.datname, 1, 'it belongs to the database itself; set it with COMMENT ON DATABASE'
FROM pg_catalog.pg_database db
WHERE db.datname = pg_catalog.current_database()
    AND pg_catalog.shobj_description(db.oid, 'pg_database') IS NOT NULL
UNION ALL
SELECT 'grant', 'database ' || db.datname, 1, 'it belongs to the database itself; run its GRANT and REVOKE by hand'
FROM pg_catalog.pg_database db
WHERE db.datname = pg_catalog.current_database() AND db.datacl IS NOT NULL
UNION ALL
SELECT 'prepared transaction', x.gid, 1, 'its changes are not visible; commit it or roll it back first'
FROM pg_catalog.pg_prepared_xacts x WHERE x.database = pg_catalog.current_database()
ORDER BY 1, 2
