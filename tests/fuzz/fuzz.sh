#!/bin/sh
# fuzz.sh BUILD SECONDS NAME...: runs the drivers one after the other. A fault ends the run; the input that
# led to it is in BUILD/corpus/NAME.found/.
set -eu
build=$1 seconds=$2
shift 2

# The seeds of a driver, each in a file of its own, and the repository's own files of that kind.
lay_seeds() { # name, folder
    mkdir -p "$2"
    awk -v out="$2/seed" 'BEGIN { n = 1; ORS = "" } $0 == "%%" { n++; first = 0; next }
        { print (first++ ? "\n" : "") $0 > (out n) }' "tests/fuzz/seeds/$1"
    case $1 in
    json | spec | event) cp specs/*.json "$2" ;;
    machine) cp infra/statemachines/*.json "$2" ;;
    esac
}

# While threads of a server are at work, what they hold at the moment looks lost.
leaks_of() { # name
    case $1 in
    local | rest) echo 0 ;;
    *) echo 1 ;;
    esac
}

for name; do
    if ! [ -x "$build/fuzz/$name" ]; then
        echo "fuzz: there is no driver '$name': see tests/fuzz/*.c" >&2
        exit 1
    fi
    printf 'fuzz: %s\n' "$name"
    corpus=$build/corpus/$name
    mkdir -p "$corpus" "$corpus.found"
    lay_seeds "$name" "$corpus.seeds"
    log=$corpus.log
    if ! "$build/fuzz/$name" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=3000 -max_len=8192 \
        -detect_leaks="$(leaks_of "$name")" \
        -artifact_prefix="$corpus.found/" "$corpus" "$corpus.seeds" >"$log" 2>&1; then
        tail -40 "$log" >&2
        echo "fuzz: $name failed; the input is in $corpus.found/, the whole log in $log" >&2
        exit 1
    fi
    tail -1 "$log"
done
