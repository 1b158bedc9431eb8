/* manifest: the list of tasks as an S3 object, for specs that are too long for an execution's
 * input.
 *
 * The input then has, instead of taskList,
 *
 *     "taskManifest": {"s3BucketName": B,
 *                      "objectKey": "stepfleet/<workflow_run_id>/tasks-<sha256>.json",
 *                      "numberOfTasks": N, "sha256": "<hex of the object>"}
 *
 * and the object is a JSON array of {"taskName", "s3BucketName", "objectKey"}, which is what a
 * Distributed Map reads as well. Key and bytes follow from spec and run id: storing it again is
 * harmless, and another list has another key. So what the Map reads, which checks no digest, is
 * what the plan has checked, unless somebody writes other bytes under stepfleet/ by hand. Who
 * starts an execution stores the object first. Pure functions, no I/O, any thread: s3_put_object
 * and s3_get_object (at most BUF_MAX_MANIFEST) carry it. */
#ifndef STEPFLEET_MANIFEST_H
#define STEPFLEET_MANIFEST_H

#include "lib/base/buf.h"
#include "lib/json/json_write.h"
#include "lib/spec/spec.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MANIFEST_INLINE_BYTES = 200000, /* longer inputs have one: results must fit beside the input */
    MANIFEST_INLINE_TASKS = 100,    /* pattern 2: RunTask's burst; longer lists are a Distributed
                                       Map's, whose tasks have a history each for trying again */
    MANIFEST_KEY_MAX = 128,
};

/* Whether a run with so many tasks and a completed spec of so many bytes needs one. */
bool manifest_wanted(int pattern, size_t tasks, size_t input_bytes);

/* Where a manifest is. Borrowed from the tree it was read from. */
struct manifest_ref {
    const char *bucket, *key;
    int64_t tasks;
    const char *sha256;
};

/* Appends the object's text to `object` (give it BUF_MAX_MANIFEST) and to `input` the completed
 * spec with its workflowRunId and taskManifest instead of taskList. The bucket is the spec's, else
 * its first task's. -1 with ERR_LIMIT or ERR_MEMORY. */
int manifest_make(const struct spec *spec, int64_t run_id, struct buf *object, struct buf *input,
                  struct error *err);

/* The object piece by piece, for who has its tasks elsewhere than in a spec: the same bytes. */
void manifest_begin(struct json_writer *w, struct buf *object);
/* One task; all three texts are given. */
void manifest_add(struct json_writer *w, const struct spec_task *task);
/* The object is whole then. */
void manifest_end(struct json_writer *w);

/* Finds the reference in a spec: 0 found; -1 with ERR_NOT_FOUND when there is none, with
 * ERR_SPEC_INVALID when it is not whole or taskList is there, too. */
int manifest_ref_read(const json_t *spec_object, struct manifest_ref *out, struct error *err);

/* Whether the text is the object of that reference, by its digest. -1 with ERR_SPEC_INVALID. */
int manifest_check(const char *text, size_t len, const struct manifest_ref *ref, struct error *err);

/* Reads the object: a new reference to the array, to be the spec's taskList (spec_read refuses
 * taskManifest: take it out before). -1 with ERR_SPEC_INVALID when digest or number of tasks are
 * not the reference's, with ERR_SYNTAX when it is no JSON. */
int manifest_read(const char *text, size_t len, const struct manifest_ref *ref, json_t **task_list,
                  struct error *err);

/* Puts one task without meaning in the manifest's place, so that spec_read gives the rest of the
 * spec to who needs no tasks. Leaves a spec without a manifest as it is. -1 with ERR_MEMORY. */
int manifest_stand_in(json_t *spec_object, struct error *err);

#endif
