/* server/describe: which tasks ECS is asked about, when, and what is kept of the answers. The clock
 * is turned by hand to the next time that the room wants to be called at. */
#include "lib/json/json_read.h"
#include "server/describe/describe.h"
#include "tests/unit/fake_aws.h"
#include "tests/unit/store_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TURNS_MAX = 2000, BODY_KEPT = 256 };

struct hand_clock {
    struct clock base;
    int64_t mono;
};

static int64_t hand_mono(const struct clock *self)
{
    return ((const struct hand_clock *)self)->mono;
}

static int64_t real_wall(const struct clock *self)
{
    (void)self;
    return clock_wall(clock_system());
}

static struct store_fixture disk;
static struct fake_aws *fake;
static struct hand_clock hand;
static struct loop loop;
static struct describe *room;

static void open_room(void)
{
    struct error err = {0};
    const struct describe_options options = {.loop = &loop};
    room = describe_new(&options, &err);
    cr_assert_not_null(room, "%s", err.message);
}

static void setup(void)
{
    struct error err = {0};
    store_fixture_open(&disk);
    fake = fake_aws_start();
    hand = (struct hand_clock){{.wall = real_wall, .mono = hand_mono}, CLOCK_SECOND};
    const struct aws_options options = fake_aws_options(fake);
    loop = (struct loop){.store = disk.store, .clock = &hand.base};
    loop.aws = aws_new(&options, &err);
    cr_assert_not_null(loop.aws, "%s", err.message);
    open_room();
}

static void teardown(void)
{
    aws_free(loop.aws);
    describe_free(room);
    fake_aws_stop(fake);
    store_fixture_close(&disk);
}

TestSuite(describe, .init = setup, .fini = teardown);

static void id_of(size_t seq, char out[33])
{
    (void)snprintf(out, 33, "%032zx", seq + 0xabc);
}

/* A run that goes on, with tasks of which `rows` have this status. */
static void begin(int64_t id, size_t tasks)
{
    struct error err = {0};
    char arn[32];
    int64_t existing;
    static const char input[] = "{\"pattern\":1,\"clusterName\":\"the-cluster\"}";
    (void)snprintf(arn, sizeof arn, "arn:%d", (int)id);
    struct store_new_run *run = store_fixture_run(id, tasks);
    run->input = input;
    run->input_len = strlen(input);
    cr_assert_eq(store_run_create(disk.store, run, &existing, &err), 0, "%s", err.message);
    store_fixture_run_free(run);
    cr_assert_eq(store_outbox_started(disk.store, id, arn, 1, &err), 0, "%s", err.message);
    cr_assert_eq(describe_follow(room, id, "the-cluster", &err), 0, "%s", err.message);
}

static void row(int64_t run_id, size_t seq, enum audit_status status, const char *id)
{
    struct error err = {0};
    char name[32];
    (void)snprintf(name, sizeof name, "task-%zu", seq);
    const struct audit_detail detail = {.workflow_run_id = run_id,
                                        .ecs_task_id = id,
                                        .task_name = name,
                                        .status = status,
                                        .start_time = 1000,
                                        .update_time = 2000};
    cr_assert_eq(store_tasks_mirror(disk.store, run_id, &detail, 1, &err), 0, "%s", err.message);
    describe_moved(room, run_id);
}

static void put_row(int64_t run_id, size_t seq, enum audit_status status)
{
    char id[33];
    id_of(seq, id);
    row(run_id, seq, status, id);
}

/* DescribeTasks answers with these tasks from seq `first` on. */
static void script(size_t first, size_t count, const char *status, const char *more)
{
    struct buf body;
    buf_init(&body, BUF_MAX_SPEC);
    buf_adds(&body, "{\"failures\":[],\"tasks\":[");
    for (size_t i = 0; i < count; i++) {
        char id[33];
        id_of(first + i, id);
        buf_addf(&body,
                 "%s{\"taskArn\":\"arn:aws:ecs:eu-west-1:1:task/the-cluster/%s\","
                 "\"lastStatus\":\"%s\"%s}",
                 i ? "," : "", id, status, more);
    }
    buf_adds(&body, "]}");
    cr_assert_eq(buf_check(&body, NULL), 0);
    fake_aws_answer(fake, "DescribeTasks", 200, buf_str(&body));
    buf_free(&body);
}

