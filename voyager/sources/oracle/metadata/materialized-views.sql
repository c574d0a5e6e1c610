SELECT m.owner AS schema_name, m.mview_name, m.container_name, m.updatable, m.rewrite_enabled, m.refresh_mode,
       m.refresh_method, m.build_mode, m.master_link, m.query
FROM dba_mviews m
WHERE m.owner = :schema_name
ORDER BY 1, 2
