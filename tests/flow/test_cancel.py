"""Cancelling: at any moment, as often as one likes; all who know of the run agree in the end."""
import collections
import concurrent.futures
import sys
import unittest

from tests.flow.server import Server, stop_within, stopped_tasks
from tests.flow.test_faults import DEAF, HOLD, few

# A function that takes its event and never answers it.
SILENT = f"""exec {sys.executable} -c '
import os, time, urllib.request
host = os.environ["AWS_LAMBDA_RUNTIME_API"]
urllib.request.urlopen("http://" + host + "/2018-06-01/runtime/invocation/next").read()
time.sleep(3600)'
"""

FINAL_COUNTS = ("completed", "failed", "cancelled")


class Cancel(unittest.TestCase):
    def serve(self, **scripts):
        server = Server()
        self.addCleanup(server.close)
        if scripts:
            server.use_workers(**{name.replace("_", "-"): text for name, text in scripts.items()})
        return server.start()

    def cancel(self, server, run_id, body=None):
        answer = server.call("POST", f"/workflows/{run_id}/cancel", body)
        self.assertEqual(answer.status, 202, answer.body)
        self.assertEqual(answer.headers["Location"], f"/workflows/{run_id}")
        self.assertEqual(answer.json()["workflowRunId"], run_id)
        return answer.json()

    def hold(self, server, pattern):
        """A run whose two tasks have their Running rows and hold."""
        run_id = server.accept(few(pattern), pattern)
        server.wait(run_id, until=lambda run: run["tasks"]["running"] == 2)
        return run_id

    def summary(self, server, run):
        return server.aws("dynamodb").get_item(
            TableName=f"workflow_summary_pattern_{run['pattern']}", ConsistentRead=True,
            Key={"workflow_name": {"S": run["workflowName"]},
                 "workflow_run_id": {"N": str(run["workflowRunId"])}}).get("Item")

    def details(self, server, run):
        pages = server.aws("dynamodb").get_paginator("query").paginate(
            TableName=f"workflow_details_pattern_{run['pattern']}", ConsistentRead=True,
            KeyConditionExpression="workflow_run_id = :id",
            ExpressionAttributeValues={":id": {"N": str(run["workflowRunId"])}})
        return [row for page in pages for row in page["Items"]]

    def check_agreement(self, server, run_id, status="Cancelled"):
        """REST, audit rows, ECS and Step Functions tell the same; returns the run."""
        run = server.wait(run_id)
        self.assertEqual(run["status"], status, run)
        tasks = {task["taskName"]: task["status"] for task in server.tasks(run_id)}
        counts = collections.Counter(tasks.values())
        self.assertEqual(sum(run["tasks"][name] for name in FINAL_COUNTS), len(tasks), run)
        for name in FINAL_COUNTS:
            self.assertEqual(run["tasks"][name], counts[name.capitalize()], run)
        if status == "Completed":
            stopped_tasks(server.aws("ecs"), run_id)  # nobody stops them: they end by themselves
        left = server.aws("ecs").list_tasks(cluster="stepfleet", desiredStatus="RUNNING",
                                            startedBy=f"stepfleet-{run_id}")["taskArns"]
        self.assertEqual(left, [])
        if run["execution"]["arn"] is None:
            self.assertEqual((self.details(server, run), self.summary(server, run)), ([], None))
            return run
        execution = server.aws("stepfunctions").describe_execution(
            executionArn=run["execution"]["arn"])
        self.assertEqual(execution["status"],
                         "ABORTED" if status == "Cancelled" else "SUCCEEDED", run)
        rows = {row["task_name"]["S"]: row["status"]["S"] for row in self.details(server, run)}
        self.assertEqual(rows, tasks)
        summary = self.summary(server, run)
        self.assertEqual(summary["status"]["S"], status, run)
        for name in ("completed", "failed"):
            self.assertEqual(int(summary[f"{name}_tasks"]["N"]), run["tasks"][name], run)
        self.assertEqual(int(summary["running_tasks"]["N"]), 0)
        return run

    def test_while_tasks_run(self):
        server = self.serve(s3_copy_task=HOLD)
        for pattern in (1, 2):
            with self.subTest(pattern=pattern):
                run_id = self.hold(server, pattern)
                run = self.cancel(server, run_id, {"reason": "the input was wrong"})
                self.assertEqual(run["cancelReason"], "the input was wrong")
                run = self.check_agreement(server, run_id)
                self.assertEqual(run["reason"], "cancelled on request: the input was wrong")
                self.assertEqual(run["tasks"]["cancelled"], 2)
                self.assertEqual(run["execution"]["error"], "Stepfleet.Cancelled")
                self.assertEqual(run["execution"]["cause"], "the input was wrong")
                self.assertEqual(self.summary(server, run)["reason"]["S"], run["reason"])
                ecs = server.aws("ecs")
                arns = ecs.list_tasks(cluster="stepfleet", desiredStatus="STOPPED",
                                      startedBy=f"stepfleet-{run_id}")["taskArns"]
                for task in ecs.describe_tasks(cluster="stepfleet", tasks=arns)["tasks"]:
                    self.assertEqual(task["stoppedReason"],
                                     "Stepfleet: the run was cancelled: the input was wrong")

    def test_at_once(self):
        server = self.serve(s3_copy_task=HOLD)
        runs = [server.accept(few(pattern), pattern) for pattern in (1, 2) * 3]
        for run_id in runs:
            self.cancel(server, run_id)
        for run_id in runs:
            with self.subTest(run=run_id):
                run = self.check_agreement(server, run_id)
                self.assertRegex(run["reason"], "^cancelled (on request|before it was started)$")

    def test_tasks_that_never_say_a_word(self):
        server = self.serve(s3_copy_task=DEAF)
        ecs = server.aws("ecs")
        stop_within(ecs, 2)
        for pattern in (1, 2):
            with self.subTest(pattern=pattern):
                run_id = server.accept(few(pattern), pattern)
                started = {"cluster": "stepfleet", "startedBy": f"stepfleet-{run_id}"}
                server.wait(run_id, until=lambda run: len(
                    ecs.list_tasks(**started)["taskArns"]) == 2)
                self.cancel(server, run_id)
                run = self.check_agreement(server, run_id)
                arns = ecs.list_tasks(desiredStatus="STOPPED", **started)["taskArns"]
                self.assertEqual({row["ecs_task_id"]["S"] for row in self.details(server, run)},
                                 {arn.rsplit("/", 1)[1] for arn in arns})

    def test_twice(self):
        server = self.serve(s3_copy_task=HOLD)
        for pattern in (1, 2):
            with self.subTest(pattern=pattern):
                run_id = self.hold(server, pattern)
                first = self.cancel(server, run_id, {"reason": "first"})
                again = self.cancel(server, run_id, {"reason": "second"})
                self.assertEqual(again["cancelRequestedAt"], first["cancelRequestedAt"])
                self.assertEqual(again["cancelReason"], "first")
                over = self.check_agreement(server, run_id)
                after = self.cancel(server, run_id)
                self.assertEqual(after, over)

    def test_after_completion(self):
        server = self.serve()
        for pattern in (1, 2):
            with self.subTest(pattern=pattern):
                run_id = server.accept(few(pattern), pattern)
                over = server.wait(run_id)
                self.assertEqual(self.cancel(server, run_id), over)
                self.check_agreement(server, run_id, "Completed")

    def test_races_with_completion(self):
        server = self.serve()
        runs = [server.accept(few(pattern), pattern) for pattern in (1, 2) * 4]
        pending = collections.deque(runs)
        while pending:
            run = server.run(pending[0])
            if run["endedAt"] or run["tasks"]["completed"]:
                self.cancel(server, pending.popleft())
            else:
                pending.rotate()
        for run_id in runs:
            with self.subTest(run=run_id):
                run = server.wait(run_id)
                self.assertIn(run["status"], ("Completed", "Cancelled"), run)
                summary = self.summary(server, run)
                self.assertEqual(summary["status"]["S"], run["status"], run)
                rows = {row["task_name"]["S"]: row["status"]["S"]
                        for row in self.details(server, run)}
                self.assertEqual(rows, {task["taskName"]: task["status"]
                                        for task in server.tasks(run_id)})

    def test_many_at_once(self):
        server = self.serve(s3_copy_task=HOLD)
        runs = [server.accept(few(pattern), pattern) for pattern in (1, 2) * 10]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda run_id: self.cancel(server, run_id), runs * 2))
        for run_id in runs:
            with self.subTest(run=run_id):
                self.check_agreement(server, run_id)

    def test_server_that_is_killed_meanwhile(self):
        """Its tasks die with it. A monitor that saw that before the execution is stopped would fail the
        run, and rightly: here it comes too late."""
        for pattern in (1, 2):
            with self.subTest(pattern=pattern):
                server = self.serve(s3_copy_task=HOLD)
                run_id = self.hold(server, pattern)
                self.cancel(server, run_id, {"reason": "enough"})
                server.kill()
                server.use_workers(s3_copy_task=HOLD, task_monitor=SILENT)
                server.start()
                run = server.wait(run_id)
                self.assertEqual(run["status"], "Cancelled", run)
                self.assertEqual(run["reason"], "cancelled on request: enough")
                rows = {row["task_name"]["S"]: row["status"]["S"]
                        for row in self.details(server, run)}
                self.assertEqual(rows, {task["taskName"]: task["status"]
                                        for task in server.tasks(run_id)})
                self.assertEqual(self.summary(server, run)["status"]["S"], "Cancelled", run)

    def test_what_is_refused(self):
        server = self.serve(s3_copy_task=HOLD)
        run_id = self.hold(server, 1)
        self.assertEqual(server.call("POST", "/workflows/123/cancel").status, 404)
        answer = server.get(f"/workflows/{run_id}/cancel")
        self.assertEqual((answer.status, answer.headers["Allow"]), (405, "POST"))
        for body, named in (({"reason": "x" * 256}, "reason"), ({"why": "?"}, "why"),
                            ({"reason": 7}, "reason"), ([], "")):
            answer = server.call("POST", f"/workflows/{run_id}/cancel", body)
            self.assertEqual(answer.status, 400, answer.body)
            self.assertIn(named, answer.json()["errors"][0]["pointer"])
        self.assertEqual(server.call("POST", f"/workflows/{run_id}/cancel", "{").status, 400)
        self.assertEqual(server.call("POST", f"/workflows/{run_id}/cancel?now=1").status, 400)
        form = server.call("POST", f"/workflows/{run_id}/cancel", "reason=wrong",
                           {"Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual(form.status, 415)
        self.assertIsNone(server.run(run_id).get("cancelRequestedAt"))
        self.cancel(server, run_id, {})
        self.check_agreement(server, run_id)
