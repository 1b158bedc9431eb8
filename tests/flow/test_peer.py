"""Control plane, workers and state machines against another AWS than our own endpoint."""
import collections
import os
import unittest

from tests.flow.peer import Peer, table_keys, why_not
from tests.flow.server import Server, stopped_tasks

# Two launches are refused, two tasks die before their last word (none of which can have arrived and
# only its answer be lost), and much else goes wrong on the way.
FAULTS = (
    "ecs.RunTask:run-task-failures,k=1,nth=4;9,reason=MISSING",
    "ecs.RunTask:lost-response,nth=2;6",
    "dynamodb.UpdateItem:kill-task,who=task:*,nth=3;7",
    "dynamodb.*:ddb-throughput,rate=0.15",
    "dynamodb.[GPQ]*:lost-response,rate=0.05",
    "ecs.[DLS]*:throttle,rate=0.2",
    "s3.CopyObject:copy-error-200,nth=1;5",
    "s3.*:slowdown,from=7,count=4",
    "states.*:html-502,rate=0.1",
    "states.*:truncate,rate=0.1",
    "states.StartExecution:lost-response,nth=1",
    "lambda.Invoke:lost-response,nth=1",
)
PATIENT_MS = 5000  # half of what a client gives a call
REASONS = ("MISSING", "killed by signal 9")


@unittest.skipIf(why_not(), why_not())
class PeerAws(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.peer = Peer()
        cls.addClassCleanup(cls.peer.close)
        cls.peer.start()
        cls.server = Server(*cls.peer.options_for_server(), local=False,
                            environment=cls.peer.environment_for_server()).start()
        cls.addClassCleanup(cls.server.close)
        cls.data = os.urandom(300_000)
        for pattern in (1, 2):
            cls.peer.aws("s3").put_object(Bucket=f"stepfleet-pattern-{pattern}",
                                          Key="input/sample.bin", Body=cls.data)

    def run_both(self):
        """Runs both patterns at the same time; returns [(spec, run)]."""
        accepted = []
        for pattern in (1, 2):
            value = self.peer.spec(pattern, monitorIntervalSeconds=2)  # it is slow enough itself
            accepted.append((value, self.server.accept(value, pattern)))
        return [(value, self.server.wait(run_id)) for value, run_id in accepted]

    def check_truth(self, value, run):
        """REST, audit rows, ECS and S3 agree about every task."""
        counts, run_id = run["tasks"], run["workflowRunId"]
        tasks = {task["taskName"]: task for task in self.server.tasks(run_id)}
        self.assertEqual(len(tasks), 10)
        self.assertEqual(counts["completed"] + counts["failed"], 10, run)
        self.assertEqual(run["status"], "Failed" if counts["failed"] else "Completed", run)
        self.check_rows(value, run, tasks)
        self.check_launches(value, run_id, tasks)
        self.check_copies(value, tasks)
        events = self.server.get(f"/workflows/{run_id}/events?limit=1000").json()["items"]
        self.assertEqual([event["id"] for event in events], list(range(1, len(events) + 1)))
        self.assertEqual(events[0]["type"], "ExecutionStarted")
        self.assertEqual(events[-1]["type"],
                         "ExecutionFailed" if counts["failed"] else "ExecutionSucceeded")

    def check_rows(self, value, run, tasks):
        run_id = {"N": str(run["workflowRunId"])}
        dynamodb = self.peer.aws("dynamodb")
        table, keys = table_keys(value, "Details")
        rows = dynamodb.query(TableName=table, KeyConditionExpression="#run = :run",
                              ExpressionAttributeNames={"#run": keys[0][0]},
                              ExpressionAttributeValues={":run": run_id})["Items"]
        self.assertEqual(sorted((row["task_name"]["S"], row["status"]["S"]) for row in rows),
                         sorted((name, task["status"]) for name, task in tasks.items()))
        table, keys = table_keys(value, "Summary")
        row = dynamodb.get_item(TableName=table, Key={keys[0][0]: {"S": value["workflowName"]},
                                                      keys[1][0]: run_id})["Item"]
        self.assertEqual(row["status"]["S"], run["status"])
        self.assertEqual(int(row["completed_tasks"]["N"]), run["tasks"]["completed"])
        self.assertEqual(int(row["failed_tasks"]["N"]), run["tasks"]["failed"])

    def check_launches(self, value, run_id, tasks):
        """Every task was started once, or not at all when that was refused."""
        started = collections.Counter()
        for task in stopped_tasks(self.peer.aws("ecs"), run_id, value["clusterName"]):
            override = task["overrides"]["containerOverrides"][0]
            names = [e["value"] for e in override["environment"] if e["name"] == "task_name"]
            started.update(names)
        refused = {name for name, task in tasks.items() if task["stopCode"] == "TaskFailedToStart"}
        self.assertEqual(started, {name: 1 for name in tasks if name not in refused})

    def check_copies(self, value, tasks):
        s3 = self.peer.aws("s3")
        for task in tasks.values():
            if task["status"] == "Completed":
                copy = s3.get_object(Bucket=value["s3BucketName"], Key=task["destinationKey"])
                self.assertEqual(copy["Body"].read(), self.data)

    def check_signatures(self):
        """botocore's own signer agrees with every request of ours."""
        said = collections.defaultdict(collections.Counter)
        for request in self.peer.requests():
            if request["who"] != "sfn":
                said[request["who"].split(":")[0]][request.get("sigv4", "not checked")] += 1
        self.assertEqual(set(said), {"driver", "lambda", "task"})
        self.assertEqual({word for words in said.values() for word in words}, {"ok"})

    def test_both_patterns_complete(self):
        self.peer.set_faults()
        for value, run in self.run_both():
            with self.subTest(pattern=run["pattern"]):
                self.assertEqual(run["tasks"]["completed"], 10, run)
                self.assertEqual(run["execution"]["status"], "SUCCEEDED")
                self.check_truth(value, run)
        self.check_signatures()

    def test_every_run_ends_with_the_truth(self):
        self.peer.set_faults(*FAULTS)
        runs = self.run_both()
        self.peer.set_faults()
        # Where the peer itself was slower than its clients are patient, they have asked again: a refusal
        # that nobody heard is none, and a last word that was cut off may have come before.
        late = any(request["ms"] > PATIENT_MS for request in self.peer.requests())
        agree = self.assertLessEqual if late else self.assertEqual
        agree(sum(run["tasks"]["failed"] for _, run in runs), 4, [run["reason"] for _, run in runs])
        for value, run in runs:
            with self.subTest(pattern=run["pattern"]):
                self.check_truth(value, run)
                for task in self.server.tasks(run["workflowRunId"]):
                    if task["status"] == "Failed":
                        self.assertTrue(any(reason in task["stoppedReason"] for reason in REASONS),
                                        task)
        self.check_signatures()
