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
from tests.faults.peer import KINDS as PEER_KINDS
from tests.faults.peer import play_peer
from tests.faults.rounds import play
from tests.faults.storage import can_mount
from tests.flow.peer import why_not
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
    parser.add_argument("--no-peer", action="store_true", help="only against the local endpoint")
    return parser.parse_args()


def plan(words):
    """[(fault, what, number, seed)] of the rounds against the local endpoint."""
    disk = "a small tmpfs" if can_mount() else "RLIMIT_FSIZE"
    kinds = [(f"disk full for a while ({disk})", "full-disk", 0),
             ("SQLITE_BUSY: a lock for 6.5 s", "locked", 0),
             *((kind.name, "kind", number) for number, kind in enumerate(KINDS))]
    jobs = [(*kind, seed) for kind in kinds
            for seed in range(words.seed, words.seed + words.repeat)]
    jobs += [(KILLS, "kill", seed, seed) for seed in range(words.seed, words.seed + words.rounds)]
    return [job for job in jobs if words.only.lower() in job[0].lower()]


def plan_peer(words):
    """Whether the peer is asked for and there; says so in a line if it is not there."""
    wanted = not words.no_peer and words.only.lower() in "peer"
    if wanted and why_not():
        print(f"peer: {why_not()}", flush=True)
    return wanted and not why_not()


def play_one(name, what, number, seed):
    folder = BUILD / "faults" / f"{what}-{number}-seed-{seed}"
    return [(name, seed, play(what, number, seed, folder), folder)]


def play_all_peer(seed):
    folder = BUILD / "faults" / f"peer-seed-{seed}"
    return [(name, seed, wrong, folder) for name, wrong in play_peer(seed, folder)]


def play_all(jobs, peer_seed, count):
    """Yields (fault, seed, what is wrong, folder) as they end."""
    with concurrent.futures.ProcessPoolExecutor(count) as pool:
        waiting = [pool.submit(play_all_peer, peer_seed)] if peer_seed else []
        waiting += [pool.submit(play_one, *job) for job in jobs]
        for job in concurrent.futures.as_completed(waiting):
            yield from job.result()


class Table:
    def __init__(self, names):
        self.start = time.monotonic()
        self.names = names
        self.played, self.held = collections.Counter(), collections.Counter()

    def note(self, name, seed, wrong, folder, total):
        self.played[name] += 1
        self.held[name] += not wrong
        done = sum(self.played.values())
        if wrong:
            print(f"\nDID NOT HOLD: {name}, --seed {seed}; kept: {folder}\n{wrong}", flush=True)
        if done % 20 == 0:
            print(f"{done} of {total} rounds, {time.monotonic() - self.start:.0f} s", flush=True)

    def show(self):
        """Returns how many did not hold."""
        print(f"\n{'fault':48}{'rounds':>7}{'held':>7}")
        for name in self.names:
            mark = "" if self.held[name] == self.played[name] else "  <--"
            print(f"{name:48}{self.played[name]:>7}{self.held[name]:>7}{mark}")
        held, played = sum(self.held.values()), sum(self.played.values())
        print(f"{held} held, {played - held} did not, in {time.monotonic() - self.start:.0f} s")
        return played - held


def main():
    words = read_words()
    jobs, peer = plan(words), plan_peer(words)
    names = list(dict.fromkeys(job[0] for job in jobs))
    if peer:
        names += [f"peer: {kind[0]}" for kind in PEER_KINDS]
    table, total = Table(names), len(jobs) + (len(PEER_KINDS) if peer else 0)
    for result in play_all(jobs, words.seed if peer else 0, words.jobs):
        table.note(*result, total)
    return 1 if table.show() or not total else 0


if __name__ == "__main__":
    sys.exit(main())
