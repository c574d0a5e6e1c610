SELECT p.object_owner AS schema_name, p.object_name, p.policy_name, p.function AS function_name,
       p.sel, p.ins, p.upd, p.del, p.enable
FROM dba_policies p
WHERE p.object_owner = :schema_name
ORDER BY 1, 2, 3
