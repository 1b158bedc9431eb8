"""One round of each sort; every one raises when the invariant does not hold."""
import contextlib
import random
import threading
import time

from tests.faults import acts
from tests.faults.invariant import Broken
from tests.faults.kinds import KINDS
from tests.faults.proxy import Rule
from tests.faults.storage import play_full_disk, play_locked_database
from tests.faults.world import World


def play_kind(world, _chance, number):
    """A kind of fault by its number in KINDS, while both patterns run."""
    kind = KINDS[number]
    world.tasks = kind.tasks
    if kind.script:
        world.server.use_workers(**{"s3-copy-task": kind.script})
    world.proxy.skew = kind.skew
    world.proxy.rules = kind.rules(world)
    world.start()
    for pattern in (1, 2):
        world.submit(pattern)
    if kind.act:
        kind.act(world)
    runs = world.check()
    if not any(rule.used for rule in world.proxy.rules):
        raise Broken("the fault did not happen")
    bad = [run["reason"] for run in runs if run["status"] != "Completed"]
    if kind.completes and bad:
        raise Broken(f"the product should have got over it: {bad}")


# --- kill -9 at random moments -------------------------------------------------------------------

# How many calls each makes in a small run, about.
CALLS = {"task-launcher": 6, "task-monitor": 10, "s3-copy-task": 24}


def kill_worker(world, chance):
    """One worker dies at its nth call, before or after it was carried out."""
    program = chance.choice(sorted(CALLS))
    act = acts.kill_caller(world.processes, chance.random() < 0.5)
    world.proxy.rules = [Rule("*", act, nth=(chance.randint(1, CALLS[program]),),
                              when=lambda call: world.processes.is_at(call.port, program))]


def kill_server(world, chance):
    """The server dies `delay` after the first submission, maybe again while it starts."""
    time.sleep(chance.uniform(0, 1.5))  # the moment is what is tried
    world.kill()
    for _ in range(chance.choice((0, 0, 1))):
        world.start()
        time.sleep(chance.uniform(0, 0.3))
        world.kill()
    world.start()


def play_kill(world, chance, _number):
    """A worker (1 of 4), the server (2 of 4), or both die while two runs go on."""
    world.start()
    whom = chance.choice(("worker", "server", "server", "both"))
    if whom != "server":
        kill_worker(world, chance)
    keys = {f"key-{n}": pattern for n, pattern in enumerate((1, 2))}
    client = threading.Thread(
        target=lambda: [world.try_submit(pattern, key) for key, pattern in keys.items()])
    client.start()
    if whom != "worker":
        kill_server(world, chance)
    client.join()
    for key, pattern in keys.items():  # accepted or not: the same run, once
        if world.try_submit(pattern, key) is None:
            raise Broken(f"{key} is not accepted again")
    if len(world.accepted) != len(keys):
        raise Broken(f"a key has two runs: {sorted(world.accepted)}")
    world.check()


PLAYS = {"kind": play_kind, "kill": play_kill, "full-disk": play_full_disk,
         "locked": play_locked_database}


def play(what, number, seed, folder):
    """Plays one round in this process; returns what is wrong, or ""."""
    world = World(seed)
    wrong = ""
    try:
        PLAYS[what](world, random.Random(seed), number)
    except Exception as problem:  # whatever it is, the round did not hold
        wrong = f"{type(problem).__name__}: {problem}"
        with contextlib.suppress(OSError):  # files that vanish while they are copied
            world.keep(folder)
    try:
        world.close()
    except Exception as problem:  # a sanitizer's report, or a server that did not end well
        wrong = wrong or f"at its end: {problem}"
    return wrong
