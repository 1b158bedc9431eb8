/* A disk that refuses: nothing is answered that is not stored, and nothing is lost. */
#include "tests/unit/sfn_support.h"

#include "lib/db/db.h"
#include "lib/json/json_read.h"
#include "server/local/sfn/sfn_db_private.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void limit_pages(struct sfn_fixture *f, int pages)
{
    struct error err = {0};
    char sql[64];
    (void)snprintf(sql, sizeof sql, "PRAGMA max_page_count=%d", pages);
    /* A pragma that answers a row: stepped, not executed. */
    struct stmt *s = db_prepare(f->sfn->db->db, sql, &err);
    cr_assert_not_null(s, "%s", err.message);
    cr_assert_eq(stmt_step(s, &err), 1, "%s", err.message);
    stmt_close(s);
}

static void keep(struct local_call *call, json_t *output, const struct local_fault *fault)
{
    json_t **answer = call->ctx;
    (void)fault;
    *answer = output;
}

Test(sfn_disk, a_full_disk_delays_answers_and_loses_nothing)
{
    struct sfn_fixture *f = fixture_open();
    char arn[256];
    json_t *answer = NULL;
    create_machine(f, "m",
                   "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Pass\",\"Next\":\"W\"},"
                   "\"W\":{\"Type\":\"Wait\",\"Seconds\":5,\"Next\":\"B\"},"
                   "\"B\":{\"Type\":\"Pass\",\"End\":true}}}",
                   arn);
    limit_pages(f, 1);
    struct buf input;
    buf_init(&input, BUF_MAX_STATE);
    buf_adds(&input, "\"");
    for (int i = 0; i < 100000; i++)
        buf_addc(&input, 'x');
    buf_adds(&input, "\"");
    struct local_call call = {.operation = "StartExecution",
                              .input = json_pack("{s:s, s:s, s:s}", "stateMachineArn", arn, "name",
                                                 "n", "input", buf_str(&input)),
                              .done = keep,
                              .ctx = &answer};
    f->sfn->service.call(f->sfn, &call);
    for (int i = 0; i < 10; i++)
        (void)sfn_turn(f->sfn, 0);
    cr_expect_null(answer, "answered, though nothing was stored");
    limit_pages(f, 1 << 30);
    fixture_settle(f);
    cr_assert_not_null(answer);
    (void)snprintf(f->last_execution, sizeof f->last_execution, "%s",
                   json_str(answer, "executionArn", ""));
    fixture_reopen(f);
    fixture_wait(f, 5);
    char *got = outcome(f);
    cr_expect(strncmp(got, "SUCCEEDED \"xxx", 14) == 0, "%.80s", got);
    char *events_text = history(f);
    cr_expect(strstr(events_text, "8<7 ExecutionSucceeded\n"), "%s", events_text);
    free(events_text);
    free(got);
    json_decref(call.input);
    json_decref(answer);
    buf_free(&input);
    fixture_close(f);
}
