-- The state of migrations. Columns are added by later files, never given another meaning.
-- There are no foreign keys: a batch of one table must not wait for the row of its migration, and on YugabyteDB
-- each would cost a further read per row. The first key column is hashed there, so it is a uuid wherever many write.

CREATE SCHEMA IF NOT EXISTS ybvoyager;

CREATE TABLE IF NOT EXISTS ybvoyager.schema_version (
    number integer PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE IF NOT EXISTS ybvoyager.migrations (
    migration_uuid uuid PRIMARY KEY,
    name text NOT NULL,
    workflow text NOT NULL,
    source jsonb NOT NULL,
    target jsonb NOT NULL,
    export_dir text NOT NULL,
    voyager_version text NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    settings jsonb NOT NULL DEFAULT '{}',
    phase_table jsonb NOT NULL,
    capabilities jsonb NOT NULL DEFAULT '{}',
    next_if_idle jsonb,
    next_if_running jsonb,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,
    end_reason text
);

CREATE UNIQUE INDEX IF NOT EXISTS one_active_migration_per_name ON ybvoyager.migrations (name) WHERE ended_at IS NULL;

CREATE TABLE IF NOT EXISTS ybvoyager.migration_state (
    migration_uuid uuid NOT NULL,
    phase text NOT NULL,
    state text NOT NULL,
    attempt integer NOT NULL DEFAULT 0,
    percent double precision NOT NULL DEFAULT 0,
    started_at timestamptz,
    completed_at timestamptz,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_error jsonb,
    summary jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (migration_uuid, phase)
);

-- The token is a key column so that changing it waits for every transaction that asked for it FOR KEY SHARE,
-- while a renewal, which changes expires_at alone, waits for none.
CREATE TABLE IF NOT EXISTS ybvoyager.leases (
    migration_uuid uuid NOT NULL,
    phase text NOT NULL,
    token uuid NOT NULL,
    owner text NOT NULL,
    host text NOT NULL,
    pid integer NOT NULL,
    backends jsonb NOT NULL DEFAULT '[]',
    acquired_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (migration_uuid, phase, token)
);

CREATE UNIQUE INDEX IF NOT EXISTS one_lease_per_phase ON ybvoyager.leases (migration_uuid, phase);

CREATE TABLE IF NOT EXISTS ybvoyager.table_progress (
    migration_uuid uuid NOT NULL,
    phase text NOT NULL,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    status text NOT NULL,
    rows_total bigint,
    rows_estimated bigint,
    rows_done bigint NOT NULL DEFAULT 0,
    bytes_total bigint,
    bytes_done bigint NOT NULL DEFAULT 0,
    rows_quarantined bigint NOT NULL DEFAULT 0,
    rate double precision,
    started_at timestamptz,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    completed_at timestamptz,
    message text NOT NULL DEFAULT '',
    PRIMARY KEY (migration_uuid, phase, schema_name, table_name)
);

CREATE TABLE IF NOT EXISTS ybvoyager.events (
    event_id uuid PRIMARY KEY,
    migration_uuid uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    phase text,
    kind text NOT NULL,
    from_state text,
    to_state text,
    actor text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT known_kind_of_event
        CHECK (kind IN ('transition', 'started', 'failed', 'resumed', 'warning', 'config', 'note'))
);

CREATE INDEX IF NOT EXISTS events_in_order ON ybvoyager.events (migration_uuid, at);

CREATE TABLE IF NOT EXISTS ybvoyager.reports (
    report_id uuid PRIMARY KEY,
    migration_uuid uuid,
    kind text NOT NULL,
    voyager_version text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    body jsonb NOT NULL,
    sha256 text NOT NULL,
    CONSTRAINT known_kind_of_report CHECK (
        kind IN (
            'assessment', 'schema_analysis', 'schema_optimization', 'verification', 'data_migration', 'performance'
        )
    )
);

CREATE INDEX IF NOT EXISTS reports_in_order ON ybvoyager.reports (migration_uuid, kind, created_at);

CREATE TABLE IF NOT EXISTS ybvoyager.schema_statements (
    statement_id uuid PRIMARY KEY,
    migration_uuid uuid NOT NULL,
    phase text NOT NULL,
    ordinal integer NOT NULL,
    sha256 text NOT NULL,
    file text NOT NULL,
    line integer NOT NULL,
    object text NOT NULL,
    state text NOT NULL,
    error text,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    CONSTRAINT known_state_of_statement CHECK (state IN ('started', 'done', 'failed', 'skipped'))
);

CREATE INDEX IF NOT EXISTS schema_statements_of_phase ON ybvoyager.schema_statements (migration_uuid, phase, ordinal);

-- The ledger: a batch is the blocks [batch_no, batch_no + blocks) of its chunk's file.
CREATE TABLE IF NOT EXISTS ybvoyager.import_batches (
    chunk_id uuid NOT NULL,
    batch_no integer NOT NULL,
    blocks integer NOT NULL,
    migration_uuid uuid NOT NULL,
    snapshot text NOT NULL,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    rows bigint NOT NULL,
    bytes bigint NOT NULL,
    quarantined bigint NOT NULL DEFAULT 0,
    lease_token uuid NOT NULL,
    committed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (chunk_id, batch_no),
    CONSTRAINT batch_holds_blocks CHECK (batch_no >= 0 AND blocks > 0)
);

CREATE TABLE IF NOT EXISTS ybvoyager.change_positions (
    migration_uuid uuid NOT NULL,
    direction text NOT NULL,
    lane integer NOT NULL,
    position text NOT NULL,
    fence text,
    inserts bigint NOT NULL DEFAULT 0,
    updates bigint NOT NULL DEFAULT 0,
    deletes bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (migration_uuid, direction, lane)
);

-- Where a row set aside is to be found; never what it held, unless the operator asked for that.
CREATE TABLE IF NOT EXISTS ybvoyager.quarantined_rows (
    id uuid PRIMARY KEY,
    migration_uuid uuid NOT NULL,
    phase text NOT NULL,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    key jsonb,
    reason text NOT NULL,
    sqlstate text,
    file text,
    file_offset bigint,
    change_position text,
    row_values jsonb,
    status text NOT NULL DEFAULT 'set_aside',
    set_aside_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    settled_at timestamptz,
    CONSTRAINT known_status_of_row CHECK (status IN ('set_aside', 'replayed', 'discarded'))
);

CREATE TABLE IF NOT EXISTS ybvoyager.verification_chunks (
    run_id uuid NOT NULL,
    schema_name text NOT NULL,
    table_name text NOT NULL,
    chunk integer NOT NULL,
    migration_uuid uuid NOT NULL,
    lo text,
    hi text,
    source_rows bigint,
    target_rows bigint,
    source_sum text,
    target_sum text,
    state text NOT NULL,
    fence text,
    compared_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (run_id, schema_name, table_name, chunk),
    CONSTRAINT known_state_of_chunk CHECK (state IN ('pending', 'equal', 'different', 'failed'))
);

CREATE TABLE IF NOT EXISTS ybvoyager.fleets (
    fleet_id uuid PRIMARY KEY,
    name text NOT NULL,
    settings jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE UNIQUE INDEX IF NOT EXISTS one_fleet_per_name ON ybvoyager.fleets (name);

CREATE TABLE IF NOT EXISTS ybvoyager.fleet_members (
    fleet_id uuid NOT NULL,
    member text NOT NULL,
    endpoint jsonb NOT NULL,
    migration_uuid uuid,
    status text NOT NULL,
    error jsonb,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (fleet_id, member)
);
