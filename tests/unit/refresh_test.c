/* lib/aws: credentials that expire under a client: refreshed early, by one fetch at a time, and
 * nobody waits or fails who has valid ones. */
#include "lib/aws/dynamodb.h"
#include "lib/aws/refresh.h"
#include "lib/base/clock.h"
#include "tests/unit/cred_fixture.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define MINUTE INT64_C(60)

/* Pauses are passed by hand: in a hurry, a busy machine would spend them between two lines. */
static void setup(void)
{
    cred_set_pace(1);
    cred_open();
}

TestSuite(refresh, .init = setup, .fini = cred_close, .timeout = 60);

static int64_t wall(void)
{
    struct aws_options o = cred_options();
    return clock_wall(o.clock);
}

/* The container hands out `id`, good for so many seconds after the first moment. */
static void hand_out(const char *id, int64_t seconds)
{
    static char bodies[8][256];
    static size_t next;
    char at[CLOCK_TEXT_MAX];
    char *body = bodies[next++ % 8];
    (void)snprintf(body, sizeof bodies[0],
                   "{\"AccessKeyId\":\"%s\",\"SecretAccessKey\":\"s\",\"Token\":\"t\","
                   "\"Expiration\":\"%s\"}",
                   id, clock_rfc3339((CRED_NOW + seconds) * CLOCK_SECOND, at));
    cred_forget();
    cred_answer((struct cred_line){"GET", "/c", NULL, 200, body, 0});
    cred_set_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/c");
}

static void break_down(void)
{
    cred_forget();
    cred_answer((struct cred_line){"GET", "/c", NULL, 403, "{\"message\":\"out of order\"}", 0});
}

static void open_refresh(struct refresh *r)
{
    struct aws_options o = cred_options();
    struct error err = {0};
    cr_assert_eq(refresh_open(r, &o, &err), 0, "%s", err.message);
}

/* Lets a fetch that is under way come to its end. */
static enum refresh_state settle(struct refresh *r, struct error *err)
{
    enum refresh_state state = refresh_check(r, wall(), false, err);
    while (r->running) {
        while (!atomic_load(&r->done))
            (void)poll(NULL, 0, 1);
        state = refresh_check(r, wall(), false, err);
    }
    return state;
}

Test(refresh, early_without_anybody_waiting)
{
    struct refresh r;
    hand_out("ONE", 60 * MINUTE);
    open_refresh(&r);
    cr_expect_eq(cred_count("/c"), 1);
    cred_pass(44 * MINUTE);
    cr_expect_eq(settle(&r, NULL), REFRESH_READY);
    cr_expect_eq(cred_count("/c"), 1, "more than 15 minutes are left");
    cred_pass(2 * MINUTE);
    hand_out("TWO", 120 * MINUTE);
    cred_hold(true);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(refresh_check(&r, wall(), false, NULL), REFRESH_READY, "nobody waits");
    cr_expect_str_eq(r.current.access_key_id, "ONE");
    cred_release();
    cr_expect_eq(settle(&r, NULL), REFRESH_READY);
    cr_expect_str_eq(r.current.access_key_id, "TWO");
    cr_expect_eq(r.age, 1);
    cr_expect_eq(cred_count("/c"), 2, "one fetch at a time");
    refresh_close(&r);
}

Test(refresh, late_with_everybody_waiting)
{
    struct refresh r;
    hand_out("ONE", 60 * MINUTE);
    open_refresh(&r);
    cred_pass(51 * MINUTE);
    hand_out("TWO", 120 * MINUTE);
    cr_expect_eq(refresh_check(&r, wall(), false, NULL), REFRESH_WAIT);
    cr_expect_eq(settle(&r, NULL), REFRESH_READY);
    cr_expect_str_eq(r.current.access_key_id, "TWO");
    refresh_close(&r);
}

Test(refresh, failures_hurt_only_after_expiry)
{
    struct refresh r;
    struct error err = {0};
    hand_out("ONE", 60 * MINUTE);
    open_refresh(&r);
    break_down();
    cred_pass(46 * MINUTE);
    cr_expect_eq(settle(&r, &err), REFRESH_READY);
    cr_expect_eq(cred_count("/c"), 2);
    cr_expect_eq(settle(&r, &err), REFRESH_READY);
    cr_expect_eq(cred_count("/c"), 2, "not again at once");
    cred_pass(5 * MINUTE);
    cr_expect_eq(refresh_check(&r, wall(), false, &err), REFRESH_READY, "still valid: no waiting");
    cr_expect_eq(settle(&r, &err), REFRESH_READY);
    cr_expect_eq(cred_count("/c"), 3);
    cred_pass(10 * MINUTE);
    cr_expect_eq(refresh_check(&r, wall(), false, &err), REFRESH_WAIT, "expired");
    cr_expect_eq(settle(&r, &err), REFRESH_FAILED);
    cr_expect(
        strstr(err.message, "have expired and cannot be renewed: AWS credentials (container)"),
        "%s", err.message);
    cr_expect(strstr(err.message, "out of order"), "%s", err.message);
    hand_out("TWO", 180 * MINUTE);
    cred_pass(MINUTE);
    cr_expect_eq(settle(&r, &err), REFRESH_READY);
    cr_expect_str_eq(r.current.access_key_id, "TWO");
    refresh_close(&r);
}

