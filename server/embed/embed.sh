#!/bin/sh
# embed.sh OUT PAGE FILE...: writes an assembler file that holds the files and their table, sorted.
# Files of the folder PAGE, which the build has made, are called page/NAME.
set -eu
out=$1
page=$2
shift 2
for f in "$page"/*; do
    set -- "$@" "$f"
done
name() {
    case $1 in
    "$page"/*) printf 'page/%s' "${1#"$page"/}" ;;
    *) printf '%s' "$1" ;;
    esac
}
{
    printf '\t.section .rodata\n'
    n=0
    for f in "$@"; do
        printf 'name%d:\t.asciz "%s"\ndata%d:\t.incbin "%s"\nend%d:\t.byte 0\n' \
            "$n" "$(name "$f")" "$n" "$f" "$n"
        n=$((n + 1))
    done
    printf '\t.section .data.rel.ro,"aw"\n\t.balign 8\n\t.globl embed_files\nembed_files:\n'
    i=0
    for f in "$@"; do
        printf '%s\t%d\n' "$(name "$f")" "$i"
        i=$((i + 1))
    done | LC_ALL=C sort | while IFS="$(printf '\t')" read -r _ i; do
        printf '\t.quad name%d, data%d, end%d - data%d\n' "$i" "$i" "$i" "$i"
    done
    printf '\t.globl embed_count\nembed_count:\t.quad %d\n' "$n"
    printf '\t.section .note.GNU-stack,"",%%progbits\n'
} >"$out"
