/* A profile's credentials: keys, a role by web identity, a program, or a role assumed with another
 * profile's, which may be such a role in turn. */
#include "lib/aws/source.h"

#include "lib/aws/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHAIN_MAX = 8, DURATION_MIN = 900, DURATION_MAX = 43200 };

/* A profile on the way from the one in use to the one that has keys. */
struct step {
    const struct source_input *in;
    const struct profiles *profiles;
    const char *name;
    const struct step *from; /* who names it as its source; NULL for the first */
};

static enum found resolve(const struct step *s, struct credentials *out, struct error *err);

static const char *get(const struct step *s, const char *key)
{
    return profiles_get(s->profiles, s->name, key);
}

static enum found fail(struct error *err, const struct step *s, const char *what)
{
    err_set(err, ERR_ARGUMENT, "profile '%.100s': %s", s->name, what);
    return FAILED;
}

static enum found from_keys(const struct step *s, const struct profile_keys *keys,
                            struct credentials *out, struct error *err)
{
    if (!keys->id || !keys->secret)
        return fail(err, s,
                    keys->id ? "aws_access_key_id is set but aws_secret_access_key is not"
                             : "aws_secret_access_key is set but aws_access_key_id is not");
    return source_copy(out, keys->id, keys->secret, keys->token, err);
}

/* A loop is a profile that is its own source over others. One that names itself means its keys. */
static enum found from_source_profile(const struct step *s, const char *name,
                                      struct credentials *out, struct error *err)
{
    struct profile_keys keys;
    const struct step next = {s->in, s->profiles, name, s};
    int depth = 0;
    if (profiles_keys(s->profiles, name, &keys))
        return from_keys(&next, &keys, out, err);
    for (const struct step *at = s; at; at = at->from, depth++)
        if (strcmp(at->name, name) == 0 || depth == CHAIN_MAX)
            return fail(err, s, "source_profile goes round in a circle, or too far");
    enum found found = resolve(&next, out, err);
    return found == NOT_CONFIGURED ? fail(err, &next, "it is a source_profile but has no keys")
                                   : found;
}

static enum found from_credential_source(const struct step *s, const char *name,
                                         struct credentials *out, struct error *err)
{
    static const struct {
        const char *name;
        source_fn fetch;
    } sources[] = {{"Environment", source_environment},
                   {"EcsContainer", source_container},
                   {"Ec2InstanceMetadata", source_imds}};
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        if (strcmp(sources[i].name, name) != 0)
            continue;
        enum found found = sources[i].fetch(s->in, out, err);
        if (found == NOT_CONFIGURED)
            return fail(err, s, "its credential_source has no credentials here");
        return found;
    }
    return fail(err, s,
                "credential_source must be Environment, EcsContainer or Ec2InstanceMetadata");
}

/* The credentials that may assume the role. */
static enum found find_base(const struct step *s, struct credentials *out, struct error *err)
{
    const char *profile = get(s, "source_profile");
    const char *source = get(s, "credential_source");
    if (get(s, "mfa_serial"))
        return fail(err, s,
                    "mfa_serial asks for a code that nobody can enter here: use "
                    "credential_process or keys of a session");
    if (profile && source)
        return fail(err, s, "source_profile and credential_source exclude each other");
    return profile ? from_source_profile(s, profile, out, err)
                   : from_credential_source(s, source, out, err);
}

/* 0 stands for the service's own default. */
static bool read_duration(const struct step *s, int64_t *out)
{
    const char *text = get(s, "duration_seconds");
    char *end = NULL;
    *out = text ? strtol(text, &end, 10) : 0;
    return !text || (*end == '\0' && *out >= DURATION_MIN && *out <= DURATION_MAX);
}

static enum found assume(const struct step *s, const struct sts_role *role, struct credentials *out,
                         struct error *err)
{
    struct credentials base = {0};
    enum found found = find_base(s, &base, err);
    if (found == FOUND && source_role(s->in, role, &base, out, err)) {
        err_wrap(err, "profile '%.100s': assuming %.200s", s->name, role->role_arn);
        found = FAILED;
    }
    credentials_close(&base);
    return found;
}

static enum found from_role(const struct step *s, const char *role_arn, struct credentials *out,
                            struct error *err)
{
    const struct clock *clock = s->in->options->clock ? s->in->options->clock : clock_system();
    const char *session = get(s, "role_session_name");
    const char *token_file = get(s, "web_identity_token_file");
    char own[64];
    struct sts_role role = {.role_arn = role_arn, .external_id = get(s, "external_id")};
    if (!read_duration(s, &role.duration_seconds))
        return fail(err, s, "duration_seconds must be a number from 900 to 43200");
    (void)snprintf(own, sizeof own, "stepfleet-%lld",
                   (long long)(clock_wall(clock) / CLOCK_SECOND));
    role.session_name = session ? session : own;
    if (get(s, "source_profile") || get(s, "credential_source"))
        return assume(s, &role, out, err);
    if (!token_file)
        return fail(err, s,
                    "role_arn needs source_profile, credential_source or web_identity_token_file");
    if (source_web_identity_role(s->in, role_arn, session, token_file, role.duration_seconds, out,
                                 err) == 0)
        return FOUND;
    err_wrap(err, "profile '%.100s'", s->name);
    return FAILED;
}

/* What can be set up with the AWS CLI but not be used here must not be passed over in silence. */
static enum found refuse_logins(const struct step *s, struct error *err)
{
    static const char *const keys[] = {"sso_session", "sso_start_url", "sso_account_id",
                                       "login_session"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (!get(s, keys[i]))
            continue;
        err_set(err, ERR_ARGUMENT,
                "profile '%.100s': logins (%s) are the AWS CLI's: make another profile with "
                "credential_process = aws configure export-credentials --profile %.100s",
                s->name, keys[i], s->name);
        return FAILED;
    }
    return NOT_CONFIGURED;
}

static enum found resolve(const struct step *s, struct credentials *out, struct error *err)
{
    struct profile_keys keys;
    const char *role_arn = get(s, "role_arn");
    if (!profiles_have(s->profiles, s->name))
        return fail(err, s, "it is in neither the config nor the credentials file");
    if (role_arn)
        return from_role(s, role_arn, out, err);
    if (profiles_keys(s->profiles, s->name, &keys))
        return from_keys(s, &keys, out, err);
    const char *command = get(s, "credential_process");
    if (!command)
        return refuse_logins(s, err);
    if (source_process(s->in, command, out, err) == 0)
        return FOUND;
    err_wrap(err, "profile '%.100s'", s->name);
    return FAILED;
}

/* The profile "default" need not exist; one that was named must. */
enum found source_profile(const struct source_input *in, struct credentials *out, struct error *err)
{
    struct profiles p;
    if (profiles_open(&p, in->options, err))
        return FAILED;
    const struct step first = {in, &p, p.name, NULL};
    enum found found = NOT_CONFIGURED;
    if (p.chosen || profiles_have(&p, p.name))
        found = resolve(&first, out, err);
    profiles_close(&p);
    return found;
}