static size_t calls(void)
{
    return fake_aws_count(fake, "DescribeTasks") + fake_aws_count(fake, "ListTasks");
}

/* Waits for what is in flight, else until the room wants to be called; false: it wants nothing. */
static bool turn(void)
{
    struct error err = {0};
    size_t before = calls();
    int64_t next = describe_step(room);
    int in_flight = aws_poll(loop.aws, 0, &err);
    while (in_flight > 0)
        in_flight = aws_poll(loop.aws, 5000, &err);
    cr_assert_eq(in_flight, 0, "%s", err.message);
    bool called = calls() > before;
    if (!called && next != LOOP_NEVER && next > hand.mono)
        hand.mono = next;
    return called || next != LOOP_NEVER;
}

/* Until nothing is to be done any more. */
static void run_down(void)
{
    int turns = 0;
    while (turn())
        cr_assert_lt(turns++, TURNS_MAX, "it does not come to an end");
}

static void run_until_asked(const char *operation, size_t times)
{
    int turns = 0;
    while (fake_aws_count(fake, operation) < times) {
        cr_assert(turn(), "it asks no more");
        cr_assert_lt(turns++, TURNS_MAX, "it does not ask");
    }
}

static void run_until(size_t times)
{
    run_until_asked("DescribeTasks", times);
}

struct kept {
    int64_t seen_at;
    bool stopped, shortened;
    size_t len;
    char body[BODY_KEPT];
};

static void copy_kept(void *ctx, const struct store_description *d)
{
    struct kept *k = ctx;
    *k = (struct kept){d->seen_at, d->stopped, d->shortened, d->body_len, ""};
    (void)snprintf(k->body, sizeof k->body, "%s", d->body);
}

static struct kept kept_of(int64_t run_id, size_t seq, const char *id)
{
    struct kept k = {0};
    struct error err = {0};
    cr_assert_eq(store_description_get(disk.store, run_id, (int64_t)seq, id, copy_kept, &k, &err),
                 0, "%s", err.message);
    return k;
}

static struct kept kept(int64_t run_id, size_t seq)
{
    char id[33];
    id_of(seq, id);
    return kept_of(run_id, seq, id);
}

static void close_run(int64_t id)
{
    struct error err = {0};
    const struct store_close c = {.status = AUDIT_FAILED, .task_status = AUDIT_FAILED};
    cr_assert_eq(store_run_close(disk.store, id, &c, &err), 0, "%s", err.message);
    describe_closed(room, id);
}

Test(describe, a_final_task_is_asked_about_until_it_has_stopped)
{
    begin(1, 2);
    script(0, 1, "DEPROVISIONING", "");
    script(0, 1, "STOPPED", ",\"stopCode\":\"EssentialContainerExited\"");
    put_row(1, 0, AUDIT_FAILED);
    run_until(1);
    run_until(2);
    run_down();
    cr_assert_eq(fake_aws_count(fake, "DescribeTasks"), 2);
    struct kept k = kept(1, 0);
    cr_assert(k.stopped);
    cr_assert_not(k.shortened);
    cr_assert_not_null(strstr(k.body, "\"stopCode\":\"EssentialContainerExited\""));
    json_t *body = fake_aws_body(fake, "DescribeTasks", 0);
    cr_assert_str_eq(json_str(body, "cluster", ""), "the-cluster");
    cr_assert_eq(json_array_size(json_object_get(body, "tasks")), 1, "the other has no id yet");
    json_decref(body);
}

