SELECT s.sequence_owner AS schema_name, s.sequence_name, s.scale_flag, s.extend_flag, s.session_flag
FROM dba_sequences s
WHERE s.sequence_owner = :schema_name AND (s.scale_flag = 'Y' OR s.session_flag = 'Y')
ORDER BY 1, 2
