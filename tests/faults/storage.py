"""Faults below the data folder: a disk that is full for a while, a database that others lock."""
import contextlib
import os
import resource
import sqlite3
import subprocess
import tempfile
import threading
import time

from tests.flow.server import PATIENCE

DISK_BYTES = 48 << 20
FULL_SECONDS = 2.0  # how long the disk is full
LOCK_SECONDS = 6.5  # longer than the server waits for a lock (5 s)


def can_mount():
    """Only root can, and not in every container."""
    with tempfile.TemporaryDirectory() as folder:
        mounted = os.geteuid() == 0 and subprocess.run(
            ["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True,
            check=False).returncode == 0
        if mounted:
            subprocess.run(["umount", folder], check=True)
        return mounted


class SmallDisk:
    """A tmpfs of its own in the place of the data folder."""

    def __init__(self, world):
        self.folder = world.server.data
        self.ballast = self.folder / "ballast"
        self.folder.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", self.folder],
                       check=True)
        world.closers.append(self.close)

    def fill(self):
        with open(self.ballast, "wb", buffering=0) as file, contextlib.suppress(OSError):
            for size in (1 << 20, 4096):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))

    def empty(self):
        self.ballast.unlink(missing_ok=True)

    def close(self):
        subprocess.run(["umount", "--lazy", self.folder], check=False)


class NoMoreBytes:
    """Where nothing can be mounted: the server may write no byte to any file (RLIMIT_FSIZE)."""

    def __init__(self, world):
        self.world = world

    def limit(self, size):
        resource.prlimit(self.world.server.process.pid, resource.RLIMIT_FSIZE,
                         (size, resource.RLIM_INFINITY))

    def fill(self):
        self.limit(0)

    def empty(self):
        self.limit(resource.RLIM_INFINITY)


def submit_until_accepted(world, pattern, key):
    """What is refused meanwhile is asked for again, as a client would."""
    end = time.monotonic() + PATIENCE
    while world.try_submit(pattern, key) is None:
        if time.monotonic() > end:
            raise AssertionError("the server does not accept runs any more")
        time.sleep(0.1)  # polling REST


def submit_during(world):
    """Two runs are on their way before it, two come while it lasts; returns the thread to join."""
    def submit():
        for n, pattern in enumerate((1, 2)):
            submit_until_accepted(world, pattern, f"during-{n}")

    thread = threading.Thread(target=submit)
    thread.start()
    return thread


def play_full_disk(world, chance, _number):
    disk = (SmallDisk if can_mount() else NoMoreBytes)(world)
    world.start()
    for pattern in (1, 2):
        world.submit(pattern)
    time.sleep(chance.uniform(0, 0.6))  # the moment is what is tried
    disk.fill()
    client = submit_during(world)
    time.sleep(FULL_SECONDS)
    disk.empty()
    client.join()
    if world.server.process.poll() is not None:
        raise AssertionError(f"the server ended with {world.server.process.returncode}")
    world.check()


def play_locked_database(world, chance, _number):
    world.start()
    for pattern in (1, 2):
        world.submit(pattern)
    time.sleep(chance.uniform(0, 0.6))  # the moment is what is tried
    database = sqlite3.connect(world.server.data / "stepfleet.db", isolation_level=None, timeout=30)
    with contextlib.closing(database):
        database.execute("BEGIN IMMEDIATE")
        client = submit_during(world)
        time.sleep(LOCK_SECONDS)
        database.execute("ROLLBACK")
    client.join()
    world.check()
