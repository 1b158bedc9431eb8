/* render: runs, tasks and events as the REST API shows them. Pure; any thread. */
#ifndef STEPFLEET_API_RENDER_H
#define STEPFLEET_API_RENDER_H

#include "lib/json/json_write.h"
#include "lib/verdict/verdict.h"
#include "server/store/store.h"

enum { RENDER_DURATION_MAX = 40 };

/* The value of `durationSeconds` between two wall times, "null" when there is no start. Returns its
 * length. */
size_t render_duration(int64_t start, int64_t end, char out[RENDER_DURATION_MAX]);
/* Each writes one object as the next element of the writer. `now` (wall us) ends the duration of
 * what is still going on. */
void render_run(struct json_writer *w, const struct store_run *run, int64_t now);
/* Texts of the row are borrowed for the call only. */
void render_task(struct json_writer *w, const struct store_task *task, int64_t now);
/* Its members alone, of an object that is open. */
void render_task_members(struct json_writer *w, const struct store_task *task, int64_t now);
/* Why a task with this end failed: {"class", "sentence", "remedy"} under that name, null for no
 * class (`reason` is a verdict_name). */
void render_reason(struct json_writer *w, const char *name, const char *reason,
                   const struct verdict_end *end);
/* Members class, sentence and remedy of the object that is open. */
void render_class(struct json_writer *w, const char *reason, const struct verdict_end *end);
/* `details` is written as it was stored: JSON already. */
void render_event(struct json_writer *w, const struct store_event *event);

#endif
