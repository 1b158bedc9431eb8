/* Places and rules of the systems that workers run on: Debian (container image, local mode) and
 * Amazon Linux 2023 (Lambda's provided.al2023). */
#include "lib/http_client/http_system.h"

#include "lib/http_client/http_client.h"

#include <curl/curl.h>
#include <nss.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <unistd.h>

enum { PLACES = 5 };

const char *http_first_readable(const char *const *paths, int count)
{
    for (int i = 0; i < count; i++)
        if (paths[i] && access(paths[i], R_OK) == 0)
            return paths[i];
    return NULL;
}

/* Debian and Alpine, Amazon Linux and Fedora, openSUSE, the BSDs' old place. */
const char *http_ca_bundle(void)
{
    const char *const places[PLACES] = {
        curl_version_info(CURLVERSION_NOW)->cainfo, "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem"};
    return http_first_readable(places, PLACES);
}

/* A static glibc 2.36 has "files" and "dns" inside. For any other service in /etc/nsswitch.conf
 * whose turn comes it loads the machine's libnss_NAME.so.2, which fits that machine's glibc (2.34
 * on Amazon Linux 2023) and not ours. Seen with strace in a static program that calls getaddrinfo:
 * "files dns" loads nothing; "files dns myhostname" opens libnss_myhostname once DNS has no answer,
 * "mymachines files dns" opens its module at once. After this call none of them loads anything, and
 * hosts and DNS answer as before. It changes what getaddrinfo reads in other threads without a
 * lock, so it comes before them. A program without a dynamic loader (AT_BASE) is a static one. */
void http_limit_names(void)
{
    if (getauxval(AT_BASE) == 0)
        (void)__nss_configure_lookup("hosts", "files dns");
}
