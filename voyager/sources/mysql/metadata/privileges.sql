/* yb-voyager: what the account that asks may do: objects that it may not see are not shown to it */
SELECT @node AS source_node,
    g.grantee AS grantee, g.schema_name AS schema_name, g.table_name AS table_name, g.privilege_type AS privilege_type
FROM (
    SELECT u.grantee, NULL AS schema_name, NULL AS table_name, u.privilege_type
    FROM information_schema.user_privileges u
    UNION ALL
    SELECT s.grantee, s.table_schema, NULL, s.privilege_type
    FROM information_schema.schema_privileges s
    UNION ALL
    SELECT t.grantee, t.table_schema, t.table_name, t.privilege_type
    FROM information_schema.table_privileges t
) g
WHERE REPLACE(g.grantee, '''', '') IN (
    CURRENT_USER() /*!80000 , REPLACE(CURRENT_ROLE(), '`', '') */
    /*M!100005 , COALESCE(CURRENT_ROLE(), ''), CONCAT(COALESCE(CURRENT_ROLE(), ''), '@') */
)
ORDER BY 2, 3, 4, 5
