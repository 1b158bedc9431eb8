-- The list of runs goes by the time of submission, newest first: a run whose spec brings its own id
-- stands where it was submitted and not where its number would put it.
DROP INDEX runs_by_status;
DROP INDEX runs_by_pattern;
DROP INDEX runs_by_name;
CREATE INDEX runs_by_status ON runs (status, submitted_at, id);
CREATE INDEX runs_by_pattern ON runs (pattern, submitted_at, id);
CREATE INDEX runs_by_name ON runs (workflow_name, submitted_at, id);
