/* log_place: where a task's log is: a file here, or CloudWatch. Pure; any thread. */
#ifndef STEPFLEET_API_LOG_PLACE_H
#define STEPFLEET_API_LOG_PLACE_H

#include "lib/json/json_write.h"
#include "server/api/api.h"

enum { LOG_PLACE_ID_MAX = 64, LOG_PLACE_TEXT_MAX = 512 };

/* What it follows from. Texts that are not known are "". */
struct log_place {
    const struct api_call *call;   /* of the task: its path leads to the file */
    char ecs_id[LOG_PLACE_ID_MAX]; /* "": ECS has not given one */
    char arn[LOG_PLACE_TEXT_MAX];  /* of the execution */
    char cluster[LOG_PLACE_TEXT_MAX];
    char container[LOG_PLACE_TEXT_MAX];
    const char *group; /* of CloudWatch, when it is the deployment's; NULL */
};

/* Writes the member: {kind: file, url, path}, {kind: cloudwatch, url, group, stream} with the last
 * two null unless they are known, or null. */
void log_place_write(struct json_writer *w, const char *name, const struct log_place *p);

#endif
