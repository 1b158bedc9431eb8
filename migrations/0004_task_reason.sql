-- Why a task failed or was cancelled: the class that lib/verdict gives its row, so that failures can
-- be filtered and grouped. NULL: it did neither.
ALTER TABLE tasks ADD COLUMN reason TEXT;
CREATE INDEX tasks_by_reason ON tasks (run_id, reason, seq) WHERE reason IS NOT NULL;
-- Rows from before have none; opening the store gives them one. Empty from then on.
CREATE INDEX tasks_without_reason ON tasks (run_id, seq) WHERE reason IS NULL AND status IN (3, 4);
-- How it came to run, as ECS tells it; microseconds, 0: not known.
ALTER TABLE tasks ADD COLUMN created_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN pull_started_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN pull_stopped_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN container_started_at INTEGER NOT NULL DEFAULT 0;
