/* ecs_run: what RunTask was asked for, and the rules it must keep. Private to this room. */
#ifndef STEPFLEET_LOCAL_ECS_RUN_H
#define STEPFLEET_LOCAL_ECS_RUN_H

#include "lib/crypto/crypto.h"
#include "server/local/ecs/ecs_private.h"

/* Texts and trees are borrowed from the input, except `definition`. Absent texts are "". */
struct ecs_run {
    const char *definition_name, *cluster, *launch_type, *platform, *started_by, *group, *propagate;
    const char *reference_id, *token;
    int64_t count;
    json_t *providers, *network, *overrides, *tags, *constraints, *strategy, *volumes;
    bool managed_tags, execute_command;
    json_t *definition; /* what definition_name stands for */
    char digest[SHA256_HEX];
};

/* 0: all rules are kept; -1: the call was answered with the first that is not. */
int ecs_run_check(struct ecs_call *c, const struct ecs_run *run);
/* The tags of the request, and the definition's where they are to be propagated; a new array. */
json_t *ecs_run_tags(const struct ecs_run *run);

#endif
