#!/bin/bash
# static-curl.sh DIR: builds a static libcurl that speaks HTTP and HTTPS and nothing else, from
# Debian's source package, into DIR (DIR/lib/libcurl.a). Does nothing where DIR holds it already.
#
# Debian's own libcurl.a cannot be linked statically: it wants Kerberos and more, of which Debian
# has no archives. Sources come through apt, which checks them against Debian's signature; its
# state is a private folder, so that the system's apt configuration and lists stay untouched.
set -euo pipefail
[ $# = 1 ] || { echo "usage: static-curl.sh DIR" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
fail() {
    echo "static-curl.sh: $*" >&2
    exit 1
}

# What configure would otherwise find on one machine and not on the next is named, each by name.
options=(
    --disable-shared --enable-static --with-openssl --without-ca-path
    --with-ca-bundle=/etc/ssl/certs/ca-certificates.crt
    --enable-http --enable-threaded-resolver --enable-ipv6 --enable-proxy
)
for name in alt-svc ares cookies debug dict doh ech file ftp gopher headers-api hsts imap ldap ldaps \
    libcurl-option manual mime mqtt netrc ntlm ntlm-wb pop3 progress-meter rtsp smb smtp sspi \
    telnet tftp tls-srp unix-sockets websockets; do
    options+=("--disable-$name")
done
for name in brotli gssapi hyper libgsasl libidn2 libpsl librtmp libssh libssh2 msh3 nghttp2 \
    nghttp3 ngtcp2 quiche zlib zstd; do
    options+=("--without-$name")
done
cflags='-O2 -fPIE -ffunction-sections -fdata-sections -fstack-protector-strong'

# The version whose headers our own code is compiled with.
version=$(dpkg-query -W -f '${source:Version}' libcurl4-openssl-dev 2>/dev/null) ||
    fail "libcurl4-openssl-dev is not installed: run 'make deps'"
key="curl $version, $(dpkg --print-architecture)
${options[*]}
$cflags"
if [ -f "$out/lib/libcurl.a" ] && [ "$(cat "$out/.built" 2>/dev/null)" = "$key" ]; then
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work" # apt downloads as a user of its own
mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/source"

# The same places and releases that binary packages come from; only Debian's main, by its own key.
write_sources() {
    local codename keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
    # shellcheck disable=SC2016 # apt-get puts the values in
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        sort -u |
        while read -r uri release component; do
            case $release-$component in
            "$codename-main" | "$codename-updates-main" | "$codename-security-main")
                echo "deb-src [signed-by=$keyring] $uri $release $component"
                ;;
            esac
        done
}
write_sources >"$work/sources.list"
[ -s "$work/sources.list" ] ||
    fail "no source of Debian packages is configured: add Debian's main archive to apt's sources"

private=(-q -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=-
    -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache"
    -o APT::Get::AllowUnauthenticated=false)
fetch() {
    apt-get "${private[@]}" --error-on=any update &&
        { apt-get "${private[@]}" source "curl=$version" ||
            { echo "curl $version has left the archive: its successor is taken" &&
                apt-get "${private[@]}" source curl; }; }
}
build() {
    ./configure --prefix="$out" "${options[@]}" CFLAGS="$cflags" CPPFLAGS=-D_FORTIFY_SOURCE=2 &&
        make -j"$(nproc)" -C lib &&
        make -C lib install &&
        make -C include install
}
run() { # what it is, command...: its output is shown only if it fails
    local what=$1
    shift
    echo "static-curl.sh: $what"
    "$@" >"$work/log" 2>&1 || {
        tail -n 30 "$work/log" >&2
        fail "$what failed: see above"
    }
}

cd "$work/source"
run "fetching the source package of curl $version" fetch
cd curl-*/
rm -rf "${out:?}/lib" "${out:?}/include" "$out/.built"
# Debian's patches are newer than what the release's autotools wrote, which still fits.
find . \( -name '*.in' -o -name aclocal.m4 -o -name configure \) -exec touch {} +
run "building a static libcurl (about half a minute)" build
[ -f "$out/lib/libcurl.a" ] || fail "the build left no lib/libcurl.a"
rm -f "$out/lib/libcurl.la"
printf '%s\n' "$key" >"$out/.built"
