-- What a range type brought along is its own. A body in standard SQL has no text of its own: the server prints the whole routine instead.
SELECT s.name AS schema_name, '' AS table_name,
    format('%%s(%%s)', quote_ident(p.proname), array_to_string(
        ARRAY(SELECT format_type(a.type, NULL) FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a(type, place)
              ORDER BY a.place), ', ')) AS object_name,
    CASE p.prokind WHEN 'f' THEN 'function' WHEN 'p' THEN 'procedure' ELSE 'window function' END AS form,
    l.lanname::text AS language, pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result,
    CASE WHEN l.lanname = 'sql' AND p.prosrc = '' THEN NULL ELSE p.prosrc END AS body,
    CASE WHEN l.lanname = 'sql' AND p.prosrc = '' THEN pg_get_functiondef(p.oid) END AS standard_body,
    p.probin::text AS library, p.provolatile::text AS volatility, p.proisstrict AS strict,
    p.prosecdef AS security_definer, p.proleakproof AS leakproof, p.proparallel::text AS parallel,
    p.procost AS cost, p.prorows AS rows_expected,
    ARRAY(SELECT c FROM unnest(p.proconfig) AS c ORDER BY c) AS settings,
    nullif((to_jsonb(p) ->> 'prosupport')::text, '-') AS support_function,
    ARRAY(SELECT format_type(t, NULL) FROM unnest(p.protrftypes) AS t) AS transforms
FROM pg_proc p
JOIN scope s ON s.oid = p.pronamespace
JOIN pg_language l ON l.oid = p.prolang
WHERE p.prokind <> 'a'
    AND NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_proc'::regclass AND m.objid = p.oid)
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'i')
