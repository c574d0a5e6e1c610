SELECT u.username
FROM all_users u
WHERE u.oracle_maintained = 'N' AND EXISTS (SELECT 1 FROM dba_all_tables t WHERE t.owner = u.username)
ORDER BY 1
