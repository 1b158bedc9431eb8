-- Why somebody cancelled a run, in their words; and finding the runs that repeat another one.
ALTER TABLE runs ADD COLUMN cancel_reason TEXT;
CREATE INDEX runs_by_parent ON runs (parent_id, submitted_at, id) WHERE parent_id > 0;
