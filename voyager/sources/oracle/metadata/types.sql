SELECT t.owner AS schema_name, t.type_name, t.typecode, t.attributes, t.methods, t.final AS is_final,
       t.supertype_owner, t.supertype_name, c.coll_type, c.upper_bound, c.elem_type_owner, c.elem_type_name,
       c.length AS elem_length, c.precision AS elem_precision, c.scale AS elem_scale
FROM dba_types t
LEFT JOIN dba_coll_types c ON c.owner = t.owner AND c.type_name = t.type_name
WHERE t.owner = :schema_name
  AND t.type_name NOT LIKE 'SYS!_PLSQL!_%' ESCAPE '!' AND t.type_name NOT LIKE 'SYSTP%=='
ORDER BY 1, 2
