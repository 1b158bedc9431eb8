/* What the CloudFormation templates would have made, from the same specs. Every step is an
 * "ensure": a second start with the same folder changes nothing, and data that a user has put there
 * stays. */
#include "server/local/seed.h"

#include "lib/spec/spec.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SAMPLE_BYTES = 1024 * 1024, /* an example input object */
    LAUNCHER_SECONDS = 900,
    MONITOR_SECONDS = 300,
};

/* Linked statically (by `make dist`) a worker starts three times as fast: no libraries to load. It
 * must be no older than the other, or it would not be what was built last. */
static bool prefer_static(const struct local_options *o, const char *name, char out[PATH_MAX])
{
    char quick[PATH_MAX];
    struct stat usual, other;
    int n = snprintf(quick, PATH_MAX, "%s/static/%s", o->workers_dir, name);
    if (n < 0 || n >= PATH_MAX || stat(out, &usual) || stat(quick, &other) || access(quick, X_OK))
        return false;
    if (other.st_mtime < usual.st_mtime)
        return false;
    memcpy(out, quick, (size_t)n + 1);
    return true;
}

/* Writes the program's path; -1 with what to do when it is not there or cannot be run. */
static int worker_path(const struct local_options *o, const char *name, char out[PATH_MAX],
                       struct error *err)
{
    int n = snprintf(out, PATH_MAX, "%s/%s", o->workers_dir, name);
    if (n < 0 || n >= PATH_MAX)
        return err_set(err, ERR_ARGUMENT, "the path of the workers' folder is too long");
    if (access(out, X_OK))
        return err_set(
            err, ERR_NOT_FOUND,
            "the worker program %s is missing or not executable: build it (make), or say "
            "where it is with --workers DIR",
            out);
    if (prefer_static(o, name, out))
        log_debug(o->log, "a worker linked statically is used", LOG_STR("program", out));
    return 0;
}

/* AWS environment variables come from the room. There is no quota of Fargate's here: the launcher
 * hands all tasks over, and they wait for a place in the local ECS. */
static int seed_function(const struct seed_services *s, const struct local_options *o,
                         const char *name, int seconds, struct error *err)
{
    static const char *const environment[] = {"STEPFLEET_RUN_TASK_RATE=10000",
                                              "STEPFLEET_RUN_TASK_BURST=10000", NULL};
    char program[PATH_MAX];
    if (worker_path(o, name, program, err))
        return -1;
    const struct local_lambda_function function = {
        .name = name, .program = program, .timeout_seconds = seconds, .environment = environment};
    return local_lambda_register(s->lambda, &function, err);
}

/* Bytes that do not compress and do not repeat: a cheap generator (xorshift64) is enough. */
static int seed_object(const struct seed_services *s, const char *bucket, const char *key,
                       struct error *err)
{
    if (local_s3_has_object(s->s3, bucket, key))
        return 0;
    uint64_t *words = malloc(SAMPLE_BYTES);
    if (!words)
        return err_set(err, ERR_MEMORY, "out of memory");
    uint64_t x = UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < SAMPLE_BYTES / sizeof *words; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        words[i] = x;
    }
    int rc = local_s3_put(s->s3, bucket, key, words, SAMPLE_BYTES, err);
    free(words);
    return rc;
}

/* An audit table with its stream, as the templates give it. */
static int seed_table(const struct seed_services *s, const char *name, const char *hash_key,
                      char hash_type, const char *range_key, char range_type, struct error *err)
{
    if (local_dynamodb_ensure_table(s->dynamodb, name, hash_key, hash_type, range_key, range_type,
                                    err))
        return -1;
    return local_dynamodb_ensure_stream(s->dynamodb, name, "NEW_IMAGE", err);
}

/* The key types are those of the audit tables' templates: the summary by text and number, the
 * details by number and text. */
static int seed_tables(const struct seed_services *s, const struct spec *spec, struct error *err)
{
    if (seed_table(s, spec->summary_table, spec->summary_hash_key, 'S', spec->summary_range_key,
                   'N', err))
        return -1;
    return seed_table(s, spec->details_table, spec->details_hash_key, 'N', spec->details_range_key,
                      'S', err);
}

/* The summary's bucket, and for each task its bucket with the input object it copies. */
static int seed_objects(const struct seed_services *s, const struct spec *spec, struct error *err)
{
    int rc = local_s3_ensure_bucket(s->s3, spec->s3_bucket_name, err);
    for (size_t i = 0; !rc && i < spec->task_count; i++) {
        const struct spec_task *task = &spec->tasks[i];
        rc = local_s3_ensure_bucket(s->s3, task->s3_bucket_name, err);
        if (!rc)
            rc = seed_object(s, task->s3_bucket_name, task->object_key, err);
    }
    return rc;
}

/* What one spec names; several specs may name the same things. */
static int seed_spec(const struct seed_services *s, const struct spec *spec, struct error *err)
{
    if (seed_tables(s, spec, err) || seed_objects(s, spec, err) ||
        local_ecs_ensure_cluster(s->ecs, spec->cluster_name, err))
        return -1;
    return local_ecs_ensure_definition(s->ecs, spec->task_definition, spec->container_name,
                                       "s3-copy-task", err);
}

int seed_resources(const struct seed_services *s, const struct local_options *o, struct error *err)
{
    char program[PATH_MAX];
    if (seed_function(s, o, LOCAL_LAUNCHER, LAUNCHER_SECONDS, err) ||
        seed_function(s, o, LOCAL_MONITOR, MONITOR_SECONDS, err) ||
        worker_path(o, "s3-copy-task", program, err) ||
        local_ecs_image(s->ecs, "s3-copy-task", program, err))
        return -1;
    for (size_t i = 0; i < o->spec_count; i++)
        if (seed_spec(s, &o->specs[i], err))
            return -1;
    for (size_t i = 0; i < o->machine_count; i++)
        if (local_sfn_ensure_machine(s->sfn, o->machines[i].name, o->machines[i].definition, err))
            return err_wrap(err, "state machine %s", o->machines[i].name);
    return 0;
}
