SELECT p.parameter, p.value AS parameter_value
FROM nls_database_parameters p
ORDER BY 1
