-- Runs, what was submitted, their tasks, the history of their executions, and the outbox.
-- Times are microseconds since 1970, UTC; 0 means not yet. Statuses are enum audit_status:
-- 0 Submitted, 1 Running, 2 Completed, 3 Failed, 4 Cancelled.

CREATE TABLE runs (
    id INTEGER PRIMARY KEY,              -- workflow_run_id, sorts by time
    version INTEGER NOT NULL,            -- number of the last change, counted over all runs
    pattern INTEGER NOT NULL,
    workflow_name TEXT NOT NULL,
    status INTEGER NOT NULL,
    reason TEXT,
    execution_name TEXT NOT NULL UNIQUE,
    execution_arn TEXT,
    execution_status TEXT,
    execution_stopped_at INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    cause TEXT,
    idempotency_key TEXT UNIQUE,
    request_hash TEXT NOT NULL,
    labels TEXT,
    parent_id INTEGER NOT NULL DEFAULT 0, -- the run this one repeats, 0: none
    cancel_at INTEGER NOT NULL DEFAULT 0, -- when somebody asked to cancel
    task_count INTEGER NOT NULL,
    submitted_tasks INTEGER NOT NULL,
    running_tasks INTEGER NOT NULL DEFAULT 0,
    completed_tasks INTEGER NOT NULL DEFAULT 0,
    failed_tasks INTEGER NOT NULL DEFAULT 0,
    cancelled_tasks INTEGER NOT NULL DEFAULT 0,
    submitted_at INTEGER NOT NULL,
    started_at INTEGER NOT NULL DEFAULT 0,
    ended_at INTEGER NOT NULL DEFAULT 0,
    updated_at INTEGER NOT NULL,
    start_attempts INTEGER NOT NULL DEFAULT 0,
    start_error TEXT,
    last_event_id INTEGER NOT NULL DEFAULT 0, -- history is complete up to this event
    mirror_time INTEGER NOT NULL DEFAULT 0    -- newest update_time among the mirrored rows
);
-- Each filter of the list, in the order the list is paged by.
CREATE INDEX runs_by_status ON runs (status, id);
CREATE INDEX runs_by_pattern ON runs (pattern, id);
CREATE INDEX runs_by_name ON runs (workflow_name, id);
CREATE INDEX runs_by_time ON runs (submitted_at, id);
CREATE INDEX runs_by_version ON runs (version);

-- Large texts apart, so that a list reads few pages.
CREATE TABLE run_specs (
    run_id INTEGER PRIMARY KEY REFERENCES runs (id),
    request TEXT NOT NULL,
    input TEXT NOT NULL
);

CREATE TABLE tasks (
    run_id INTEGER NOT NULL REFERENCES runs (id),
    seq INTEGER NOT NULL, -- position in the spec's taskList
    name TEXT NOT NULL,
    ecs_task_id TEXT,
    status INTEGER NOT NULL,
    s3_bucket TEXT,
    object_key TEXT,
    destination_key TEXT,
    start_time INTEGER NOT NULL DEFAULT 0,
    update_time INTEGER NOT NULL DEFAULT 0,
    exec_time REAL NOT NULL DEFAULT -1,    -- seconds; negative: none
    bytes INTEGER NOT NULL DEFAULT -1,     -- negative: none
    stop_code TEXT,
    stopped_reason TEXT,
    exit_code INTEGER NOT NULL DEFAULT -1, -- negative: none
    attempt INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run_id, seq)
) WITHOUT ROWID;
CREATE UNIQUE INDEX tasks_by_name ON tasks (run_id, name);
CREATE INDEX tasks_by_status ON tasks (run_id, status, seq);

CREATE TABLE events (
    run_id INTEGER NOT NULL REFERENCES runs (id),
    id INTEGER NOT NULL,
    previous_id INTEGER NOT NULL,
    time INTEGER NOT NULL,
    type TEXT NOT NULL,
    details TEXT,
    PRIMARY KEY (run_id, id)
);

-- Runs whose execution is yet to be started.
CREATE TABLE outbox (
    run_id INTEGER PRIMARY KEY REFERENCES runs (id),
    due_at INTEGER NOT NULL
);
CREATE INDEX outbox_by_due ON outbox (due_at);
