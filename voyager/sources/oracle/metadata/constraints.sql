SELECT c.owner AS schema_name, c.constraint_name, c.table_name, c.constraint_type, c.status, c.validated, c.deferrable,
       c.deferred, c.rely, c.generated, c.delete_rule, c.r_owner, c.r_constraint_name, c.index_owner, c.index_name,
       c.search_condition
FROM dba_constraints c
WHERE c.owner = :schema_name AND c.table_name NOT LIKE 'BIN$%'
ORDER BY 1, 3, 2
