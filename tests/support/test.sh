#!/bin/sh
# test.sh SAN BUILD PYTHON: every test there is for this kind of build. Criterion's runner does not
# survive ThreadSanitizer: with SAN=thread the server built that way is put under the flow tests.
set -eu
san=$1
build=$2
python=$3
tests/support/deps.sh build test
if [ "$san" = thread ]; then
    make --no-print-directory SAN=thread all
    export TSAN_OPTIONS="exitcode=66 second_deadlock_stack=1 ${TSAN_OPTIONS:-}"
else
    make --no-print-directory SAN="$san" all "$build/unit"
    export ASAN_OPTIONS="detect_leaks=1 ${ASAN_OPTIONS:-}" UBSAN_OPTIONS="print_stacktrace=1 ${UBSAN_OPTIONS:-}"
    echo "unit tests ($build)"
    # Criterion passes a test whose process leaked: the report itself has to fail it.
    log=$build/unit.log
    failed=0
    "$build/unit" -j2 >"$log" 2>&1 || failed=$?
    cat "$log"
    ! grep -qE 'Sanitizer:|: runtime error: ' "$log" || failed=1
    [ "$failed" = 0 ] || exit "$failed"
fi
echo "flow tests ($build)"
STEPFLEET_BUILD=$build "$python" -m tests.flow
if [ -z "$san" ]; then
    echo "browser tests ($build)"
    make --no-print-directory browser
else
    echo "left out: browser tests, which run without SAN"
fi
echo "faults ($build)"
STEPFLEET_BUILD=$build exec "$python" -m tests.faults --rounds 10 --no-peer
