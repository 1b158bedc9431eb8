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
    STATEMENT_COUNT
};

#define EXECUTION_COLUMNS                                                                          \
    "SELECT id, machine, definition, arn, machine_arn, role, express, status, started, stopped,"   \
    " input, output, error, cause, last_event FROM execution"

struct sfn_db {
    struct db *db;
    struct stmt *statements[STATEMENT_COUNT];
};

/* Reads a row of EXECUTION_COLUMNS. */
void sfn_db_read_execution(struct stmt *s, struct stored_execution *row);

#endif
