-- What a dashboard shows, each card one SELECT away. A current state is the furthest begun phase, in the order of the
-- workflow as it was when the migration was registered (migrations.phase_table).

CREATE OR REPLACE VIEW ybvoyager.phase_timeline AS
SELECT
    m.migration_uuid,
    m.name AS migration,
    p.ordinal::integer AS ordinal,
    p.entry ->> 'name' AS phase,
    p.entry ->> 'title' AS title,
    s.state,
    CASE
        WHEN s.state = 'COMPLETED' THEN 'completed'
        WHEN s.state = 'NOT_STARTED' THEN 'not started'
        WHEN l.expires_at > clock_timestamp() THEN 'running'
        WHEN s.last_error IS NOT NULL THEN 'failed'
        ELSE 'interrupted'
    END AS health,
    CASE
        WHEN s.state = 'COMPLETED' THEN 100
        WHEN s.state = 'NOT_STARTED' THEN 0
        WHEN t.rows_total > 0 THEN least(99, greatest(s.percent, floor(100.0 * t.rows_done / t.rows_total)))
        ELSE s.percent
    END::double precision AS percent,
    s.attempt,
    s.started_at,
    s.completed_at,
    CASE WHEN s.started_at IS NOT NULL THEN coalesce(s.completed_at, clock_timestamp()) - s.started_at END AS elapsed,
    coalesce(t.rows_done, 0)::bigint AS rows_done,
    coalesce(t.rows_total, 0)::bigint AS rows_total,
    CASE WHEN l.expires_at > clock_timestamp() THEN l.owner END AS run_by,
    s.last_error ->> 'message' AS last_error
FROM ybvoyager.migrations AS m
CROSS JOIN LATERAL jsonb_array_elements(m.phase_table -> 'phases') WITH ORDINALITY AS p (entry, ordinal)
JOIN ybvoyager.migration_state AS s ON s.migration_uuid = m.migration_uuid AND s.phase = p.entry ->> 'name'
LEFT JOIN ybvoyager.leases AS l ON l.migration_uuid = s.migration_uuid AND l.phase = s.phase
LEFT JOIN LATERAL (
    SELECT
        sum(g.rows_done) AS rows_done,
        sum(greatest(g.rows_done, coalesce(g.rows_total, g.rows_estimated))) AS rows_total
    FROM ybvoyager.table_progress AS g
    WHERE g.migration_uuid = s.migration_uuid AND g.phase = s.phase
) AS t ON true;

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
    (m.source ->> 'engine') || '://' || (m.source ->> 'host') || ':' || (m.source ->> 'port') || '/'
        || (m.source ->> 'database') AS source,
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
    (m.source ->> 'engine') || '://' || (m.source ->> 'host') || ':' || (m.source ->> 'port') || '/'
        || (m.source ->> 'database') AS source,
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

CREATE OR REPLACE VIEW ybvoyager.assessment_reports AS
SELECT
    r.report_id,
    r.migration_uuid,
    m.name AS migration,
    r.created_at,
    r.voyager_version,
    r.sha256,
    r.body
FROM ybvoyager.reports AS r
LEFT JOIN ybvoyager.migrations AS m ON m.migration_uuid = r.migration_uuid
WHERE r.kind = 'assessment';

-- Both answers are stored by whoever moved the migration last. Which of them holds is decided here and now, by the
-- leases, so that a process that died without a word shows "resume" and not "wait".
CREATE OR REPLACE VIEW ybvoyager.next_steps AS
SELECT
    a.migration_uuid,
    a.name,
    a.current_state,
    a.health,
    l.running,
    n.step ->> 'kind' AS kind,
    n.step ->> 'phase' AS phase,
    n.step ->> 'title' AS title,
    n.step ->> 'command' AS command,
    n.step ->> 'reason' AS reason,
    n.step
FROM ybvoyager.active_migrations AS a
JOIN ybvoyager.migrations AS m ON m.migration_uuid = a.migration_uuid
CROSS JOIN LATERAL (
    SELECT count(*) > 0 AS running
    FROM ybvoyager.leases AS x
    WHERE x.migration_uuid = m.migration_uuid AND x.expires_at > clock_timestamp()
) AS l
CROSS JOIN LATERAL (
    SELECT CASE WHEN l.running THEN coalesce(m.next_if_running, m.next_if_idle) ELSE m.next_if_idle END AS step
) AS n;

CREATE OR REPLACE VIEW ybvoyager.table_activity AS
SELECT
    g.migration_uuid,
    m.name AS migration,
    g.phase,
    g.schema_name,
    g.table_name,
    g.status,
    g.rows_done,
    coalesce(g.rows_total, g.rows_estimated) AS rows_total,
    g.rows_total IS NULL AS rows_total_is_estimate,
    g.bytes_done,
    g.bytes_total,
    g.rows_quarantined,
    CASE WHEN l.expires_at > clock_timestamp() THEN g.rate END AS rate,
    CASE
        WHEN l.expires_at > clock_timestamp() AND g.rate > 0
            AND coalesce(g.rows_total, g.rows_estimated) > g.rows_done
            THEN (coalesce(g.rows_total, g.rows_estimated) - g.rows_done) / g.rate * interval '1 second'
    END AS remaining,
    g.started_at,
    g.updated_at,
    g.completed_at,
    g.message
FROM ybvoyager.table_progress AS g
JOIN ybvoyager.migrations AS m ON m.migration_uuid = g.migration_uuid
LEFT JOIN ybvoyager.leases AS l ON l.migration_uuid = g.migration_uuid AND l.phase = g.phase
WHERE m.ended_at IS NULL;
