/* sfn_schema: the tables of the Step Functions file. Steps are added, never edited.
 *
 * machine     what CreateStateMachine made; points to its current definition
 * definition  every definition a machine ever had: executions keep the one they started with
 * execution   one row each, kept after the end; what the API lists and describes
 * frame       checkpoints of frames that live; gone when the execution has ended
 * result      what children of Parallel and Map states answered, until the execution has ended
 * event       history, several events a row: one JSON object a line, `id` is that of the first,
 *             `last` that of the last. A row is written once and never touched again.
 * map_run     runs of distributed Maps, kept after the end; their children are executions
 * map_item    items of runs that go on, many lines a row; `id` is that of the first
 * stop        jobs that are to be stopped and of which the service has not said yet that it knows
 *
 * Ids of frames and events hold the execution's id in their upper bits, so that all rows of an
 * execution lie side by side in one table without an index. Private to server/local/sfn. */
#ifndef STEPFLEET_SFN_SCHEMA_H
#define STEPFLEET_SFN_SCHEMA_H

#include "lib/db/db.h"

#define SFN_EVENT_BITS 20 /* events of an execution: fewer than 2^20 */
#define SFN_ITEM_BITS 24  /* items of a map run: fewer than 2^24 */
#define SFN_FRAME_BITS 24 /* frames and nests of an execution: fewer than 2^24 */

static const struct migration sfn_steps[] = {
    {1, "sfn-0001-tables",
     "CREATE TABLE machine ("
     "  id INTEGER PRIMARY KEY, arn TEXT NOT NULL UNIQUE, type TEXT NOT NULL,"
     "  created INTEGER NOT NULL, definition INTEGER NOT NULL, tags TEXT NOT NULL DEFAULT '{}');"
     "CREATE TABLE definition ("
     "  id INTEGER PRIMARY KEY, machine INTEGER NOT NULL, text TEXT NOT NULL, role TEXT NOT NULL,"
     "  revision TEXT, logging TEXT NOT NULL, tracing TEXT NOT NULL, created INTEGER NOT NULL);"
     "CREATE TABLE execution ("
     "  id INTEGER PRIMARY KEY, arn TEXT NOT NULL UNIQUE, machine INTEGER NOT NULL,"
     "  machine_arn TEXT NOT NULL, definition INTEGER NOT NULL, role TEXT NOT NULL,"
     "  express INTEGER NOT NULL, status INTEGER NOT NULL, started INTEGER NOT NULL,"
     "  stopped INTEGER NOT NULL, last_event INTEGER NOT NULL, input TEXT NOT NULL, output TEXT,"
     "  error TEXT, cause TEXT);"
     "CREATE INDEX execution_machine ON execution (machine, id);"
     "CREATE INDEX execution_status ON execution (machine, status, id);"
     "CREATE INDEX execution_running ON execution (id) WHERE status = 0;"
     "CREATE TABLE frame ("
     "  id INTEGER PRIMARY KEY, parent INTEGER NOT NULL, number INTEGER NOT NULL,"
     "  state INTEGER NOT NULL, phase INTEGER NOT NULL, data TEXT NOT NULL, input TEXT NOT NULL,"
     "  variables TEXT, item TEXT);"
     "CREATE TABLE result ("
     "  nest INTEGER NOT NULL, part INTEGER NOT NULL, lines TEXT NOT NULL,"
     "  PRIMARY KEY (nest, part));"
     "CREATE TABLE event (id INTEGER PRIMARY KEY, last INTEGER NOT NULL, lines TEXT NOT NULL);"},
    {2, "sfn-0002-map-runs",
     "CREATE TABLE map_run ("
     "  id INTEGER PRIMARY KEY, arn TEXT NOT NULL UNIQUE, execution INTEGER NOT NULL,"
     "  machine_arn TEXT NOT NULL, status INTEGER NOT NULL, started INTEGER NOT NULL,"
     "  stopped INTEGER NOT NULL, total INTEGER NOT NULL, concurrency INTEGER NOT NULL,"
     "  tolerated_count INTEGER NOT NULL, tolerated_percentage REAL NOT NULL,"
     "  batch_items INTEGER NOT NULL);"
     "CREATE INDEX map_run_execution ON map_run (execution, id);"
     "CREATE INDEX map_run_running ON map_run (id) WHERE status = 0;"
     "CREATE TABLE map_item ("
     "  id INTEGER PRIMARY KEY, count INTEGER NOT NULL, lines TEXT NOT NULL);"
     "ALTER TABLE execution ADD COLUMN map_run INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE execution ADD COLUMN map_item INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE execution ADD COLUMN map_items INTEGER NOT NULL DEFAULT 0;"
     "DROP INDEX execution_machine;"
     "DROP INDEX execution_status;"
     "CREATE INDEX execution_machine ON execution (machine, id) WHERE map_run = 0;"
     "CREATE INDEX execution_status ON execution (machine, status, id) WHERE map_run = 0;"
     "CREATE INDEX execution_map_run ON execution (map_run, map_item, status, map_items)"
     "  WHERE map_run > 0;"},
    {3, "sfn-0003-stops",
     "CREATE TABLE stop (job TEXT PRIMARY KEY, service TEXT NOT NULL, input TEXT NOT NULL)"
     "  WITHOUT ROWID;"},
};

#endif
