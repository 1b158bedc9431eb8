/* s3d_worker: threads for the operations that move many bytes, so that the HTTP pool goes on
 * serving. Private to server/local/s3. */
#ifndef STEPFLEET_S3D_WORKER_H
#define STEPFLEET_S3D_WORKER_H

#include "lib/base/error.h"

struct s3d_request;
struct s3d_workers;

/* NULL with ERR_MEMORY or ERR_SYSTEM. */
struct s3d_workers *s3d_workers_start(struct error *err);
/* Defers the request's exchange and runs it later. From its handler only. */
void s3d_workers_add(struct s3d_workers *w, struct s3d_request *rq);
/* Runs what is queued, then ends the threads. NULL-safe; returns NULL. */
struct s3d_workers *s3d_workers_stop(struct s3d_workers *w);

#endif