Test(describe, what_was_said_before_is_not_written_again)
{
    begin(1, 1);
    script(0, 1, "RUNNING", "");
    script(0, 1, "RUNNING", "");
    script(0, 1, "RUNNING", ",\"healthStatus\":\"HEALTHY\"");
    put_row(1, 0, AUDIT_RUNNING);
    run_until(1);
    int64_t first = kept(1, 0).seen_at;
    int64_t asked = hand.mono;
    cr_assert_gt(first, 0);
    run_until(2);
    cr_assert_eq(kept(1, 0).seen_at, first);
    cr_assert_geq(hand.mono - asked, 30 * CLOCK_SECOND, "a running task is asked about seldom");
    run_until(3);
    cr_assert_gt(kept(1, 0).seen_at, first);
    cr_assert_not(kept(1, 0).stopped);
}

Test(describe, a_short_task_is_asked_about_once)
{
    begin(1, 1);
    script(0, 1, "STOPPED", "");
    put_row(1, 0, AUDIT_RUNNING);
    (void)turn();
    put_row(1, 0, AUDIT_COMPLETED);
    run_down();
    cr_assert_eq(fake_aws_count(fake, "DescribeTasks"), 1);
    cr_assert(kept(1, 0).stopped);
}

Test(describe, a_hundred_at_a_time)
{
    enum { TASKS = 250 };
    begin(1, TASKS);
    script(0, 100, "STOPPED", "");
    script(100, 100, "STOPPED", "");
    script(200, 50, "STOPPED", "");
    for (size_t i = 0; i < TASKS; i++)
        put_row(1, i, AUDIT_COMPLETED);
    run_down();
    cr_assert_eq(fake_aws_count(fake, "DescribeTasks"), 3);
    for (size_t i = 0; i < TASKS; i++)
        cr_assert(kept(1, i).stopped, "task %zu", i);
}

Test(describe, ids_that_are_not_of_ecs_are_passed_over)
{
    begin(1, 2);
    row(1, 0, AUDIT_FAILED, "not-started-0123456789abcdef0123456789abcdef");
    row(1, 1, AUDIT_FAILED, "../0123456789abcdef0123456789abc");
    run_down();
    cr_assert_eq(fake_aws_count(fake, "DescribeTasks"), 0);
}

Test(describe, a_task_that_ecs_does_not_know_is_given_up_on)
{
    begin(1, 1);
    fake_aws_answer(fake, "DescribeTasks", 200,
                    "{\"tasks\":[],\"failures\":[{\"arn\":\"x\",\"reason\":\"MISSING\"}]}");
    put_row(1, 0, AUDIT_FAILED);
    run_down();
    cr_assert_gt(fake_aws_count(fake, "DescribeTasks"), 1, "it may be known a moment later");
    cr_assert_lt(fake_aws_count(fake, "DescribeTasks"), 10);
    cr_assert_eq(kept(1, 0).len, 0);
}

Test(describe, a_refusal_is_given_up_on_and_what_passes_is_not)
{
    begin(1, 1);
    fake_aws_refuse(fake, "DescribeTasks", "AccessDeniedException", "no");
    put_row(1, 0, AUDIT_FAILED);
    run_down();
    size_t refused = fake_aws_count(fake, "DescribeTasks");
    cr_assert_gt(refused, 1);
    cr_assert_lt(refused, 10);
    for (int i = 0; i < 8; i++)
        fake_aws_refuse(fake, "DescribeTasks", "ThrottlingException", "Rate exceeded");
    script(0, 1, "STOPPED", "");
    begin(2, 1);
    put_row(2, 0, AUDIT_FAILED);
    run_down();
    cr_assert(kept(2, 0).stopped);
    cr_assert_eq(fake_aws_count(fake, "DescribeTasks"), refused + 9);
}

