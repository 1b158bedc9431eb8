#!/bin/sh
# lint.sh FILE.c...: format, include edges, banned calls, shell scripts, cppcheck, clang-tidy.
# Runs everything and fails at the end if anything was found.
# shellcheck disable=SC2317 # the functions are called by name
set -u
failed=0
step() { # title, command...
    title=$1
    shift
    printf 'lint: %s\n' "$title"
    "$@" || failed=1
}

tests/support/deps.sh build test lint || exit 1

banned() {
    ! grep -nE '(^|[^A-Za-z0-9_.>])(strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|strtok|gmtime|localtime|system|popen|usleep|sleep|fork|alloca)[[:space:]]*\(' \
        -r lib server workers --include='*.c' --include='*.h'
}
format() {
    find lib server workers tests -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run -Werror
}
tidy() {
    printf '%s\n' "$@" | xargs -P 2 -n 6 tests/lint/tidy.sh
}
check() {
    cppcheck --quiet --error-exitcode=1 --std=c11 --enable=warning,performance,portability \
        --library=tests/lint/cppcheck.cfg --inline-suppr --suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches \
        -D_GNU_SOURCE '-DSTEPFLEET_VERSION="lint"' -I. -j 2 lib server workers
}
scripts() {
    find . -name '*.sh' -not -path './build*' -not -path './.git/*' -print0 | xargs -0 shellcheck .ci/run
}

step 'format' format
step 'include edges' python3 tests/lint/edges.py
step 'infrastructure' /usr/bin/python3 tests/lint/infra.py
step 'banned calls' banned
step 'shell scripts' scripts
step 'cppcheck' check
step 'clang-tidy' tidy "$@"
[ "$failed" = 0 ] && echo 'lint: clean'
exit "$failed"
