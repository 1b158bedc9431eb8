"""One task as REST tells it: its row, what ECS and Step Functions say, its log; and for how long."""
import json
import shutil
import sqlite3
import time
import unittest
import urllib.parse

from tests.flow.server import BUILD, PATIENCE, Server, spec
from tests.flow.test_faults import HOLD, few

# The first of two tasks fails, the second one ends well; both write to their logs.
HALF = (f'echo "step 1 of $task_name"\necho "step 2" >&2\n'
        f'case "$task_name" in *01) exit 3 ;; esac\nexec {BUILD}/s3-copy-task\n')
# A row that is final, of a process that is not.
LINGER = f"{BUILD}/s3-copy-task\nexec sleep 600\n"
DAY = 24 * 3600


class Task(unittest.TestCase):
    maxDiff = None

    def serve(self, *options, **scripts):
        server = Server(*options)
        self.addCleanup(server.close)
        if scripts:
            server.use_workers(**{name.replace("_", "-"): text for name, text in scripts.items()})
        return server.start()

    @staticmethod
    def path(run_id, name, rest=""):
        return f"/workflows/{run_id}/tasks/{urllib.parse.quote(name, safe='')}{rest}"

    def task(self, server, run_id, name):
        answer = server.get(self.path(run_id, name))
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json()

    def described(self, server, run_id, name, until=lambda ecs: ecs["stopped"]):
        """The task as soon as ECS was heard of it; polled, as a page does it."""
        end = time.monotonic() + PATIENCE
        while True:
            task = self.task(server, run_id, name)
            if task["ecs"] and until(task["ecs"]):
                return task
            self.assertLess(time.monotonic(), end, task)
            time.sleep(0.05)  # polling a REST answer

    def check_failed(self, server, run_id, pattern):
        name = few(pattern)["taskList"][0]["taskName"]
        task = self.described(server, run_id, name)
        said = server.aws("ecs").describe_tasks(cluster="stepfleet", tasks=[task["ecsTaskId"]])["tasks"][0]
        kept = task["ecs"]["description"]
        self.assertFalse(task["ecs"]["shortened"])
        self.assertLessEqual(set(said), set(kept))
        for member in ("taskArn", "lastStatus", "stopCode", "stoppedReason", "containers", "overrides",
                       "startedBy", "version"):
            self.assertEqual(kept[member], said[member], member)
        self.assertEqual(kept["containers"][0]["exitCode"], 3)
        row = server.aws("dynamodb").get_item(
            TableName=f"workflow_details_pattern_{pattern}",
            Key={"workflow_run_id": {"N": str(run_id)}, "ecs_task_id": {"S": task["ecsTaskId"]}})["Item"]
        # The monitor has written this row: it has no key, the mirror takes the spec's.
        plain = {"object_key": "input/sample.bin", **{k: v.get("S", v.get("N")) for k, v in row.items()}}
        self.assertEqual({k: v if isinstance(v, str) else json.dumps(v) for k, v in task["auditRow"].items()},
                         plain)
        return task

    def test_a_failed_task_of_both_patterns(self):
        server = self.serve(s3_copy_task=HALF)
        runs = {server.accept(few(p), p): p for p in (1, 2)}
        for run_id, pattern in runs.items():
            with self.subTest(pattern=pattern):
                self.assertEqual(server.wait(run_id)["status"], "Failed")
                task = self.check_failed(server, run_id, pattern)
                name = task["taskName"]
                self.assertEqual(task["log"]["kind"], "file")
                written = (server.data / task["log"]["path"]).read_bytes()
                log = server.get(task["log"]["url"])
                self.assertEqual((log.status, log.body), (200, written))
                self.assertEqual(log.body, f"step 1 of {name}\nstep 2\n".encode())
                self.assertEqual(server.get(self.path(run_id, name, "/log?tail=9")).body, b"step 2\n")
                launch = [event["type"] for event in task["stepFunctions"]["events"]]
                self.assertEqual("MapIterationStarted" in launch, pattern == 2, launch)
                self.assertEqual(bool(task["stepFunctions"]["note"]), pattern == 1)

    def test_names_of_any_kind(self):
        server = self.serve()
        names = ["a/b?c#d", "log", "..%2F..", "\u00e4 \U0001f600 \u202e", "n" * 255, "\"';--<b>"]
        value = spec(1, taskList=[{**spec(1)["taskList"][0], "taskName": name} for name in names])
        run_id = server.accept(value, 1)
        server.wait(run_id)
        for name in names:
            task = self.described(server, run_id, name)
            self.assertEqual((task["taskName"], task["auditRow"]["task_name"]), (name, name))
            self.assertEqual(server.get(task["log"]["url"]).status, 200, name)
        self.assertEqual(server.get(self.path(run_id, "nobody")).status, 404)

    def test_a_running_task_is_described_while_it_runs(self):
        server = self.serve(s3_copy_task=HOLD)
        run_id = server.accept(few(2), 2)
        name = few(2)["taskList"][0]["taskName"]
        task = self.described(server, run_id, name, until=lambda ecs: True)
        self.assertEqual((task["status"], task["ecs"]["stopped"]), ("Running", False))
        self.assertEqual(task["ecs"]["description"]["lastStatus"], "RUNNING")
        self.assertEqual(server.call("POST", f"/workflows/{run_id}/cancel").status, 202)
        task = self.described(server, run_id, name)
        self.assertEqual(task["ecs"]["description"]["stopCode"], "UserInitiated")

    def test_a_task_that_ends_after_its_run_and_after_the_server(self):
        server = self.serve(s3_copy_task=LINGER)
        run_id = server.accept(few(1), 1)
        name = few(1)["taskList"][0]["taskName"]
        self.assertEqual(server.wait(run_id)["status"], "Completed")
        self.described(server, run_id, name, until=lambda ecs: not ecs["stopped"])
        server.kill()
        server.start()
        said = self.described(server, run_id, name)["ecs"]["description"]
        self.assertEqual(said["stoppedReason"], "The server that ran this task stopped")

    def test_what_ecs_forgot_is_still_told_and_leaves_with_the_tasks(self):
        server = self.serve("--retention-days", "1")
        run_id = server.accept(few(1), 1)
        name = few(1)["taskList"][0]["taskName"]
        server.wait(run_id)
        before = self.described(server, run_id, name)
        for task in server.tasks(run_id):
            self.described(server, run_id, task["taskName"])
        server.stop()
        shutil.rmtree(server.data / "aws" / "ecs")
        server.start()
        answer = server.aws("ecs").describe_tasks(cluster="stepfleet", tasks=[before["ecsTaskId"]])
        self.assertEqual(answer["failures"][0]["reason"], "MISSING")
        self.assertEqual(self.task(server, run_id, name)["ecs"], before["ecs"])
        gone = server.get(before["log"]["url"])
        self.assertEqual(gone.status, 404)
        self.assertIn("any more", gone.json()["detail"])
        server.stop()
        with sqlite3.connect(server.data / "stepfleet.db") as store:
            self.assertEqual(store.execute("SELECT count(*) FROM ecs_descriptions").fetchone(), (2,))
            store.execute("UPDATE runs SET ended_at = ended_at - ?", (2 * DAY * 1_000_000,))
        store.close()
        server.start()
        server.wait(run_id, until=lambda run: "tasksRemovedAt" in run)
        answer = server.get(self.path(run_id, name))
        self.assertEqual(answer.status, 404)
        self.assertIn("--retention-days", answer.json()["detail"])
        server.stop()
        with sqlite3.connect(server.data / "stepfleet.db") as store:
            self.assertEqual(store.execute("SELECT count(*) FROM ecs_descriptions").fetchone(), (0,))
        store.close()
