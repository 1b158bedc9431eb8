/* Looking up what the build has put into the binary; some dozen files. */
#include "server/embed/embed.h"

#include <string.h>

const struct embedded *embed_find(const char *name)
{
    for (size_t i = 0; i < embed_count; i++)
        if (strcmp(embed_files[i].name, name) == 0)
            return &embed_files[i];
    return NULL;
}
