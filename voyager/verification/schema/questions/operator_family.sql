SELECT s.name AS schema_name, '' AS table_name, format('%%s USING %%s', quote_ident(f.opfname), a.amname) AS object_name,
    ARRAY(SELECT format('%%s %%s %%s', o.amopstrategy, o.amopopr::regoperator, o.amoppurpose) FROM pg_amop o
          WHERE o.amopfamily = f.oid ORDER BY 1) AS operators,
    ARRAY(SELECT format('%%s (%%s, %%s) %%s', p.amprocnum, format_type(p.amproclefttype, NULL),
                        format_type(p.amprocrighttype, NULL), p.amproc::regprocedure) FROM pg_amproc p
          WHERE p.amprocfamily = f.oid ORDER BY 1) AS functions
FROM pg_opfamily f
JOIN scope s ON s.oid = f.opfnamespace
JOIN pg_am a ON a.oid = f.opfmethod
WHERE NOT EXISTS (SELECT FROM members m WHERE m.classid = 'pg_opfamily'::regclass AND m.objid = f.oid)
