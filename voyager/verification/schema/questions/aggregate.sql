SELECT s.name AS schema_name, '' AS table_name,
    format('%%s(%%s)', quote_ident(p.proname), array_to_string(
        ARRAY(SELECT format_type(t.type, NULL) FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS t(type, place)
              ORDER BY t.place), ', ')) AS object_name,
    pg_get_function_arguments(p.oid) AS arguments, pg_get_function_result(p.oid) AS result,
    a.aggkind::text AS form, a.aggnumdirectargs AS direct_arguments,
    ARRAY[a.aggtransfn::text, a.aggfinalfn::text, a.aggcombinefn::text, a.aggserialfn::text, a.aggdeserialfn::text,
          a.aggmtransfn::text, a.aggminvtransfn::text, a.aggmfinalfn::text] AS functions,
    ARRAY[format_type(a.aggtranstype, NULL), format_type(nullif(a.aggmtranstype, 0), NULL)] AS states,
    ARRAY[a.agginitval, a.aggminitval] AS initial_values,
    ARRAY[a.aggfinalextra, a.aggmfinalextra] AS final_extra,
    ARRAY[a.aggfinalmodify::text, a.aggmfinalmodify::text] AS final_modify,
    a.aggsortop::regoperator::text AS sort_operator, p.proparallel::text AS parallel,
    ARRAY[a.aggtransspace, a.aggmtransspace] AS state_sizes
FROM pg_aggregate a
JOIN pg_proc p ON p.oid = a.aggfnoid
JOIN scope s ON s.oid = p.pronamespace
WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_proc'::regclass AND m.objid = p.oid)
