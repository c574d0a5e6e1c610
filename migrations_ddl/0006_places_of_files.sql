-- Where files come from has no port: a directory of the machine that loads them is its path, a place in a store its
-- address.

CREATE OR REPLACE VIEW ybvoyager.active_migrations AS
SELECT
    m.migration_uuid,
    m.name,
    m.workflow,
    CASE
        WHEN f.phase IS NULL THEN (m.phase_table -> 'phases' -> 0 ->> 'name') || '_NOT_STARTED'
        WHEN f.phase = 'INITIALIZE' AND f.state = 'COMPLETED' THEN 'INITIALIZED'
        WHEN f.phase = 'END' AND f.state = 'COMPLETED' THEN 'ENDED'
        ELSE f.phase || '_' || f.state
    END AS current_state,
    f.title AS current_phase,
    f.health,
    f.percent,
    f.rows_done,
    f.rows_total,
    f.run_by,
    f.last_error,
    CASE
        WHEN m.source ->> 'engine' = 'file' THEN '/' || (m.source ->> 'database')
        WHEN m.source ->> 'port' = '0'
            THEN rtrim((m.source ->> 'engine') || '://' || (m.source ->> 'host') || '/' || (m.source ->> 'database'), '/')
        ELSE (m.source ->> 'engine') || '://' || (m.source ->> 'host') || ':' || (m.source ->> 'port') || '/'
            || (m.source ->> 'database')
    END AS source,
    (m.target ->> 'engine') || '://' || (m.target ->> 'host') || ':' || (m.target ->> 'port') || '/'
        || (m.target ->> 'database') AS target,
    m.export_dir,
    m.voyager_version,
    m.created_at,
    m.updated_at
FROM ybvoyager.migrations AS m
LEFT JOIN LATERAL (
    SELECT *
    FROM ybvoyager.phase_timeline AS t
    WHERE t.migration_uuid = m.migration_uuid AND t.state <> 'NOT_STARTED'
    ORDER BY t.ordinal DESC
    LIMIT 1
) AS f ON true
WHERE m.ended_at IS NULL;

CREATE OR REPLACE VIEW ybvoyager.completed_migrations AS
SELECT
    m.migration_uuid,
    m.name,
    m.workflow,
    'ENDED'::text AS current_state,
    CASE WHEN c.state = 'COMPLETED' THEN 'cut over' ELSE 'abandoned' END AS outcome,
    m.end_reason,
    CASE
        WHEN m.source ->> 'engine' = 'file' THEN '/' || (m.source ->> 'database')
        WHEN m.source ->> 'port' = '0'
            THEN rtrim((m.source ->> 'engine') || '://' || (m.source ->> 'host') || '/' || (m.source ->> 'database'), '/')
        ELSE (m.source ->> 'engine') || '://' || (m.source ->> 'host') || ':' || (m.source ->> 'port') || '/'
            || (m.source ->> 'database')
    END AS source,
    (m.target ->> 'engine') || '://' || (m.target ->> 'host') || ':' || (m.target ->> 'port') || '/'
        || (m.target ->> 'database') AS target,
    m.voyager_version,
    m.created_at,
    c.completed_at AS cut_over_at,
    m.ended_at,
    m.ended_at - m.created_at AS elapsed
FROM ybvoyager.migrations AS m
LEFT JOIN ybvoyager.migration_state AS c ON c.migration_uuid = m.migration_uuid AND c.phase = 'CUTOVER'
WHERE m.ended_at IS NOT NULL;
