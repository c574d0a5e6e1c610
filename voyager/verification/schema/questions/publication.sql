SELECT '' AS schema_name, '' AS table_name, p.pubname::text AS object_name,
    p.puballtables AS all_tables,
    array_remove(ARRAY[CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
          CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END], NULL) AS publishes,
    to_jsonb(p) ->> 'pubviaroot' AS via_root,
    nullif(to_jsonb(p) ->> 'pubgencols', 'n') AS generated_columns
FROM pg_publication p
WHERE NOT EXISTS (SELECT FROM pg_publication_rel r JOIN pg_class c ON c.oid = r.prrelid
                  JOIN others o ON o.oid = c.relnamespace WHERE r.prpubid = p.oid)
