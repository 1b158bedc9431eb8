"""The same faults against another AWS than our own endpoint (tests/flow/peer.py), where it is there.

Its Step Functions calls ECS, Lambda and DynamoDB by the wire, so that pattern 2 meets them as well."""
import os
import pathlib
import shutil

from tests.faults.invariant import Broken, Invariant
from tests.flow.peer import Peer
from tests.flow.server import Server, spec

TASKS = 4
# (fault, does the product get over it, rules of the peer)
KINDS = (
    ("RunTask throttled", True, "ecs.RunTask:throttle,rate=0.4,max=8"),
    ("RunTask failures[] for 2 of 8", False, "ecs.RunTask:run-task-failures,k=1,nth=2;5,reason=MISSING"),
    ("lost answer of RunTask", True, "ecs.RunTask:lost-response,nth=2;6"),
    ("task killed before its last row", False,
     "dynamodb.UpdateItem:kill-task,who=task:*,nth=2;5"),
    ("CopyObject: 200 with <Error>", True, "s3.CopyObject:copy-error-200,nth=1;4"),
    ("S3 SlowDown", True, "s3.*:slowdown,from=3,count=6"),
    ("DynamoDB throttled", True, "dynamodb.*:ddb-throughput,rate=0.25,max=40"),
    ("DynamoDB: lost answers", True, "dynamodb.*:lost-response,rate=0.15,max=20"),
    ("answers cut off", True, "*:truncate,who=task:*,rate=0.2,max=20",
     "*:truncate,who=server,rate=0.2,max=20", "*:truncate,who=lambda:*,rate=0.2,max=20"),
    ("connections reset", True, "*:reset,who=task:*,rate=0.2,max=20",
     "*:reset,who=server,rate=0.2,max=20", "*:reset,who=lambda:*,rate=0.2,max=20"),
    ("lost answers to workers and server", True, "*:lost-response,who=task:*,rate=0.2,max=20",
     "*:lost-response,who=server,rate=0.2,max=20", "*:lost-response,who=lambda:*,rate=0.2,max=20"),
    ("Lambda throttled", True, "lambda.Invoke:throttle,nth=1;3"),
)


class PeerWorld:
    """One peer and one server for all kinds, one after the other."""

    def __init__(self, seed):
        self.seed = seed
        self.peer = Peer("--seed", str(seed))
        self.server = None

    def start(self):
        self.peer.start()
        for pattern in (1, 2):
            self.peer.aws("s3").put_object(Bucket=f"stepfleet-pattern-{pattern}",
                                           Key="input/sample.bin", Body=os.urandom(100_000))
        self.server = Server(*self.peer.options_for_server(), local=False,
                             environment=self.peer.environment_for_server()).start()

    def play(self, completes, rules):
        """Both patterns at the same time; raises Broken."""
        accepted = {}
        self.peer.set_faults(*rules)
        for pattern in (1, 2):
            tasks = spec(pattern)["taskList"][:TASKS]
            value = self.peer.spec(pattern, taskList=tasks, monitorIntervalSeconds=1)
            accepted[self.server.accept(value, pattern)] = value
        runs = [self.server.wait(run_id) for run_id in accepted]
        self.peer.set_faults()
        Invariant(self.server, self.peer.aws).check(accepted)
        bad = [run["reason"] for run in runs if run["status"] != "Completed"]
        if completes and bad:
            raise Broken(f"the product should have got over it: {bad}")

    def keep(self, folder):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.peer.folder, pathlib.Path(folder) / "peer")
        if self.server:
            shutil.copytree(self.server.folder, pathlib.Path(folder) / "server")

    def close(self):
        try:
            if self.server:
                self.server.close()
        finally:
            self.peer.close()


def play_peer(seed, folder):
    """Returns [(fault, what is wrong or "")], all kinds."""
    world, results = PeerWorld(seed), []
    try:
        world.start()
        for name, completes, *rules in KINDS:
            wrong = ""
            try:
                world.play(completes, rules)
            except Exception as problem:  # whatever it is, it did not hold
                wrong = f"{type(problem).__name__}: {problem}"
                world.keep(folder)
            results.append((f"peer: {name}", wrong))
    finally:
        world.close()
    return results