Test(describe, goes_on_after_the_run_was_closed_and_after_a_restart)
{
    begin(1, 1);
    script(0, 1, "RUNNING", "");
    put_row(1, 0, AUDIT_RUNNING);
    run_until(1);
    close_run(1);
    run_until(2);
    cr_assert_not(kept(1, 0).stopped);
    describe_free(room);
    open_room();
    script(0, 1, "STOPPED", "");
    run_down();
    cr_assert(kept(1, 0).stopped);
    size_t asked = fake_aws_count(fake, "DescribeTasks");
    describe_free(room);
    open_room();
    run_down();
    cr_assert_eq(fake_aws_count(fake, "DescribeTasks"), asked, "all is known");
}

Test(describe, a_closed_run_is_let_go_after_an_hour)
{
    begin(1, 1);
    script(0, 1, "RUNNING", "");
    put_row(1, 0, AUDIT_COMPLETED);
    close_run(1);
    int64_t closed = hand.mono;
    run_down();
    cr_assert_geq(hand.mono - closed, 3600 * CLOCK_SECOND);
    cr_assert_lt(hand.mono - closed, 3700 * CLOCK_SECOND);
}

/* --- tasks that no row names ---
 */

static void list(size_t first, size_t count, const char *token)
{
    struct buf body;
    buf_init(&body, BUF_MAX_SPEC);
    buf_adds(&body, "{\"taskArns\":[");
    for (size_t i = 0; i < count; i++) {
        char id[33];
        id_of(first + i, id);
        buf_addf(&body, "%s\"arn:aws:ecs:eu-west-1:1:task/the-cluster/%s\"", i ? "," : "", id);
    }
    buf_adds(&body, "]");
    if (token)
        buf_addf(&body, ",\"nextToken\":\"%s\"", token);
    buf_adds(&body, "}");
    cr_assert_eq(buf_check(&body, NULL), 0);
    fake_aws_answer(fake, "ListTasks", 200, buf_str(&body));
    buf_free(&body);
}

/* What a description has of which task it is. */
#define NAMED(name)                                                                                \
    ",\"overrides\":{\"containerOverrides\":[{\"name\":\"c\",\"environment\":"                     \
    "[{\"name\":\"task_name\",\"value\":\"" name "\"}]}]}"

static size_t asked_about(size_t call)
{
    json_t *body = fake_aws_body(fake, "DescribeTasks", call);
    size_t count = json_array_size(json_object_get(body, "tasks"));
    json_decref(body);
    return count;
}

Test(describe, a_task_without_a_row_is_looked_for)
{
    begin(1, 2);
    put_row(1, 0, AUDIT_RUNNING);
    script(0, 1, "STOPPED", "");
    list(0, 2, NULL);
    script(1, 1, "PROVISIONING", NAMED("task-1"));
    script(1, 1, "PENDING", NAMED("task-1"));
    int64_t begun = hand.mono;
    run_until_asked("ListTasks", 1);
    cr_assert_geq(hand.mono - begun, 5 * CLOCK_SECOND, "most have a row by then");
    json_t *body = fake_aws_body(fake, "ListTasks", 0);
    cr_assert_str_eq(json_str(body, "startedBy", ""), "stepfleet-1");
    cr_assert_str_eq(json_str(body, "cluster", ""), "the-cluster");
    json_decref(body);
    run_until(2);
    cr_assert_eq(asked_about(1), 1, "the other has a row");
    cr_assert_not_null(strstr(kept_of(1, 1, NULL).body, "PROVISIONING"));
    run_until(3);
    cr_assert_not_null(strstr(kept_of(1, 1, NULL).body, "PENDING"), "it is followed");
    cr_assert_eq(fake_aws_count(fake, "ListTasks"), 1, "each has an id by now");
}

