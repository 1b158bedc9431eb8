/* lib/spec and lib/manifest: specs as they are POSTed (behind 1 or 2: for that pattern), references
 * and manifests as workers get them (behind m), literals to be split (behind /). */
#include "lib/spec/spec.h"
#include "lib/manifest/manifest.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void as_manifest(const struct spec *spec)
{
    struct error err;
    struct buf object, input;
    struct manifest_ref ref;
    json_t *tree = NULL, *list = NULL;
    buf_init(&object, BUF_MAX_MANIFEST);
    buf_init(&input, BUF_MAX_MANIFEST);
    if (manifest_make(spec, 1, &object, &input, &err) == 0 &&
        json_parse(buf_str(&input), input.len, &tree, &err) == 0) {
        fuzz_expect(manifest_ref_read(tree, &ref, &err) == 0, "a manifest of ours is not found");
        fuzz_expect(manifest_read(buf_str(&object), object.len, &ref, &list, &err) == 0,
                    "a manifest of ours is not read");
        fuzz_expect(json_array_size(list) == spec->task_count, "tasks are missing");
    }
    json_decref(list);
    json_decref(tree);
    buf_free(&object);
    buf_free(&input);
}

static void read_spec(const char *text, size_t len, int pattern)
{
    struct error err = {0};
    struct json_problems problems = {0};
    struct spec spec;
    if (spec_parse(text, len, pattern, NULL, &spec, &problems, &err) == 0) {
        as_manifest(&spec);
        spec_free(&spec);
    } else {
        fuzz_expect(err.code == ERR_SYNTAX || err.code == ERR_LIMIT || json_problems_any(&problems),
                    "no reason given");
    }
    json_problems_free(&problems);
}

static void read_manifest(const char *text, size_t len)
{
    struct error err;
    struct manifest_ref ref;
    json_t *tree = NULL, *list = NULL;
    if (json_parse(text, len, &tree, &err) == 0 && manifest_ref_read(tree, &ref, &err) == 0)
        (void)manifest_check(text, len, &ref, &err);
    ref = (struct manifest_ref){"b", "k", 1, ""};
    if (manifest_read(text, len, &ref, &list, &err) == 0)
        json_decref(list);
    json_decref(tree);
}

static void split(const char *literal, const char *separator)
{
    struct error err;
    char **list = NULL;
    size_t count = 0;
    if (spec_split(literal, separator, &list, &count, &err) == 0)
        for (size_t i = 0; i < count; i++)
            fuzz_expect(list[i][0] != '\0', "a piece is empty");
    free(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    char *text = fuzz_rest(data + 1, size - 1);
    const uint8_t *rest = data + 1;
    size_t left = size - 1;
    char *line = fuzz_line(&rest, &left);
    if (*data == 'm')
        read_manifest(text, size - 1);
    else if (*data == '/')
        split(text + (left ? strlen(line) : 0), line);
    else if (*data == '1' || *data == '2')
        read_spec(text, size - 1, *data - '0');
    else
        read_spec((const char *)data, size, 0);
    free(line);
    free(text);
    return 0;
}
