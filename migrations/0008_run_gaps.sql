-- Why the list of a run's tasks is not here, as a sentence; NULL: it is.
ALTER TABLE runs ADD COLUMN unlisted TEXT;
CREATE INDEX runs_unlisted ON runs (pattern, status) WHERE unlisted IS NOT NULL;
-- 1: a run that was started elsewhere and had ended when it was found, so that nobody here can know
-- whether its audit rows were ever there.
ALTER TABLE runs ADD COLUMN found_ended INTEGER NOT NULL DEFAULT 0;
