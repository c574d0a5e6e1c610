SELECT v.owner AS schema_name, v.view_name, v.view_type_owner, v.view_type, v.editioning_view, v.read_only, v.text
FROM dba_views v
WHERE v.owner = :schema_name
ORDER BY 1, 2
