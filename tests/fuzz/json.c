/* lib/json: what was read and written once reads back as the same tree. */
#include "lib/json/json_read.h"
#include "lib/json/json_write.h"
#include "tests/fuzz/fuzz.h"

static void read_back(const json_t *tree)
{
    struct error err;
    struct buf text;
    json_t *again = NULL;
    buf_init(&text, BUF_MAX_PAGE);
    json_dump(&text, tree);
    fuzz_expect(buf_check(&text, &err) == 0, "a tree has no text");
    fuzz_expect(json_parse(buf_str(&text), text.len, &again, &err) == 0, "a text does not parse");
    fuzz_expect(json_equal(tree, again), "a tree does not read back as itself");
    json_decref(again);
    buf_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = {0};
    json_t *tree = NULL;
    if (json_parse((const char *)data, size, &tree, &err) == 0)
        read_back(tree);
    else
        fuzz_expect(err.message[0] != '\0', "no reason given");
    json_decref(tree);
    return 0;
}