Test(refresh, short_lived_ones_live_two_thirds_of_their_life)
{
    struct refresh r;
    hand_out("ONE", 9 * MINUTE);
    open_refresh(&r);
    cred_pass(5 * MINUTE);
    cr_expect_eq(settle(&r, NULL), REFRESH_READY);
    cr_expect_eq(cred_count("/c"), 1);
    cred_pass(MINUTE + 1);
    cr_expect_eq(refresh_check(&r, wall(), false, NULL), REFRESH_READY);
    cr_expect_eq(settle(&r, NULL), REFRESH_READY);
    cr_expect_eq(cred_count("/c"), 2);
    cr_expect_eq(r.age, 0, "the same once more");
    cr_expect_eq(settle(&r, NULL), REFRESH_READY);
    cr_expect_eq(cred_count("/c"), 2, "the third of what is left then");
    refresh_close(&r);
}

Test(refresh, expired_ones_are_used_in_an_outage)
{
    struct refresh r;
    hand_out("OLD", -MINUTE);
    open_refresh(&r);
    cr_expect_eq(settle(&r, NULL), REFRESH_READY);
    cred_pass(10 * MINUTE);
    cr_expect_eq(settle(&r, NULL), REFRESH_READY);
    cr_expect_eq(cred_count("/c"), 1);
    cred_pass(20 * MINUTE);
    hand_out("NEW", 90 * MINUTE);
    cr_expect_eq(settle(&r, NULL), REFRESH_READY);
    cr_expect_str_eq(r.current.access_key_id, "NEW");
    cr_expect_eq(cred_count("/c"), 2);
    refresh_close(&r);
}

/* A refusal may be a mistake of one service: only who was refused waits. */
Test(refresh, others_go_on_while_one_was_refused)
{
    struct refresh r;
    hand_out("ONE", 60 * MINUTE);
    open_refresh(&r);
    cred_hold(true);
    cr_expect(refresh_force(&r, wall()));
    cr_expect_eq(refresh_check(&r, wall(), true, NULL), REFRESH_WAIT);
    cr_expect_eq(refresh_check(&r, wall(), false, NULL), REFRESH_READY);
    cred_release();
    cr_expect_eq(settle(&r, NULL), REFRESH_READY);
    cr_expect_eq(refresh_check(&r, wall(), true, NULL), REFRESH_READY);
    refresh_close(&r);
}

/* Microseconds that it took. */
static int64_t stop_while_fetching(void)
{
    struct refresh r;
    hand_out("ONE", 60 * MINUTE);
    open_refresh(&r);
    cred_hold(true);
    cred_pass(55 * MINUTE);
    cr_expect_eq(refresh_check(&r, wall(), false, NULL), REFRESH_WAIT);
    while (!cred_held())
        (void)poll(NULL, 0, 1);
    const int64_t began = clock_mono(clock_system());
    refresh_close(&r);
    const int64_t took = clock_mono(clock_system()) - began;
    cr_expect_null(r.current.access_key_id);
    return took;
}

static void begin_anew(void)
{
    cred_close();
    cred_hold(false);
    cred_pass(-55 * MINUTE);
    cred_open();
}

/* The peer holds its answer back, and would for seconds. On a busy machine a stop may take long now
 * and then, but not each time. */
Test(refresh, a_stop_ends_a_fetch)
{
    int64_t took = stop_while_fetching();
    for (int i = 0; i < 5 && took >= CLOCK_SECOND; i++) {
        begin_anew();
        took = stop_while_fetching();
    }
    cr_expect_lt(took, CLOCK_SECOND);
}

static bool always(void)
{
    return true;
}

/* Nor is the first fetch waited for by a program that was told to end. */
Test(refresh, an_interrupted_start)
{
    struct error err = {0};
    hand_out("ONE", 60 * MINUTE);
    struct aws_options o = cred_options();
    o.interrupted = always;
    cred_hold(true);
    cr_expect_null(aws_new(&o, &err));
    cr_expect(strstr(err.message, "told to stop"), "%s", err.message);
}

/* --- under a client ----------------------------------------------------------------------------
 */

struct outcome {
    int done;
    struct error err;
};

static void note(void *ctx, struct aws_response *response, const struct error *err)
{
    struct outcome *o = ctx;
    (void)response;
    o->done++;
    if (err)
        o->err = *err;
}

static void send_get(struct aws *a, struct outcome *o)
{
    struct aws_request r;
    struct error err = {0};
    json_t *key = json_pack("{s:{s:s}}", "id", "S", "x");
    cr_assert_eq(dynamodb_get_item(&r, "t", key, true, &err), 0, "%s", err.message);
    json_decref(key);
    cr_assert_eq(aws_send(a, &r, note, o, &err), 0, "%s", err.message);
}

