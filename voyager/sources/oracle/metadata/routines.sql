SELECT p.owner AS schema_name, p.object_name, p.procedure_name, p.object_type, p.aggregate, p.pipelined,
       p.deterministic, p.authid
FROM dba_procedures p
WHERE p.owner = :schema_name
ORDER BY 1, 2, p.subprogram_id
