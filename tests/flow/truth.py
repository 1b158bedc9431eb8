"""Whether all who know of a run tell the same: REST, SQLite, audit rows, ECS, Step Functions, S3."""
import collections
import hashlib
import sqlite3

from tests.flow.server import spec, stopped_tasks

KILLED = range(129, 256)  # exit codes of tasks that a signal ended
COUNTS = ("submitted", "running", "completed", "failed", "cancelled")


def task_name_of(ecs_task):
    """The task_name that a task was started with."""
    environment = ecs_task["overrides"]["containerOverrides"][0]["environment"]
    return next(item["value"] for item in environment if item["name"] == "task_name")


class Truth:
    """Checks runs of the example specs that are over; the test gets what is wrong.

    aws makes clients of where the work was done (default: the server's own endpoint), specs are
    what was submitted, by pattern (default: the examples as they stand)."""

    def __init__(self, test, server, aws=None, specs=None):
        aws = aws or server.aws
        self.test = test
        self.server = server
        self.specs = specs or {pattern: spec(pattern) for pattern in (1, 2)}
        self.dynamodb = aws("dynamodb")
        self.ecs = aws("ecs")
        self.states = aws("stepfunctions")
        self.s3 = aws("s3")

    def check(self, run_id):
        run = self.server.run(run_id)
        tasks = {task["taskName"]: task for task in self.server.tasks(run_id)}
        self.check_run(run, tasks)
        self.check_sqlite(run)
        self.check_rows(run, tasks)
        self.check_execution(run)
        ids = self.check_ecs(run, tasks)
        self.check_copies(run, tasks, ids)
        return run

    def check_run(self, run, tasks):
        test = self.test
        statuses = collections.Counter(task["status"] for task in tasks.values())
        test.assertEqual(len(tasks), 10, run)
        test.assertEqual({name: run["tasks"][name] for name in COUNTS},
                         {name: statuses[name.capitalize()] for name in COUNTS}, run)
        test.assertEqual(statuses["Completed"] + statuses["Failed"], 10, run)
        test.assertEqual(run["status"], "Failed" if statuses["Failed"] else "Completed", run)
        test.assertEqual(bool(run["reason"]), run["status"] == "Failed", run)
        for task in tasks.values():
            test.assertEqual(bool(task["stoppedReason"]), task["status"] == "Failed", task)
            test.assertEqual(bool(task["reason"]), task["status"] == "Failed", task)

    def check_sqlite(self, run):
        path = self.server.data / "stepfleet.db"
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            found = database.execute(
                "SELECT count(*) FROM tasks WHERE run_id = ?", (run["workflowRunId"],)).fetchone()
            waiting = database.execute(
                "SELECT count(*) FROM outbox WHERE run_id = ?", (run["workflowRunId"],)).fetchone()
        finally:
            database.close()
        self.test.assertEqual((found[0], waiting[0]), (10, 0), run)

    def check_rows(self, run, tasks):
        test, names = self.test, self.specs[run["pattern"]]
        number = {"N": str(run["workflowRunId"])}
        summary = self.dynamodb.get_item(
            TableName=names["ddbTableNameWFSummary"],
            Key={"workflow_name": {"S": run["workflowName"]}, "workflow_run_id": number})["Item"]
        test.assertEqual(summary["status"]["S"], run["status"], run)
        for attribute, count in (("number_of_tasks", 10), ("running_tasks", 0),
                                 ("completed_tasks", run["tasks"]["completed"]),
                                 ("failed_tasks", run["tasks"]["failed"])):
            test.assertEqual(int(summary[attribute]["N"]), count, (attribute, run))
        details = self.dynamodb.query(
            TableName=names["ddbTableNameWFDetails"],
            KeyConditionExpression="workflow_run_id = :id",
            ExpressionAttributeValues={":id": number})["Items"]
        test.assertEqual(sorted((row["task_name"]["S"], row["status"]["S"]) for row in details),
                         sorted((name, task["status"]) for name, task in tasks.items()), run)

    def check_execution(self, run):
        status = self.states.describe_execution(executionArn=run["execution"]["arn"])["status"]
        self.test.assertEqual(status, "SUCCEEDED" if run["status"] == "Completed" else "FAILED", run)

    def check_ecs(self, run, tasks):
        """No task was started twice, and all come to their end; returns the ids."""
        described = stopped_tasks(self.ecs, run["workflowRunId"],
                                  self.specs[run["pattern"]]["clusterName"])
        started = collections.Counter(task_name_of(task) for task in described)
        self.test.assertEqual([name for name, times in started.items() if times > 1], [], run)
        for ecs_task in described:
            task = tasks[task_name_of(ecs_task)]
            code = ecs_task["containers"][0].get("exitCode")
            # A task that died with its server has no exit code; where the run failed, one that was done
            # may have been stopped behind its last row.
            well = (None, 0, *(KILLED if run["status"] == "Failed" else ()))
            good = well if task["status"] == "Completed" else (None, *range(1, 256))
            self.test.assertIn(code, good, task)
        return {ecs_task["taskArn"].rsplit("/", 1)[1] for ecs_task in described}

    def check_copies(self, run, tasks, ids):
        bucket = self.specs[run["pattern"]]["s3BucketName"]
        whole = self.digest(bucket, "input/sample.bin")
        for task in tasks.values():
            if task["status"] == "Completed":
                self.test.assertEqual(self.digest(bucket, task["destinationKey"]), whole, task)
        copies = self.s3.list_objects_v2(Bucket=bucket, Prefix="input/sample.bin_")
        made = [item for item in copies.get("Contents", []) if item["Key"].rsplit("_", 1)[1] in ids]
        self.test.assertLessEqual(len(made), 10, run)

    def digest(self, bucket, key):
        body = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return hashlib.sha256(body).hexdigest()