static struct aws *open_client(void)
{
    struct aws_options o = cred_options();
    struct error err = {0};
    cred_set_url("AWS_ENDPOINT_URL", "");
    struct aws *a = aws_new(&o, &err);
    cr_assert_not_null(a, "%s", err.message);
    cr_expect_str_eq(aws_credentials_source(a), "container");
    return a;
}

static void finish_calls(struct aws *a)
{
    struct error err = {0};
    int left;
    while ((left = aws_poll(a, 5, &err)) > 0)
        continue;
    cr_assert_eq(left, 0, "%s", err.message);
}

/* Many calls at once; each is answered, once. */
static void call_many(struct aws *a)
{
    enum { CALLS = 20 };
    struct outcome o[CALLS] = {0};
    for (int i = 0; i < CALLS; i++)
        send_get(a, &o[i]);
    finish_calls(a);
    for (int i = 0; i < CALLS; i++)
        cr_expect(o[i].done == 1 && o[i].err.code == ERR_NONE, "%s", o[i].err.message);
}

Test(refresh, calls_wait_for_new_credentials_and_go_out_with_them)
{
    hand_out("ONE", 60 * MINUTE);
    cred_answer((struct cred_line){"POST", "/", NULL, 200, "{}", 0});
    struct aws *a = open_client();
    cred_pass(61 * MINUTE);
    hand_out("TWO", 120 * MINUTE);
    cred_answer((struct cred_line){"POST", "/", NULL, 200, "{}", 0});
    call_many(a);
    cr_expect(strstr(cred_last_headers(), "Credential=TWO/"));
    cr_expect_eq(cred_count("/c"), 2);
    aws_free(a);
}

/* The service calls them expired before we do: one forced fetch for all calls. */
Test(refresh, expired_while_in_flight)
{
    static const char refusal[] = "{\"__type\":\"x#ExpiredTokenException\",\"message\":\"old\"}";
    hand_out("ONE", 60 * MINUTE);
    struct aws *a = open_client();
    hand_out("TWO", 120 * MINUTE);
    cred_answer((struct cred_line){"POST", "/", "Credential=ONE/", 400, refusal, 0});
    cred_answer((struct cred_line){"POST", "/", NULL, 200, "{}", 0});
    call_many(a);
    cr_expect_eq(cred_count("/c"), 2);
    cr_expect(strstr(cred_last_headers(), "Credential=TWO/"));
    aws_free(a);
}

/* The source goes on giving what the service goes on refusing: that ends. */
Test(refresh, refused_again_and_again)
{
    struct outcome o = {0};
    hand_out("ONE", 60 * MINUTE);
    cred_answer((struct cred_line){"POST", "/", NULL, 400,
                                   "{\"__type\":\"x#UnrecognizedClientException\"}", 0});
    struct aws *a = open_client();
    send_get(a, &o);
    finish_calls(a);
    cr_expect(err_is_remote(&o.err, "UnrecognizedClientException"), "%s", o.err.message);
    cr_expect_eq(cred_count("/c"), 2);
    aws_free(a);
}

Test(refresh, calls_fail_when_there_are_no_others)
{
    struct outcome o = {0};
    hand_out("ONE", 60 * MINUTE);
    struct aws *a = open_client();
    cred_pass(61 * MINUTE);
    break_down();
    for (int i = 1; i <= 2; i++) { /* the second finds the failure there already */
        send_get(a, &o);
        cr_expect_eq(o.done, i - 1);
        finish_calls(a);
        cr_expect_eq(o.done, i);
    }
    cr_expect(strstr(o.err.message, "dynamodb GetItem: the AWS credentials have expired"), "%s",
              o.err.message);
    cr_expect(strstr(o.err.message, "out of order"));
    aws_free(a);
}

/* Our clock is two hours fast: what seems expired is not, once the service has told its time. */
Test(refresh, expiry_is_reckoned_by_the_services_clock)
{
    struct refresh r;
    cred_set_skew(120 * MINUTE);
    hand_out("ONE", 60 * MINUTE);
    open_refresh(&r);
    cr_expect_eq(settle(&r, NULL), REFRESH_READY);
    cr_expect(r.overdue);
    refresh_clock_set(&r, CRED_NOW * CLOCK_SECOND);
    cr_expect(!r.overdue);
    cr_expect_eq(refresh_check(&r, CRED_NOW * CLOCK_SECOND, false, NULL), REFRESH_READY);
    cr_expect_eq(cred_count("/c"), 1);
    hand_out("TWO", 120 * MINUTE);
    cr_expect_eq(refresh_check(&r, (CRED_NOW + 51 * MINUTE) * CLOCK_SECOND, false, NULL),
                 REFRESH_WAIT);
    refresh_close(&r);
}
