"""kill -9 of the control plane (and with it the local endpoint and its tasks) while runs go on."""
import http.client
import os
import pathlib
import random
import threading
import time
import unittest

from tests.flow.server import PATIENCE, Server, spec
from tests.flow.truth import Truth

WORKERS = ("task-launcher", "task-monitor", "s3-copy-task")
# STEPFLEET_CRASH_ROUNDS=200 looks for rarer moments, STEPFLEET_CRASH_SEED repeats one round.
ROUNDS = int(os.environ.get("STEPFLEET_CRASH_ROUNDS", "4"))
SEED = int(os.environ.get("STEPFLEET_CRASH_SEED", "1"))


def running_or_done(run):
    return run["tasks"]["running"] + run["tasks"]["completed"] + run["tasks"]["failed"] > 0


MOMENTS = {
    "as soon as it was accepted": lambda run: True,
    "when the execution was started": lambda run: run["execution"]["arn"],
    "when the first task has a row": running_or_done,
    "when half of the tasks are done": lambda run: run["tasks"]["completed"] >= 5,
    "when all tasks are done": lambda run: run["tasks"]["completed"] == 10,
}


def workers_of(url):
    """Process ids of worker programs that were given this endpoint."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.readlink(entry / "exe").rsplit("/", 1)[1] in WORKERS \
                    and f"AWS_ENDPOINT_URL={url}".encode() in \
                    (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            pass  # it ended while we looked
    return found


class Killing(unittest.TestCase):
    def serve(self):
        server = Server()
        self.addCleanup(server.close)
        return server

    def kill(self, server):
        """kill -9; nothing that the server started may live on."""
        server.kill()
        end = time.monotonic() + PATIENCE
        while server.aws_url and workers_of(server.aws_url):
            self.assertLess(time.monotonic(), end, workers_of(server.aws_url))
            time.sleep(0.01)  # polling the process table


class Kill(Killing):
    """One run, killed at a known moment."""

    def check_moment(self, pattern, moment):
        server = self.serve().start()
        run_id = server.accept(spec(pattern), pattern)
        server.wait(run_id, until=moment)
        self.kill(server)
        server.start()
        server.wait(run_id)
        Truth(self, server).check(run_id)


class Crash(Killing):
    """Several runs at once, killed once or more often at random times, also while it starts."""

    def submit_all(self, server, patterns, accepted):
        """Notes the runs that were accepted under their idempotency keys."""
        for key, pattern in patterns.items():
            try:
                answer = server.submit(spec(pattern), pattern, Idempotency_Key=key)
                accepted[key] = answer.json()["workflowRunId"]
            except (OSError, http.client.HTTPException):
                pass  # killed meanwhile: it may be accepted or not

    def start_and_kill(self, server, delay):
        """Starts, and kills `delay` seconds after the process began, ready or not."""
        before = server.process

        def kill():
            while server.process is before:
                time.sleep(0.0005)
            time.sleep(delay)
            server.process.kill()

        killer = threading.Thread(target=kill)
        killer.start()
        try:
            server.start()
        except AssertionError:
            pass  # killed before it was ready
        killer.join()
        self.kill(server)

    def check_round(self, seed):
        chance = random.Random(seed)
        server = self.serve().start()
        patterns = {f"key-{n}": pattern for n, pattern in enumerate((1, 2, *chance.choices((1, 2), k=2)))}
        accepted = {}
        client = threading.Thread(target=self.submit_all, args=(server, patterns, accepted))
        client.start()
        time.sleep(chance.uniform(0, 1.2))
        self.kill(server)
        client.join()
        for _ in range(chance.choice((0, 0, 1, 2))):
            self.start_and_kill(server, chance.uniform(0, chance.choice((0.1, 1))))
        server.start()
        self.check_accepted(server, patterns, accepted)

    def check_accepted(self, server, patterns, accepted):
        """What was accepted is there; what may have been is not made twice by asking again."""
        again = {}
        self.submit_all(server, patterns, again)
        self.assertEqual(again.keys(), patterns.keys())
        self.assertEqual({**again, **accepted}, again)
        listed = server.get("/workflows?limit=100").json()["items"]
        self.assertEqual(sorted(run["workflowRunId"] for run in listed), sorted(again.values()))
        truth = Truth(self, server)
        for run_id in again.values():
            server.wait(run_id)
            truth.check(run_id)


def add_tests():
    for pattern in (1, 2):
        for number, (name, moment) in enumerate(MOMENTS.items()):
            def test(self, pattern=pattern, moment=moment):
                self.check_moment(pattern, moment)
            test.__doc__ = f"pattern {pattern}, {name}"
            setattr(Kill, f"test_pattern_{pattern}_moment_{number}", test)
    for seed in range(SEED, SEED + ROUNDS):
        def test(self, seed=seed):
            self.check_round(seed)
        test.__doc__ = f"crash round {seed}"
        setattr(Crash, f"test_round_{seed}", test)


add_tests()
