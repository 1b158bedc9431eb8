/* ecs_db_private: what the files of ecs_db share. */
#ifndef STEPFLEET_LOCAL_ECS_DB_PRIVATE_H
#define STEPFLEET_LOCAL_ECS_DB_PRIVATE_H

#include "server/local/ecs/ecs_db.h"
#include "server/local/ecs/ecs_schema.h"

enum ecs_statement {
#define X(name, sql) ECS_SQL_##name,
    ECS_STATEMENTS(X)
#undef X
        ECS_SQL_COUNT
};

struct ecs_db {
    struct db *db;
    struct stmt *stmts[ECS_SQL_COUNT];
};

/* Compact text of a JSON value, to be freed; NULL with ERR_MEMORY. */
char *ecs_db_text(const json_t *value, struct error *err);
/* Steps to the one row; on 1 the statement is still on it. */
int ecs_db_one(struct stmt *s, struct error *err);

#endif
