"""What must hold of every accepted run, whatever was done to it: the one list of it all.

* it has reached a final status, and a reason is told where that is not Completed;
* its counts add up to its tasks, and its status follows from them;
* no task ran twice: one ECS task a name, one copy a task, one effect a destination;
* REST (which is SQLite), audit rows, ECS, S3 and the execution tell the same."""
import collections
import hashlib
import sqlite3
import time

from tests.flow.server import PATIENCE

COUNTS = ("submitted", "running", "completed", "failed", "cancelled")
EXECUTIONS = {"Completed": {"SUCCEEDED"}, "Failed": {"FAILED", "TIMED_OUT", "ABORTED"},
              "Cancelled": {"ABORTED"}}
KILLED = range(129, 256)  # exit codes of a task that died of a signal, maybe behind its last row


class Broken(Exception):
    """The invariant does not hold; what is wrong, a line each."""


def task_name_of(ecs_task):
    environment = ecs_task["overrides"]["containerOverrides"][0]["environment"]
    return next(item["value"] for item in environment if item["name"] == "task_name")


class Invariant:
    """Of the runs of one server. aws makes clients beside all faults; calls are the proxy's."""

    def __init__(self, server, aws, calls=()):
        self.server = server
        self.dynamodb, self.ecs = aws("dynamodb"), aws("ecs")
        self.states, self.s3 = aws("stepfunctions"), aws("s3")
        self.calls = calls
        self.wrong = []

    def expect(self, agreed, *what):
        if not agreed:
            self.wrong.append(" ".join(str(word) for word in what))

    def check(self, accepted):
        """accepted: the spec of each run by its id. Raises Broken."""
        for run_id, value in accepted.items():
            self.check_one(run_id, value)
        self.check_database()
        self.check_effects()
        if self.wrong:
            raise Broken("\n".join(self.wrong))

    def check_one(self, run_id, value):
        run = self.server.run(run_id)
        items = self.server.tasks(run_id)
        tasks = {task["taskName"]: task for task in items}
        names = [task["taskName"] for task in value["taskList"]]
        self.expect(sorted(task["taskName"] for task in items) == sorted(names),
                    run_id, "tasks are", sorted(tasks), "not", names)
        self.check_run(run, tasks, value)
        self.check_rows(run, tasks, value)
        self.check_execution(run)
        self.check_copies(run, tasks, value, self.check_ecs(run, tasks, value))

    def check_run(self, run, tasks, value):
        run_id, counts = run["workflowRunId"], {name: run["tasks"][name] for name in COUNTS}
        statuses = collections.Counter(task["status"].lower() for task in tasks.values())
        self.expect(run["endedAt"] and run["status"] in EXECUTIONS, run_id, "has not ended:", run)
        self.expect(counts == {name: statuses[name] for name in COUNTS}, run_id, "counts", counts,
                    "tasks", dict(statuses))
        self.expect(sum(counts.values()) == len(value["taskList"]) and
                    counts["submitted"] + counts["running"] == 0, run_id, "counts", counts)
        if run["status"] != "Cancelled":
            bad = counts["failed"] + counts["cancelled"]
            wanted = "Failed" if bad > value.get("toleratedFailures", 0) else "Completed"
            self.expect(run["status"] == wanted, run_id, "is", run["status"], "with", counts,
                        run["reason"])
        self.expect(run["status"] == "Completed" or run["reason"], run_id, "has no reason")
        for name, task in tasks.items():
            self.expect(task["status"] == "Completed" or task["stoppedReason"],
                        run_id, name, task["status"], "has no reason")

    def check_rows(self, run, tasks, value):
        run_id, number = run["workflowRunId"], {"N": str(run["workflowRunId"])}
        summary = self.dynamodb.get_item(
            TableName=value["ddbTableNameWFSummary"], ConsistentRead=True,
            Key={value["hashKeyWFSummary"]: {"S": value["workflowName"]},
                 value["rangeKeyWFSummary"]: number}).get("Item", {})
        if not summary:
            self.check_no_start(run, tasks, value)
            return
        told = {name: next(iter(summary.get(name, {None: None}).values()))
                for name in ("status", "number_of_tasks", "running_tasks", "completed_tasks",
                             "failed_tasks")}
        # The table has no count of its own for tasks that were stopped in a run that was not.
        failed = run["tasks"]["failed"] + \
            (run["tasks"]["cancelled"] if run["status"] != "Cancelled" else 0)
        wanted = {"status": run["status"], "number_of_tasks": str(len(tasks)),
                  "running_tasks": "0", "completed_tasks": str(run["tasks"]["completed"]),
                  "failed_tasks": str(failed)}
        self.expect(told == wanted, run_id, "summary row", told, "but REST", wanted)
        rows = self.read_details(run_id, value)
        wanted = sorted((name, task["status"]) for name, task in tasks.items())
        self.expect(rows == wanted, run_id, "detail rows", rows, "but REST", wanted)

    def read_details(self, run_id, value):
        """Sorted pairs of name and status."""
        rows = self.dynamodb.query(
            TableName=value["ddbTableNameWFDetails"], ConsistentRead=True,
            KeyConditionExpression="#run = :run",
            ExpressionAttributeNames={"#run": value["hashKeyWFDetails"]},
            ExpressionAttributeValues={":run": {"N": str(run_id)}})["Items"]
        return sorted((row["task_name"]["S"], row["status"]["S"]) for row in rows)

    def check_no_start(self, run, tasks, value):
        """A run that broke before its summary row was written has started nothing."""
        run_id = run["workflowRunId"]
        self.expect(run["tasks"]["completed"] == 0 and not self.read_details(run_id, value) and
                    not self.describe_ecs(run_id, value["clusterName"]),
                    run_id, "has no summary row, but", tasks)

    def check_execution(self, run):
        status = self.states.describe_execution(executionArn=run["execution"]["arn"])["status"]
        self.expect(status in EXECUTIONS.get(run["status"], ()), run["workflowRunId"],
                    "execution is", status, "but run", run["status"])

    def list_ecs(self, run_id, cluster, status):
        return self.ecs.list_tasks(cluster=cluster, desiredStatus=status,
                                   startedBy=f"stepfleet-{run_id}")["taskArns"]

    def describe_ecs(self, run_id, cluster):
        """All ECS tasks of the run, once those that are being stopped have ended."""
        end = time.monotonic() + PATIENCE
        while True:
            arns = {arn for status in ("RUNNING", "STOPPED")
                    for arn in self.list_ecs(run_id, cluster, status)}
            found = self.ecs.describe_tasks(cluster=cluster, tasks=sorted(arns))["tasks"] \
                if arns else []
            alive = [task for task in found if task["lastStatus"] != "STOPPED"]
            if not alive or time.monotonic() > end:
                self.expect(not alive, run_id, "still runs", [t["taskArn"] for t in alive])
                return found
            time.sleep(0.1)  # polling ECS

    def check_ecs(self, run, tasks, value):
        """Returns the id of the ECS task of each name."""
        run_id, ids = run["workflowRunId"], {}
        for ecs_task in self.describe_ecs(run_id, value["clusterName"]):
            name = task_name_of(ecs_task)
            self.expect(name not in ids, run_id, name, "was started twice")
            ids[name] = ecs_task["taskArn"].rsplit("/", 1)[1]
            task, code = tasks.get(name, {}), ecs_task["containers"][0].get("exitCode")
            # A task that dies with its server has no exit code.
            good = (None, 0, *KILLED) if task.get("status") == "Completed" \
                else (None, *range(1, 256))
            self.expect(code in good, run_id, name, "ended with", code, "but is", task)
        return ids

    def check_copies(self, run, tasks, value, ids):
        run_id = run["workflowRunId"]
        for item in value["taskList"]:
            name, bucket = item["taskName"], item.get("s3BucketName", value["s3BucketName"])
            copies = [key for key in self.list_keys(bucket, item["objectKey"] + "_")
                      if key.rsplit("_", 1)[1] == ids.get(name)]
            if tasks.get(name, {}).get("status") != "Completed":
                continue
            self.expect(copies == [tasks[name]["destinationKey"]], run_id, name, "copied to",
                        copies, "but says", tasks[name]["destinationKey"])
            for key in copies:
                self.expect(self.digest(bucket, key) == self.digest(bucket, item["objectKey"]),
                            run_id, name, "copy differs from its source")

    def list_keys(self, bucket, prefix):
        answer = self.s3.list_objects_v2(Bucket=bucket, Prefix=prefix)
        return [item["Key"] for item in answer.get("Contents", [])]

    def digest(self, bucket, key):
        body = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return hashlib.sha256(body).hexdigest()

    def check_database(self):
        path = self.server.data / "stepfleet.db"
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
        try:
            found = [database.execute(sql).fetchone()[0] for sql in (
                "PRAGMA integrity_check", "SELECT count(*) FROM outbox",
                "SELECT count(*) FROM runs WHERE ended_at = 0")]
        finally:
            database.close()
        self.expect(found == ["ok", 0, 0], "SQLite: integrity, outbox, open runs are", found)

    def check_effects(self):
        """A copy whose answer arrived is not made again."""
        done = collections.Counter(call.path for call in self.calls if call.answered
                                   and call.operation in ("CopyObject", "PutObject"))
        twice = [path for path, times in done.items() if times > 1]
        self.expect(not twice, "copied more than once:", twice)
