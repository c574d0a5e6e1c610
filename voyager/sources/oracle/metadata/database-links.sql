SELECT l.owner AS schema_name, l.db_link, l.host
FROM dba_db_links l
WHERE l.owner = :schema_name OR l.owner = 'PUBLIC'
ORDER BY 1, 2
