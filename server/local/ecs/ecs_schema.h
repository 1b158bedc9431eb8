/* ecs_schema: the tables of ecs.db and every statement on them. Private to ecs_db. */
#ifndef STEPFLEET_LOCAL_ECS_SCHEMA_H
#define STEPFLEET_LOCAL_ECS_SCHEMA_H

/* tasks.seq is the order of RunTask, and what pages of ListTasks go by. tasks.doc is the wire's
 * Task without what changes; the other columns are what changes (see struct ecs_task). Times are
 * wall microseconds, 0: not yet. tokens.ids is the JSON array of the task ids that a client token
 * stands for, tokens.digest the SHA-256 of the request it came with.
 *
 * Two partial indexes keep the runner's questions cheap however many tasks there were: which task
 * waits longest, and which stopped long ago. */
#define ECS_SCHEMA                                                                                 \
    "CREATE TABLE clusters(name TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID;"                         \
    "CREATE TABLE definitions("                                                                    \
    "  family TEXT NOT NULL, revision INTEGER NOT NULL, doc TEXT NOT NULL,"                        \
    "  PRIMARY KEY(family, revision)) WITHOUT ROWID;"                                              \
    "CREATE TABLE tasks("                                                                          \
    "  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"                            \
    "  cluster TEXT NOT NULL, family TEXT NOT NULL, started_by TEXT NOT NULL, doc TEXT NOT NULL,"  \
    "  status TEXT NOT NULL, desired TEXT NOT NULL, created_at INTEGER NOT NULL,"                  \
    "  launched_at INTEGER NOT NULL, started_at INTEGER NOT NULL, stopping_at INTEGER NOT NULL,"   \
    "  stopped_at INTEGER NOT NULL, stop_code TEXT NOT NULL, stopped_reason TEXT NOT NULL,"        \
    "  container_reason TEXT NOT NULL, exit_code INTEGER, version INTEGER NOT NULL);"              \
    "CREATE INDEX tasks_listed ON tasks(cluster, desired, seq);"                                   \
    "CREATE INDEX tasks_of_starter ON tasks(cluster, started_by, seq);"                            \
    "CREATE INDEX tasks_waiting ON tasks(seq) WHERE launched_at = 0 AND stopped_at = 0;"           \
    "CREATE INDEX tasks_stopped ON tasks(stopped_at) WHERE stopped_at > 0;"                        \
    "CREATE TABLE tokens("                                                                         \
    "  token TEXT PRIMARY KEY NOT NULL, digest TEXT NOT NULL, ids TEXT NOT NULL,"                  \
    "  at INTEGER NOT NULL) WITHOUT ROWID;"

/* In the order in which read_row in ecs_db_task.c takes them. */
#define ECS_TASK_COLUMNS                                                                           \
    "seq, id, doc, status, desired, created_at, launched_at, started_at, stopping_at, stopped_at," \
    " stop_code, stopped_reason, container_reason, exit_code, version"

/* One page; stopped tasks only as long as they are shown. startedBy and family have a statement
 * each, so that each finds its index. */
#define ECS_TASK_LIST(CONDITION)                                                                   \
    "SELECT seq, id FROM tasks WHERE cluster = ?1 AND desired = ?2 AND seq > ?3"                   \
    " AND (stopped_at = 0 OR stopped_at > ?4) AND " CONDITION " ORDER BY seq LIMIT ?6"

/* RECOVER is for the tasks that a server's death has ended: an earlier wish to stop keeps its code
 * and reason, as it does when a task ends otherwise. */
#define ECS_STATEMENTS(X)                                                                          \
    X(CLUSTER_FIND, "SELECT 1 FROM clusters WHERE name = ?1")                                      \
    X(CLUSTER_ADD, "INSERT OR IGNORE INTO clusters(name) VALUES(?1)")                              \
    X(CLUSTERS, "SELECT name FROM clusters ORDER BY name")                                         \
    X(CLUSTER_COUNTS,                                                                              \
      "SELECT coalesce(sum(status = 'RUNNING'), 0), coalesce(sum(status <> 'RUNNING'), 0)"         \
      " FROM tasks WHERE cluster = ?1 AND status <> 'STOPPED'")                                    \
    X(DEFINITION_FIND, "SELECT doc FROM definitions WHERE family = ?1 AND revision = ?2")          \
    X(DEFINITION_LATEST, "SELECT coalesce(max(revision), 0) FROM definitions WHERE family = ?1")   \
    X(DEFINITION_ADD, "INSERT INTO definitions(family, revision, doc) VALUES(?1, ?2, ?3)")         \
    X(DEFINITIONS, "SELECT family, revision FROM definitions ORDER BY family, revision")           \
    X(TASK_ADD,                                                                                    \
      "INSERT INTO tasks(id, cluster, family, started_by, doc, status, desired, created_at,"       \
      " launched_at, started_at, stopping_at, stopped_at, stop_code, stopped_reason,"              \
      " container_reason, exit_code, version)"                                                     \
      " VALUES(?1, ?2, ?3, ?4, ?5, ?6, 'RUNNING', ?7, 0, 0, 0, 0, '', '', '', NULL, 1)"            \
      " RETURNING seq")                                                                            \
    X(TASK_FIND, "SELECT " ECS_TASK_COLUMNS " FROM tasks WHERE id = ?1 AND"                        \
                 " (?2 IS NULL OR cluster = ?2)")                                                  \
    X(TASK_NEXT, "SELECT " ECS_TASK_COLUMNS " FROM tasks WHERE launched_at = 0 AND stopped_at = 0" \
                 " ORDER BY seq LIMIT 1")                                                          \
    X(TASK_SAVE, "UPDATE tasks SET status = ?2, desired = ?3, launched_at = ?4, started_at = ?5,"  \
                 " stopping_at = ?6, stopped_at = ?7, stop_code = ?8, stopped_reason = ?9,"        \
                 " container_reason = ?10, exit_code = ?11, version = ?12 WHERE seq = ?1")         \
    X(TASK_LIST, ECS_TASK_LIST("(?5 IS NULL OR family = ?5)"))                                     \
    X(TASK_LIST_STARTER, ECS_TASK_LIST("started_by = ?5"))                                         \
    X(TOKEN_FIND, "SELECT digest, ids FROM tokens WHERE token = ?1")                               \
    X(TOKEN_ADD, "INSERT INTO tokens(token, digest, ids, at) VALUES(?1, ?2, ?3, ?4)")              \
    X(RECOVER, "UPDATE tasks SET status = 'STOPPED', desired = 'STOPPED', stopped_at = ?1,"        \
               " stopping_at = iif(stopping_at = 0, ?1, stopping_at),"                             \
               " stop_code = iif(stop_code = '', ?2, stop_code),"                                  \
               " stopped_reason = iif(stopped_reason = '', ?3, stopped_reason),"                   \
               " container_reason = ?3, version = version + 1"                                     \
               " WHERE launched_at > 0 AND stopped_at = 0")                                        \
    X(PURGE_FIND, "SELECT id FROM tasks WHERE stopped_at > 0 AND stopped_at < ?1 LIMIT 500")       \
    X(PURGE_TASK, "DELETE FROM tasks WHERE id = ?1")                                               \
    X(PURGE_TOKENS, "DELETE FROM tokens WHERE at < ?1")

#endif
