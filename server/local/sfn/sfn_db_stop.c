/* Jobs to be stopped. They are few and rarely there, so nothing is prepared for them. */
#include "server/local/sfn/sfn_db_private.h"

/* One statement with up to three texts. */
static int run(struct sfn_db *db, const char *sql, const char *const *texts, int count,
               struct error *err)
{
    struct stmt *s = db_prepare(db->db, sql, err);
    if (!s)
        return -1;
    for (int i = 0; i < count; i++)
        stmt_bind_text(s, i + 1, texts[i]);
    int rc = stmt_run(s, err);
    stmt_close(s);
    return rc;
}

int sfn_db_put_stop(struct sfn_db *db, const char *job, const char *service, const char *input,
                    struct error *err)
{
    const char *const texts[] = {job, service, input};
    return run(db, "INSERT OR REPLACE INTO stop (job, service, input) VALUES (?1, ?2, ?3)", texts,
               3, err);
}

int sfn_db_delete_stop(struct sfn_db *db, const char *job, struct error *err)
{
    return run(db, "DELETE FROM stop WHERE job = ?1", &job, 1, err);
}

int sfn_db_stops(struct sfn_db *db,
                 int (*each)(void *ctx, const char *job, const char *service, const char *input),
                 void *ctx, struct error *err)
{
    struct stmt *s = db_prepare(db->db, "SELECT job, service, input FROM stop", err);
    int rc = s ? stmt_step(s, err) : -1;
    for (; rc == 1; rc = stmt_step(s, err))
        if (each(ctx, stmt_text(s, 0), stmt_text(s, 1), stmt_text(s, 2)))
            break;
    stmt_close(s);
    return rc == 0 ? 0 : -1;
}
