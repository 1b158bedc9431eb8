/* profile: named settings in the shared config and credentials files. Private to lib/aws.
 *
 * A struct profiles belongs to the function that looks something up: it is opened, asked and closed
 * again, so that changed files count at the next look. Files are AWS_CONFIG_FILE (~/.aws/config,
 * "[profile x]" and "[default]") and AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials, "[x]"); the
 * home directory is HOME's, for the program may be linked statically. Files that do not exist are
 * empty ones, and so are those below HOME that may not be read, unless a variable names a profile
 * or a file. */
#ifndef STEPFLEET_AWS_PROFILE_H
#define STEPFLEET_AWS_PROFILE_H

#include "lib/aws/aws.h"
#include "lib/aws/config_file.h"

enum { PROFILE_NAME_MAX = 256, PROFILE_PATH_MAX = 4096 };

struct profiles {
    struct config_file config;
    struct config_file credentials;
    char name[PROFILE_NAME_MAX]; /* AWS_PROFILE, AWS_DEFAULT_PROFILE or "default" */
    bool chosen;                 /* it was named, so it must exist */
};

/* Reads both files. -1 with a message that names file and line. */
int profiles_open(struct profiles *p, const struct aws_options *options, struct error *err);
/* Wipes and releases; zero-initialised ones may be closed. */
void profiles_close(struct profiles *p);

/* True if either file has the profile. */
bool profiles_have(const struct profiles *p, const char *profile);
/* A setting, borrowed: the credentials file's, else the config file's; NULL if there is none. */
const char *profiles_get(const struct profiles *p, const char *profile, const char *key);
/* Keys of one file, never mixed from both; NULL where they are missing. */
struct profile_keys {
    const char *id;
    const char *secret;
    const char *token;
};
/* The credentials file's if it has any, else the config file's. False if neither has. */
bool profiles_keys(const struct profiles *p, const char *profile, struct profile_keys *out);
/* The endpoint URL for a service's key ("s3", "dynamodb_streams") by the profile in use: of its
 * `services` section, else its own endpoint_url, else NULL. */
const char *profiles_endpoint(const struct profiles *p, const char *service);

#endif