Test(describe, the_row_of_a_task_that_was_looked_for_is_followed_as_any_other)
{
    begin(1, 1);
    list(0, 1, NULL);
    script(0, 1, "PENDING", NAMED("task-0"));
    script(0, 1, "STOPPED", NAMED("task-0"));
    run_until(1);
    put_row(1, 0, AUDIT_FAILED);
    run_down();
    cr_assert(kept(1, 0).stopped);
    cr_assert_eq(fake_aws_count(fake, "DescribeTasks"), 2);
    cr_assert_eq(fake_aws_count(fake, "ListTasks"), 1);
}

Test(describe, tasks_are_looked_for_on_every_page_and_again_later)
{
    enum { KNOWN = 100 };
    begin(1, KNOWN + 2);
    for (size_t i = 0; i < KNOWN; i++)
        put_row(1, i, AUDIT_RUNNING);
    script(0, KNOWN, "RUNNING", "");
    list(0, KNOWN, "more");
    list(KNOWN, 1, NULL);
    script(KNOWN, 1, "PENDING", NAMED("task-100"));
    list(KNOWN, 2, NULL);
    run_until_asked("ListTasks", 2);
    json_t *body = fake_aws_body(fake, "ListTasks", 1);
    cr_assert_str_eq(json_str(body, "nextToken", ""), "more");
    json_decref(body);
    run_until(2);
    cr_assert_eq(asked_about(1), 1);
    int64_t first = hand.mono;
    run_until_asked("ListTasks", 3);
    cr_assert_geq(hand.mono - first, 20 * CLOCK_SECOND, "one is still without");
    body = fake_aws_body(fake, "ListTasks", 2);
    cr_assert_str_eq(json_str(body, "nextToken", ""), "", "from the beginning");
    json_decref(body);
}

enum { NAMED_PAGE = 100, NAMED_PAGES = 4 };

/* Whoever asks about the first of these hundred is told that each of them is PENDING. */
static void pending_page(size_t first)
{
    static char about[NAMED_PAGES][33];
    char *id = about[first / NAMED_PAGE];
    struct buf body;
    buf_init(&body, BUF_MAX_SPEC);
    buf_adds(&body, "{\"tasks\":[");
    for (size_t i = first; i < first + NAMED_PAGE; i++) {
        id_of(i, id);
        buf_addf(&body, "%s{\"taskArn\":\"a/%s\",\"lastStatus\":\"PENDING\"" NAMED("task-%zu") "}",
                 i > first ? "," : "", id, i);
    }
    buf_adds(&body, "]}");
    cr_assert_eq(buf_check(&body, NULL), 0);
    id_of(first, id);
    fake_aws_answer_about(fake, "DescribeTasks", id, buf_str(&body));
    buf_free(&body);
}

/* A backlog of thousands waits for a place, and not for something that a person must see. */
Test(describe, so_many_tasks_without_a_row_are_followed_and_then_others)
{
    enum { MOST = 300, FULL = MOST / NAMED_PAGE };
    begin(1, 500);
    for (size_t first = 0; first < NAMED_PAGES * NAMED_PAGE; first += NAMED_PAGE) {
        list(first, NAMED_PAGE, "more");
        pending_page(first);
    }
    run_until_asked("ListTasks", FULL);
    int64_t full = hand.mono;
    run_until(20);
    cr_assert_eq(fake_aws_count(fake, "ListTasks"), FULL, "there is no room for more");
    cr_assert_gt(kept_of(1, MOST - 1, NULL).len, 0);
    put_row(1, 0, AUDIT_RUNNING);
    run_until_asked("ListTasks", FULL + 1);
    cr_assert_geq(hand.mono - full, 20 * CLOCK_SECOND);
    for (int turns = 0; kept_of(1, MOST, NULL).len == 0; turns++) {
        cr_assert_lt(turns, TURNS_MAX, "the next one has no room");
        (void)turn();
    }
    cr_assert_eq(kept_of(1, MOST + 1, NULL).len, 0, "one row makes room for one");
}

