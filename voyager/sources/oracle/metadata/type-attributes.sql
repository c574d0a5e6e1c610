SELECT a.owner AS schema_name, a.type_name, a.attr_no, a.attr_name, a.attr_type_mod, a.attr_type_owner,
       a.attr_type_name, a.length AS attr_length, a.precision AS attr_precision, a.scale AS attr_scale
FROM dba_type_attrs a
WHERE a.owner = :schema_name
ORDER BY 1, 2, 3
