-- The change that a task was last written by, so that who has seen all up to a version can ask for
-- the tasks that changed since. Those that are there already changed with their run.
ALTER TABLE tasks ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
UPDATE tasks SET version = (SELECT version FROM runs WHERE runs.id = tasks.run_id);
CREATE INDEX tasks_by_version ON tasks (run_id, version, seq);
-- For the numbers of the day: what ended since a time, and what failed.
CREATE INDEX runs_by_ended ON runs (ended_at, status) WHERE ended_at > 0;
