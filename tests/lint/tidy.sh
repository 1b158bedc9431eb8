#!/bin/sh
# tidy.sh FILE.c...: clang-tidy on some files; prints findings only and fails if there are any.
out=$(clang-tidy --quiet "$@" -- -std=c11 -D_GNU_SOURCE '-DSTEPFLEET_VERSION="lint"' -I. 2>&1)
code=$?
[ "$code" = 0 ] || printf '%s\n' "$out" | grep -vE '^[0-9]+ warnings? generated|^Suppressed |^Use -header'
exit "$code"
