/* sfn_db_private: the writer's statements. Private to sfn_db*.c. */
#ifndef STEPFLEET_SFN_DB_PRIVATE_H
#define STEPFLEET_SFN_DB_PRIVATE_H

#include "lib/db/db.h"
#include "server/local/sfn/sfn_db.h"

enum statement {
    PUT_EXECUTION,
    UPDATE_EXECUTION,
    PUT_EVENTS,
    PUT_FRAME,
    UPDATE_FRAME,
    DELETE_FRAME,
    DELETE_FRAMES,
    DELETE_RESULTS,
    PUT_RESULTS,
    PUT_DEFINITION,
    PUT_MACHINE,
    DELETE_MACHINE,
    PUT_TAGS,
    GET_DEFINITION,
    GET_EXECUTION,
    GET_FRAMES,
    GET_RESULTS,
    GET_MARKS,
    PUT_MAP_RUN,
    PUT_MAP_ITEMS,
    GET_MAP_ITEMS,
    DELETE_MAP_ITEMS,
    GET_MAP_CHILDREN,
    GET_MAP_COUNTS,
    STATEMENT_COUNT
};

#define EXECUTION_COLUMNS                                                                          \
    "SELECT id, machine, definition, arn, machine_arn, role, express, status, started, stopped,"   \
    " input, output, error, cause, last_event, map_run, map_item, map_items FROM execution"

#define MAP_RUN_COLUMNS                                                                            \
    "SELECT id, arn, execution, machine_arn, status, started, stopped, total, concurrency,"        \
    " tolerated_count, tolerated_percentage"

#define MAP_COUNTS_QUERY                                                                           \
    "SELECT status, count(*), sum(map_items) FROM execution"                                       \
    " WHERE map_run = ?1 AND map_run > 0 GROUP BY status"

struct sfn_db {
    struct db *db;
    struct stmt *statements[STATEMENT_COUNT];
};

/* Reads a row of EXECUTION_COLUMNS. */
void sfn_db_read_execution(struct stmt *s, struct stored_execution *row);

#endif
