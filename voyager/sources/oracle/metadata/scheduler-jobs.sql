SELECT j.owner AS schema_name, j.job_name, j.job_type, j.schedule_type, j.repeat_interval, j.enabled, j.job_action
FROM dba_scheduler_jobs j
WHERE j.owner = :schema_name
ORDER BY 1, 2
