#!/bin/sh
# deps.sh [build|npm|test|browser|lint|fuzz|dist|image]...: installs what is missing for the named purposes
# (default: build, npm, test, browser and lint).
# Says what it installs; where it cannot install it says what is missing, by name, and fails.
set -eu
[ $# -gt 0 ] || set -- build npm test browser lint

missing=
need() { # package, check command
    if ! sh -c "$2" >/dev/null 2>&1; then
        missing="$missing $1"
    fi
}
header() { # a header that the compiler finds
    printf "echo '#include <%s>' | gcc -E -x c -" "$1"
}

for purpose in "$@"; do
    case $purpose in
    build)
        need gcc 'command -v gcc'
        need libc6-dev "$(header stdio.h)"
        need pkg-config 'command -v pkg-config'
        need libmicrohttpd-dev "$(header microhttpd.h)"
        need libcurl4-openssl-dev 'pkg-config --exists libcurl'
        need libssl-dev "$(header openssl/evp.h)"
        need libjansson-dev "$(header jansson.h)"
        need libsqlite3-dev "$(header sqlite3.h)"
        need nodejs 'command -v node'
        ;;
    npm)
        need npm 'command -v npm'
        ;;
    browser)
        need chromium 'command -v chromium'
        need fonts-dejavu-core 'test -d /usr/share/fonts/truetype/dejavu'
        ;;
    test)
        need libcriterion-dev "$(header criterion/criterion.h)"
        need python3 'test -x /usr/bin/python3'
        need python3-boto3 '/usr/bin/python3 -c "import boto3"'
        need awscli 'test -x /usr/bin/aws'
        ;;
    lint)
        need clang-format 'command -v clang-format'
        need clang-tidy 'command -v clang-tidy'
        need cppcheck 'command -v cppcheck'
        need shellcheck 'command -v shellcheck'
        need python3 'test -x /usr/bin/python3'
        need python3-yaml '/usr/bin/python3 -c "import yaml"'
        ;;
    fuzz)
        need clang 'command -v clang'
        need libclang-rt-14-dev 'echo "int LLVMFuzzerTestOneInput(void);int LLVMFuzzerTestOneInput(void){return 0;}" | clang -fsanitize=fuzzer -o /dev/null -x c -'
        ;;
    dist)
        need make 'command -v make'
        need dpkg-dev 'command -v dpkg-source'
        need zip 'command -v zip'
        need ca-certificates 'test -s /etc/ssl/certs/ca-certificates.crt'
        ;;
    image)
        need docker.io 'command -v dockerd'
        need iptables 'command -v iptables'
        need mmdebstrap 'command -v mmdebstrap'
        ;;
    *)
        echo "deps.sh: unknown purpose '$purpose': use build, npm, test, browser, lint, dist or image" >&2
        exit 2
        ;;
    esac
done
# One name once.
missing=$(echo "$missing" | tr ' ' '\n' | sort -u | tr '\n' ' ' | sed 's/^ *//; s/ *$//')
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "stepfleet: missing: $missing (Debian 12 package names). This is not Debian, so install" \
        "their counterparts with your system's package manager, then run make again." >&2
    exit 1
fi
if [ "$(id -u)" != 0 ]; then
    echo "stepfleet: missing: $missing. Only root can install packages: run" \
        "'sudo apt-get install -y $missing', then make again." >&2
    exit 1
fi
echo "stepfleet: installing $missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # names are words
if ! { apt-get update -q && apt-get install -y -q --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "stepfleet: apt-get could not install: $missing. Mend the cause above (network, sources," \
        "disk), then run make deps." >&2
    exit 1
fi
