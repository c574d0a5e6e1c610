SELECT j.schema_user AS schema_name, j.job AS job_number, j.interval AS repeat_interval, j.broken, j.what
FROM dba_jobs j
WHERE j.schema_user = :schema_name
ORDER BY 1, 2
