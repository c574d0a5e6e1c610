SELECT '{"engine": "oracle", "database": ' || f.container || ', "version": ' || f.banner || ', "schemas": [' || f.chosen
       || '], "schemas_missing": [' || CASE WHEN f.found = 0 THEN f.chosen END || '], "node": "primary", "role": '
       || f.asked_by || ', "instance_role": ' || f.instance_role || ', "protocol": ' || f.protocol
       || ', "encoding": ' || f.encoding || ', "dictionary": "dba_", "collected_at": "' || f.collected_at || '"}' AS document
FROM (
  SELECT '"' || REPLACE(REPLACE(SYS_CONTEXT('USERENV', 'CON_NAME'), '\', '\\'), '"', '\"') || '"' AS container,
         '"' || REPLACE(REPLACE(SYS_CONTEXT('USERENV', 'SESSION_USER'), '\', '\\'), '"', '\"') || '"' AS asked_by,
         '"' || REPLACE(REPLACE(:schema_name, '\', '\\'), '"', '\"') || '"' AS chosen,
         '"' || SYS_CONTEXT('USERENV', 'DATABASE_ROLE') || '"' AS instance_role,
         '"' || SYS_CONTEXT('USERENV', 'NETWORK_PROTOCOL') || '"' AS protocol,
         (SELECT '"' || MAX(v.banner) || '"' FROM v$version v WHERE v.banner LIKE 'Oracle%') AS banner,
         (SELECT '"' || MAX(n.value) || '"' FROM nls_database_parameters n WHERE n.parameter = 'NLS_CHARACTERSET') AS encoding,
         (SELECT COUNT(*) FROM all_users u WHERE u.username = :schema_name) AS found,
         TO_CHAR(SYS_EXTRACT_UTC(SYSTIMESTAMP), 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS collected_at
  FROM dual
) f
