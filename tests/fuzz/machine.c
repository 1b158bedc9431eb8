/* server/local/sfn: definitions of state machines, and objects that an ItemReader takes apart (the
 * first byte chooses: J, L and C are JSON, JSON Lines and CSV). */
#include "server/local/sfn/machine.h"
#include "server/local/sfn/map_items.h"
#include "tests/fuzz/fuzz.h"

static void compile(const char *text, size_t len, bool express)
{
    struct error err = {0};
    struct buf out;
    struct machine_problems problems = {0};
    const struct machine_options options = {.region = "us-east-1", .express = express};
    struct machine *m = machine_compile(text, len, &options, &problems, &err);
    fuzz_expect(m || problems.count > 0, "no reason given");
    buf_init(&out, BUF_MAX_STATE);
    machine_problems_text(&problems, &out);
    buf_free(&out);
    machine_problems_free(&problems);
    (void)machine_release(m);
}

static void split(enum reader_input kind, const char *text, size_t len)
{
    struct error err;
    struct buf out;
    const struct machine_reader reader = {.given = true, .input = kind, .delimiter = ','};
    buf_init(&out, BUF_MAX_PAGE);
    if (kind == READ_CSV)
        (void)map_csv_split(&reader, text, len, 1000, &out, &err);
    else
        (void)map_items_split(&reader, text, len, 1000, &out, &err);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data + 1;
    if (!size)
        return 0;
    if (*data == 'J')
        split(READ_JSON, text, size - 1);
    else if (*data == 'L')
        split(READ_JSONL, text, size - 1);
    else if (*data == 'C')
        split(READ_CSV, text, size - 1);
    else
        compile((const char *)data, size, false);
    return 0;
}
