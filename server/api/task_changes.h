/* task_changes: GET /workflows/{id}/tasks?since=VERSION: what a page that shows the tasks has to
 * take over to be up to date. Any thread. */
#ifndef STEPFLEET_API_TASK_CHANGES_H
#define STEPFLEET_API_TASK_CHANGES_H

#include "server/api/api.h"

/* Answers with the tasks that changed after that version, oldest change first, and `version`: from
 * where to ask next. */
void task_changes_reply(struct api_call *call);

#endif
