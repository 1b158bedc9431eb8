"""Tasks that finish their work between SIGTERM and SIGKILL: all who know of the run tell so in the end."""
import pathlib
import shutil
import tempfile
import unittest

from tests.flow.server import BUILD, Server, stop_within, stopped_tasks
from tests.flow.test_faults import few
from tests.flow.truth import task_name_of

# Says Running; when it is told to stop it goes on until the test lets it do its work and end.
SLOW = (f"trap 'kill -9 $child; until [ -e {{folder}}/end ]; do sleep 0.1; done; exec {BUILD}/s3-copy-task'"
        " TERM\n"
        f"STEPFLEET_HOLD_SECONDS=600 {BUILD}/s3-copy-task & child=$!\n"
        "wait $child\n")
# Looks as it should until the test makes it fail for good.
FAILING = (f"{BUILD}/task-monitor & child=$!\n"
           "until [ -e {folder}/fail ]; do sleep 0.1; done\n"
           "kill -9 $child\nexit 1\n")


class LastWord(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="stepfleet-flow-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def serve(self, **scripts):
        """Its tasks have two minutes to end, the longest that ECS gives."""
        server = Server()
        self.addCleanup(server.close)
        server.use_workers(**{name.replace("_", "-"): text.format(folder=self.folder)
                              for name, text in scripts.items()})
        server.start()
        stop_within(server.aws("ecs"), 120)
        return server

    def hold_both(self, server):
        """Runs of both patterns whose two tasks have their Running rows."""
        runs = {server.accept(few(pattern), pattern): pattern for pattern in (1, 2)}
        for run_id in runs:
            server.wait(run_id, until=lambda run: run["tasks"]["running"] == 2)
        return runs

    def rows(self, server, run_id, pattern):
        items = server.aws("dynamodb").query(
            TableName=f"workflow_details_pattern_{pattern}", ConsistentRead=True,
            KeyConditionExpression="workflow_run_id = :id",
            ExpressionAttributeValues={":id": {"N": str(run_id)}})["Items"]
        return {row["task_name"]["S"]: row["status"]["S"] for row in items}

    def check_last_words(self, server, runs, status):
        """The run was open until its tasks had ended, and REST, audit rows and ECS agree on them."""
        for run_id in runs:
            run = server.wait(run_id, until=lambda run: "stopping" in str(run["reason"]))
            self.assertEqual(run["reason"], "2 tasks are stopping")
            self.assertIsNone(run["endedAt"], run)
        (self.folder / "end").touch()
        for run_id, pattern in runs.items():
            with self.subTest(pattern=pattern):
                run = server.wait(run_id)
                self.assertEqual(run["status"], status, run)
                self.assertNotIn("stopping", run["reason"])
                told = {task["taskName"]: task["status"] for task in server.tasks(run_id)}
                self.assertEqual(set(told.values()), {"Completed"}, told)
                self.assertEqual(self.rows(server, run_id, pattern), told)
                ended = stopped_tasks(server.aws("ecs"), run_id)
                self.assertEqual({task_name_of(task): task["containers"][0]["exitCode"]
                                  for task in ended}, dict.fromkeys(told, 0))

    def test_of_a_failed_execution(self):
        server = self.serve(s3_copy_task=SLOW, task_monitor=FAILING)
        runs = self.hold_both(server)
        (self.folder / "fail").touch()
        self.check_last_words(server, runs, "Failed")

    def test_of_a_cancelled_run(self):
        server = self.serve(s3_copy_task=SLOW)
        runs = self.hold_both(server)
        for run_id in runs:
            self.assertEqual(server.call("POST", f"/workflows/{run_id}/cancel").status, 202)
        self.check_last_words(server, runs, "Cancelled")

    def test_that_never_comes(self):
        """A task that is killed before it could say how it ended: its row says what the run does."""
        server = self.serve(s3_copy_task=SLOW, task_monitor=FAILING)
        stop_within(server.aws("ecs"), 1)
        runs = self.hold_both(server)
        (self.folder / "fail").touch()
        for run_id, pattern in runs.items():
            with self.subTest(pattern=pattern):
                self.assertEqual(server.wait(run_id)["status"], "Failed")
                tasks = server.tasks(run_id)
                self.assertEqual({task["status"] for task in tasks}, {"Failed"})
                self.assertEqual({task["reason"]["class"] for task in tasks}, {"RunEnded"})
                self.assertEqual(self.rows(server, run_id, pattern),
                                 {task["taskName"]: "Failed" for task in tasks})
                self.assertEqual({task["containers"][0]["exitCode"] for task in
                                  stopped_tasks(server.aws("ecs"), run_id)}, {137})
