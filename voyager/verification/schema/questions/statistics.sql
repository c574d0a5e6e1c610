SELECT s.name AS schema_name, '' AS table_name, x.stxname::text AS object_name,
    pg_get_statisticsobjdef(x.oid) AS definition,
    nullif((to_jsonb(x) ->> 'stxstattarget')::int, -1) AS statistics_target
FROM pg_statistic_ext x
JOIN scope s ON s.oid = x.stxnamespace
