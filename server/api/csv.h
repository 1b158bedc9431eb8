/* csv: tasks as lines of comma-separated values (RFC 4180). Pure; any thread.
 *
 * Texts that a spreadsheet would take for a formula get an apostrophe in front: task names and
 * messages come from whoever wrote the spec or the task. */
#ifndef STEPFLEET_API_CSV_H
#define STEPFLEET_API_CSV_H

#include "lib/base/buf.h"
#include "server/store/store.h"

/* The line with the columns' names. */
void csv_head(struct buf *out);
/* One task as a line; what it has no value for is empty. */
void csv_task(struct buf *out, const struct store_task *task);
/* One text as a field, NULL as an empty one. */
void csv_text(struct buf *out, const char *text);

#endif
