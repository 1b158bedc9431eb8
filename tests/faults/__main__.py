"""Faults on purpose: python3 -m tests.faults [--rounds N] [--seed S] [--only WORD] [--repeat K]

Plays every kind of fault, then N rounds with kill -9 at random moments, side by side, and prints a
table of what held. What did not hold leaves its folder behind and makes the exit code 1."""
import argparse
import collections
import concurrent.futures
import os
import sys
import time

from tests.faults.kinds import KINDS
from tests.faults.rounds import play
from tests.faults.storage import can_mount
from tests.flow.server import BUILD

JOBS = (os.cpu_count() or 1) + 1
KILLS = "kill -9 at random moments"


def read_words():
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200, help="rounds with kill -9 (200)")
    parser.add_argument("--repeat", type=int, default=1, help="rounds of each other kind (1)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first round (1)")
    parser.add_argument("--only", default="", help="only faults whose name has this word")
    parser.add_argument("--jobs", type=int, default=JOBS, help=f"rounds side by side ({JOBS})")
    return parser.parse_args()


def plan(words):
    """[(fault, what, number, seed)] of all rounds."""
    jobs = [(kind.name, "kind", number, seed)
            for number, kind in enumerate(KINDS)
            for seed in range(words.seed, words.seed + words.repeat)]
    disk = "a small tmpfs" if can_mount() else "RLIMIT_FSIZE"
    jobs += [(name, what, 0, seed)
             for name, what in ((f"disk full for a while ({disk})", "full disk"),
                                ("SQLITE_BUSY: a lock for 6.5 s", "locked"))
             for seed in range(words.seed, words.seed + words.repeat)]
    jobs += [(KILLS, "kill", seed, seed)
             for seed in range(words.seed, words.seed + words.rounds)]
    return [job for job in jobs if words.only.lower() in job[0].lower()]


def play_all(jobs, count):
    """Yields (fault, seed, what is wrong, folder) as they end."""
    with concurrent.futures.ProcessPoolExecutor(count) as pool:
        waiting = {}
        for name, what, number, seed in jobs:
            folder = BUILD / "faults" / f"{what.replace(' ', '-')}-{number}-seed-{seed}"
            waiting[pool.submit(play, what, number, seed, folder)] = (name, seed, folder)
        for job in concurrent.futures.as_completed(waiting):
            name, seed, folder = waiting[job]
            yield name, seed, job.result(), folder


def main():
    words = read_words()
    start, jobs = time.monotonic(), plan(words)
    played, held = collections.Counter(), collections.Counter()
    for name, seed, wrong, folder in play_all(jobs, words.jobs):
        played[name] += 1
        held[name] += not wrong
        if wrong:
            print(f"\nDID NOT HOLD: {name}, --seed {seed}; kept: {folder}\n{wrong}", flush=True)
        elif sum(played.values()) % 20 == 0:
            print(f"{sum(played.values())} of {len(jobs)} rounds", flush=True)
    print(f"\n{'fault':42}{'rounds':>7}{'held':>7}")
    for name in dict.fromkeys(job[0] for job in jobs):
        mark = "" if held[name] == played[name] else "  <--"
        print(f"{name:42}{played[name]:>7}{held[name]:>7}{mark}")
    bad = sum(played.values()) - sum(held.values())
    print(f"{sum(held.values())} held, {bad} did not, in {time.monotonic() - start:.0f} s")
    return 1 if bad or not jobs else 0


if __name__ == "__main__":
    sys.exit(main())
