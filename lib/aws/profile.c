/* Profiles are found by the names of their sections; the only differences between both files are
 * those names, and that the credentials file comes first. */
#include "lib/aws/profile.h"

#include "lib/aws/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The file a variable names, or the one below HOME; "" if there is no HOME either. */
static int find_path(const struct aws_options *o, const char *variable, const char *usual,
                     char out[PROFILE_PATH_MAX], struct error *err)
{
    const char *home = aws_getenv(o, "HOME");
    const char *path = aws_getenv(o, variable);
    bool below = !path || strncmp(path, "~/", 2) == 0;
    out[0] = '\0';
    if (below && !home)
        return 0;
    int len = snprintf(out, PROFILE_PATH_MAX, "%s%s", below ? home : "",
                       !path   ? usual
                       : below ? path + 1
                               : path);
    return len < PROFILE_PATH_MAX ? 0 : err_set(err, ERR_ARGUMENT, "%s is too long", variable);
}

/* HOME may be another user's, as in a container. */
static bool is_forbidden(const char *path)
{
    return faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) != 0 && errno == EACCES;
}

/* `asked`: the user means these files, so one that may not be read is a mistake. */
static int read_file(const struct aws_options *o, bool asked, const char *variable,
                     const char *usual, struct config_file *out, struct error *err)
{
    char path[PROFILE_PATH_MAX];
    if (find_path(o, variable, usual, path, err))
        return -1;
    if (!path[0] || (!asked && is_forbidden(path)))
        return 0;
    return config_file_read(path, out, err);
}

int profiles_open(struct profiles *p, const struct aws_options *options, struct error *err)
{
    *p = (struct profiles){0};
    const char *name = aws_getenv(options, "AWS_PROFILE");
    if (!name)
        name = aws_getenv(options, "AWS_DEFAULT_PROFILE");
    p->chosen = name != NULL;
    if (snprintf(p->name, sizeof p->name, "%s", name ? name : "default") >= (int)sizeof p->name)
        return err_set(err, ERR_ARGUMENT, "AWS_PROFILE is too long");
    bool asked = name || aws_getenv(options, "AWS_CONFIG_FILE") ||
                 aws_getenv(options, "AWS_SHARED_CREDENTIALS_FILE");
    int rc = read_file(options, asked, "AWS_CONFIG_FILE", "/.aws/config", &p->config, err);
    if (!rc)
        rc = read_file(options, asked, "AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials",
                       &p->credentials, err);
    if (rc)
        profiles_close(p);
    return rc;
}

void profiles_close(struct profiles *p)
{
    config_file_close(&p->config);
    config_file_close(&p->credentials);
}

/* "[profile x]", in quotes or not, and "[default]" without the word. */
static bool is_section(const char *section, const char *kind, const char *name)
{
    size_t len = strlen(kind);
    if (strcmp(section, "default") == 0)
        return strcmp(kind, "profile") == 0 && strcmp(name, "default") == 0;
    if (strncmp(section, kind, len) != 0 || (section[len] != ' ' && section[len] != '\t'))
        return false;
    section += len + strspn(section + len, " \t");
    len = strlen(name);
    char quote = *section == '"' || *section == '\'' ? *section++ : '\0';
    return strncmp(section, name, len) == 0 && section[len] == quote &&
           (!quote || !section[len + 1]);
}

/* The section as it is written in the config file; NULL if it has none. */
static const char *config_section(const struct profiles *p, const char *kind, const char *name)
{
    for (size_t i = 0; i < p->config.count; i++)
        if (is_section(p->config.entries[i].section, kind, name))
            return p->config.entries[i].section;
    return NULL;
}

bool profiles_have(const struct profiles *p, const char *profile)
{
    return config_file_has(&p->credentials, profile) || config_section(p, "profile", profile);
}

const char *profiles_get(const struct profiles *p, const char *profile, const char *key)
{
    const char *value = config_file_get(&p->credentials, profile, key, NULL);
    const char *section = value ? NULL : config_section(p, "profile", profile);
    return section ? config_file_get(&p->config, section, key, NULL) : value;
}

static bool read_keys(const struct config_file *f, const char *section, struct profile_keys *out)
{
    *out = (struct profile_keys){0};
    if (!section)
        return false;
    out->id = config_file_get(f, section, "aws_access_key_id", NULL);
    out->secret = config_file_get(f, section, "aws_secret_access_key", NULL);
    out->token = config_file_get(f, section, "aws_session_token", NULL);
    return out->id || out->secret;
}

bool profiles_keys(const struct profiles *p, const char *profile, struct profile_keys *out)
{
    return read_keys(&p->credentials, profile, out) ||
           read_keys(&p->config, config_section(p, "profile", profile), out);
}

const char *profiles_endpoint(const struct profiles *p, const char *service)
{
    const char *services = profiles_get(p, p->name, "services");
    const char *section = services ? config_section(p, "services", services) : NULL;
    const char *url =
        section ? config_file_get(&p->config, section, service, "endpoint_url") : NULL;
    return url ? url : profiles_get(p, p->name, "endpoint_url");
}
