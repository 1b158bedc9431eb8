-- How far the audit tables' streams were read, by shard. No sequence: nothing was read of it yet.
CREATE TABLE stream_positions (
    stream TEXT NOT NULL,   -- ARN
    shard TEXT NOT NULL,
    table_name TEXT NOT NULL,
    sequence TEXT,          -- of the last record that was taken over
    done INTEGER NOT NULL,  -- read to its end
    PRIMARY KEY (stream, shard)
) WITHOUT ROWID;
CREATE INDEX stream_positions_by_table ON stream_positions (table_name);

-- Who started the execution: 0 this control plane, 1 somebody else.
ALTER TABLE runs ADD COLUMN origin INTEGER NOT NULL DEFAULT 0;
-- When tasks and events of the run left the cache; 0: they are there.
ALTER TABLE runs ADD COLUMN trimmed_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX runs_by_end ON runs (ended_at) WHERE ended_at > 0 AND trimmed_at = 0;
-- To find the run of an execution.
CREATE INDEX runs_by_execution ON runs (execution_arn) WHERE execution_arn IS NOT NULL;
