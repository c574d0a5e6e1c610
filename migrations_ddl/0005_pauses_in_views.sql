-- A pause (migrations.settings -> 'paused', by phase, '*' for the whole migration) shows in the views as in `status`: a
-- phase that runs and was told to hold still is paused, and the next step is to resume what is begun or would be next.

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
        WHEN l.expires_at > clock_timestamp() AND m.settings -> 'paused' ?| ARRAY['*', s.phase] THEN 'paused'
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
) AS o
LEFT JOIN LATERAL (
    SELECT
        p.key AS scope,
        p.value AS pause,
        CASE WHEN p.key = '*' THEN 'migration ' || m.name ELSE coalesce(t.title, p.key) END AS what
    FROM jsonb_each(coalesce(m.settings -> 'paused', '{}')) AS p (key, value)
    LEFT JOIN ybvoyager.phase_timeline AS t ON t.migration_uuid = m.migration_uuid AND t.phase = p.key
    WHERE p.key = '*' OR p.key = o.step ->> 'phase' OR t.state NOT IN ('NOT_STARTED', 'COMPLETED')
    ORDER BY p.key <> '*', p.key
    LIMIT 1
) AS h ON o.step ->> 'kind' <> 'finished'
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN h.scope IS NULL THEN o.step
        ELSE o.step || jsonb_build_object(
            'kind', 'paused',
            'phase', NULL,
            'title', 'Resume ' || h.what,
            'command', 'migrate resume' || CASE WHEN h.scope = '*' THEN '' ELSE ' ' || h.scope END,
            'reason', upper(left(h.what, 1)) || substr(h.what, 2) || ' is paused since '
                || to_char((h.pause ->> 'since')::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') || ' UTC by '
                || coalesce(h.pause ->> 'by', 'somebody') || '.',
            'then', o.step ->> 'command',
            'then_title', o.step ->> 'title'
        )
    END AS step
) AS n;
