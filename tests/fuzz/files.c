/* Files that a person or a deployment wrote: the AWS SDKs' configuration, and what a deployment
 * tells about itself (it begins with '{'). */
#include "lib/aws/config_file.h"
#include "server/app/outputs.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

static void configuration(const char *text, size_t len)
{
    struct error err = {0};
    struct config_file file = {0};
    if (config_file_parse(text, len, "config", &file, &err) != 0)
        fuzz_expect(err.message[0] != '\0', "no reason given");
    for (size_t i = 0; i < file.count && i < 100; i++)
        (void)config_file_get(&file, file.entries[i].section, file.entries[i].key,
                              file.entries[i].member);
    config_file_close(&file);
}

static void deployment(const char *text)
{
    struct error err = {0};
    struct outputs outputs = {0};
    if (outputs_open(&outputs, text, &err) != 0)
        fuzz_expect(err.message[0] != '\0', "no reason given");
    outputs_close(&outputs);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_rest(data, size);
    if (*text == '{')
        deployment(text);
    else
        configuration(text, size);
    free(text);
    return 0;
}
