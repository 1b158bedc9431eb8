#!/bin/sh
# embed.sh OUT FILE...: writes an assembler file that holds the files and their table, sorted.
set -eu
out=$1
shift
{
    printf '\t.section .rodata\n'
    n=0
    for f in "$@"; do
        printf 'name%d:\t.asciz "%s"\ndata%d:\t.incbin "%s"\nend%d:\t.byte 0\n' \
            "$n" "$f" "$n" "$f" "$n"
        n=$((n + 1))
    done
    printf '\t.section .data.rel.ro,"aw"\n\t.balign 8\n\t.globl embed_files\nembed_files:\n'
    i=0
    while [ "$i" -lt "$n" ]; do
        printf '\t.quad name%d, data%d, end%d - data%d\n' "$i" "$i" "$i" "$i"
        i=$((i + 1))
    done
    printf '\t.globl embed_count\nembed_count:\t.quad %d\n' "$n"
    printf '\t.section .note.GNU-stack,"",%%progbits\n'
} >"$out"
