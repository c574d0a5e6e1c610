SELECT s.owner AS schema_name, s.synonym_name, s.table_owner, s.table_name, s.db_link
FROM dba_synonyms s
WHERE s.owner = :schema_name OR (s.owner = 'PUBLIC' AND s.table_owner = :schema_name)
ORDER BY 1, 2
