#!/bin/sh
# function-zip.sh PROGRAM OUT.zip: the archive of a Lambda function on provided.al2023: the program
# as `bootstrap`, mode 0755. The same program gives the same bytes, whoever packs it and when.
set -eu
program=$1
case $2 in
/*) out=$2 ;;
*) out=$PWD/$2 ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
install -m 0755 "$program" "$work/bootstrap"
touch -d '1980-01-01 00:00:00 UTC' "$work/bootstrap"
rm -f "$out"
cd "$work"
TZ=UTC zip -q -9 -X "$out" bootstrap
