SELECT p.object_owner AS schema_name, p.object_name, p.policy_name, p.enable
FROM redaction_policies p
WHERE p.object_owner = :schema_name
ORDER BY 1, 2, 3
