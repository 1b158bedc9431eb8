-- What ECS said of a task, as DescribeTasks gave it; ECS itself forgets a stopped task after an hour.
-- Apart from the tasks, whose rows are read by the thousand.
CREATE TABLE ecs_descriptions (
    run_id INTEGER NOT NULL REFERENCES runs (id),
    seq INTEGER NOT NULL,       -- of the task
    ecs_task_id TEXT NOT NULL,  -- whom it is of: a task that was started again has another id
    seen_at INTEGER NOT NULL,   -- when ECS said so first
    stopped INTEGER NOT NULL,   -- 1: nothing more will come
    shortened INTEGER NOT NULL, -- 1: it was too long, large members were left out
    body TEXT NOT NULL,         -- JSON
    PRIMARY KEY (run_id, seq)
);
