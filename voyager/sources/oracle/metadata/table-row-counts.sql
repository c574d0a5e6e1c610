WITH {migrated_tables}, {leaf_tables}
SELECT l.owner AS schema_name, l.object_name AS table_name, l.num_rows AS row_count
FROM leaf_tables l
ORDER BY 1, 2
