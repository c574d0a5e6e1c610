SELECT s.name AS schema_name, '' AS table_name, c.cfgname::text AS object_name,
    quote_ident(n.nspname) || '.' || quote_ident(p.prsname) AS parser,
    ARRAY(SELECT format('%%s %%s', m.maptokentype, m.mapdict::regdictionary) FROM pg_ts_config_map m
          WHERE m.mapcfg = c.oid ORDER BY m.maptokentype, m.mapseqno) AS mappings
FROM pg_ts_config c
JOIN scope s ON s.oid = c.cfgnamespace
JOIN pg_ts_parser p ON p.oid = c.cfgparser
JOIN pg_namespace n ON n.oid = p.prsnamespace
WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_ts_config'::regclass AND m.objid = c.oid)
