SELECT '' AS schema_name, '' AS table_name, t.evtname::text AS object_name,
    t.evtevent::text AS event, t.evtfoid::regprocedure::text AS calls,
    ARRAY(SELECT g FROM unnest(t.evttags) AS g ORDER BY g) AS tags,
    CASE t.evtenabled WHEN 'O' THEN 'enabled' WHEN 'D' THEN 'disabled' WHEN 'R' THEN 'enabled for replicas'
        ELSE 'enabled always' END AS state
FROM pg_event_trigger t
JOIN pg_proc p ON p.oid = t.evtfoid
WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_event_trigger'::regclass AND m.objid = t.oid)
    AND NOT EXISTS (SELECT FROM others o WHERE o.oid = p.pronamespace)