/* Somebody else's task, one of another name, and one whose row says otherwise. */
Test(describe, tasks_of_others_are_nobodys)
{
    begin(1, 2);
    list(5, 3, NULL);
    fake_aws_answer(
        fake, "DescribeTasks", 200,
        "{\"tasks\":[{\"taskArn\":\"a/"
        "00000000000000000000000000000ac1\",\"lastStatus\":\"RUNNING\"},"
        "{\"taskArn\":\"a/00000000000000000000000000000ac2\",\"lastStatus\":\"RUNNING\"" NAMED(
            "task-9") "},{\"taskArn\":\"a/no-id\",\"lastStatus\":\"RUNNING\"" NAMED("task-1") "}]"
                                                                                              "}");
    run_until_asked("ListTasks", 2);
    cr_assert_eq(fake_aws_count(fake, "DescribeTasks"), 1);
    cr_assert_eq(kept_of(1, 0, NULL).len, 0);
    cr_assert_eq(kept_of(1, 1, NULL).len, 0);
}

Test(describe, who_may_not_list_tasks_still_describes_those_with_rows)
{
    begin(1, 2);
    fake_aws_refuse(fake, "ListTasks", "AccessDeniedException", "no");
    run_down();
    size_t refused = fake_aws_count(fake, "ListTasks");
    cr_assert_gt(refused, 1);
    cr_assert_lt(refused, 10);
    script(0, 1, "STOPPED", "");
    put_row(1, 0, AUDIT_FAILED);
    run_down();
    cr_assert(kept(1, 0).stopped);
    cr_assert_eq(fake_aws_count(fake, "ListTasks"), refused);
}

Test(describe, a_run_that_is_over_is_not_searched)
{
    begin(1, 1);
    close_run(1);
    run_down();
    cr_assert_eq(calls(), 0);
}

/* --- texts that are too long ---
 */

static json_t *long_task(size_t members, size_t each)
{
    json_t *task = json_pack("{s:s, s:s}", "taskArn", "arn", "lastStatus", "STOPPED");
    char *text = malloc(each + 1);
    cr_assert(task && text);
    memset(text, 'x', each);
    text[each] = '\0';
    for (size_t i = 0; i < members; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "member%zu", i);
        cr_assert_eq(json_object_set_new(task, name, json_pack("[s]", text)), 0);
    }
    free(text);
    return task;
}

static bool shorten(json_t *task, struct buf *out, json_t **back)
{
    struct error err = {0};
    buf_init(out, BUF_MAX_SPEC);
    bool shortened = describe_text(task, out);
    cr_assert_leq(out->len, (size_t)STORE_DESCRIPTION_MAX);
    cr_assert_eq(json_parse(buf_str(out), out->len, back, &err), 0, "%s", err.message);
    buf_free(out);
    return shortened;
}

Test(describe, the_longest_members_of_a_long_text_are_left_out)
{
    struct buf out;
    json_t *back = NULL;
    json_t *task = long_task(3, 5000);
    cr_assert_not(shorten(task, &out, &back));
    cr_assert(json_equal(task, back));
    json_decref(back);
    cr_assert_eq(json_object_set_new(task, "overrides", json_string("short")), 0);
    json_t *big = long_task(1, 9000);
    cr_assert_eq(json_object_set_new(task, "containers", big), 0);
    cr_assert(shorten(task, &out, &back));
    cr_assert_not_null(strstr(json_str(back, "containers", ""), "left out: 90"));
    cr_assert(json_is_array(json_object_get(back, "member2")), "that was enough");
    cr_assert_str_eq(json_str(back, "lastStatus", ""), "STOPPED");
    cr_assert(json_is_object(json_object_get(task, "containers")), "the task itself is as it was");
    json_decref(back);
    json_decref(task);
}

Test(describe, thousands_of_members_are_given_up_on)
{
    struct buf out;
    json_t *back = NULL;
    json_t *task = long_task(3000, 100);
    cr_assert(shorten(task, &out, &back));
    cr_assert_not_null(json_object_get(back, "leftOut"));
    json_decref(back);
    json_decref(task);
}
