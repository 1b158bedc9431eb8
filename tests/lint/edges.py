#!/usr/bin/env python3
"""edges.py: checks every #include of lib/, server/ and workers/ against tests/lint/edges.txt."""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.M)


def read_rules(path):
    rooms, doors = {}, {}
    for line in pathlib.Path(path).read_text().splitlines():
        line = line.split("#")[0].strip() if not line.startswith("<") else line
        if not line:
            continue
        left, right = line.split(":", 1)
        if left.startswith("<"):
            doors[left[1:].rstrip(">")] = right.strip()
        else:
            rooms[left.strip()] = set(right.split())
    return rooms, doors


def room_of(path):
    parts = pathlib.PurePath(path).parts
    if parts[0] == "workers":
        return "workers"
    return parts[0] if len(parts) == 2 else "/".join(parts[:2])


def check(path, rooms, doors):
    room = room_of(path)
    if room not in rooms:
        yield f"{path}: room {room} is not listed in tests/lint/edges.txt"
        return
    for kind, name in INCLUDE.findall(pathlib.Path(path).read_text()):
        if kind == "<":
            for header, door in doors.items():
                if name.startswith(header) and room != door:
                    yield f"{path}: only {door} may include <{name}>"
        elif "/" not in name:
            yield f"{path}: include \"{name}\" by its path from the repository's root"
        elif room_of(name) != room and room_of(name) != "lib/base" \
                and room_of(name) not in rooms[room]:
            yield f"{path}: {room} may not include {room_of(name)} ({name})"


def main():
    rooms, doors = read_rules("tests/lint/edges.txt")
    found = []
    for top in ("lib", "server", "workers"):
        for path in sorted(pathlib.Path(top).rglob("*.[ch]")):
            found += check(path.as_posix(), rooms, doors)
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
