"""Why tasks failed, as REST tells it: class, sentence, remedy, and equal failures as one line."""
import os
import signal
import socket
import unittest

from tests.faults.processes import Processes
from tests.flow.server import BUILD, PATIENCE, Server
from tests.flow.test_faults import HOLD, few

# The first of two tasks is killed, the second one reports a copy that ends well.
HALF = f'case "$task_name" in task-01) kill -9 $$ ;; esac\nexec {BUILD}/s3-copy-task\n'


class Verdict(unittest.TestCase):
    def serve(self, **scripts):
        server = Server()
        self.addCleanup(server.close)
        if scripts:
            server.use_workers(**{name.replace("_", "-"): text for name, text in scripts.items()})
        return server.start()

    def check(self, server, run_id, reason, sentence, count, exit_code):
        """All failed tasks of the run tell this reason, alone and grouped."""
        run = server.wait(run_id)
        self.assertEqual(run["status"], "Failed", run)
        self.assertIn(f"{count} x {reason}: ", run["reason"])
        self.assertIn(f"{count} x {reason}: ", run["execution"]["cause"])
        self.assertEqual(run["execution"]["error"], "Stepfleet.TasksFailed")
        failed = server.get(f"/workflows/{run_id}/tasks?reason={reason.lower()}").json()["items"]
        self.assertEqual(len(failed), count, failed)
        for task in failed:
            self.assertEqual(task["reason"]["class"], reason)
            self.assertRegex(task["reason"]["sentence"], sentence)
            self.assertTrue(task["reason"]["remedy"])
        answer = server.get(f"/workflows/{run_id}/failures").json()
        self.assertEqual(answer["total"], count, answer)
        self.assertEqual(len(answer["failures"]), 1, answer)
        group = answer["failures"][0]
        self.assertEqual({**failed[0]["reason"], "count": count, "exitCode": exit_code,
                          "tasks": [task["taskName"] for task in failed]},
                         {name: group[name] for name in
                          ("class", "sentence", "remedy", "count", "exitCode", "tasks")})
        self.assertEqual(group["firstAt"], min(task["updateTime"] for task in failed))
        return failed

    def check_both(self, server, changes, *what):
        runs = {server.accept(few(p, **changes), p): p for p in (1, 2)}
        for run_id, pattern in runs.items():
            with self.subTest(pattern=pattern):
                self.check(server, run_id, *what)

    def test_task_that_is_killed(self):
        server = self.serve(s3_copy_task="kill -9 $$\n")
        self.check_both(server, {}, "Killed", r"^The task was killed \(exit code 137\)", 2, 137)

    def test_task_that_exits_with_an_error(self):
        server = self.serve(s3_copy_task="exit 3\n")
        self.check_both(server, {}, "ExitCode", r"ended with an error \(exit code 3\)", 2, 3)

    def test_task_that_cannot_start(self):
        server = self.serve(s3_copy_task="")
        (server.workers / "s3-copy-task").write_text("#!/nowhere/sh\n")
        self.check_both(server, {}, "ImagePull",
                        "^The container image could not be pulled: CannotPullContainerError", 2, None)

    def test_task_whose_object_is_not_there(self):
        server = self.serve()
        for pattern in (1, 2):
            with self.subTest(pattern=pattern):
                value = few(pattern)
                for task in value["taskList"]:
                    task["objectKey"] = "not/there"
                self.check(server, server.accept(value, pattern), "S3NotFound",
                           "^S3 does not have what was to be copied .*NoSuchKey", 2, 1)

    def test_task_that_takes_too_long(self):
        server = self.serve(s3_copy_task=HOLD)
        self.check_both(server, {"taskTimeoutSeconds": 1}, "TimedOut", "taskTimeoutSeconds", 2, None)

    def test_task_that_runs_out_of_memory(self):
        """Processes have no memory limit here: the row says what ECS would have told."""
        server = self.serve(s3_copy_task=HOLD)
        for pattern in (1, 2):
            with self.subTest(pattern=pattern):
                value = few(pattern)
                run_id = server.accept(value, pattern)
                server.wait(run_id, until=lambda run: run["tasks"]["running"] == 2)
                for task in server.tasks(run_id):
                    server.aws("dynamodb").update_item(
                        TableName=value["ddbTableNameWFDetails"],
                        Key={"workflow_run_id": {"N": str(run_id)},
                             "ecs_task_id": {"S": task["ecsTaskId"]}},
                        UpdateExpression="SET #s = :s, stopped_reason = :r, exit_code = :e,"
                                         " stop_code = :c, update_time = :t",
                        ExpressionAttributeNames={"#s": "status"},
                        ExpressionAttributeValues={
                            ":s": {"S": "Failed"}, ":e": {"N": "137"},
                            ":c": {"S": "EssentialContainerExited"}, ":t": {"S": task["updateTime"]},
                            ":r": {"S": "OutOfMemoryError: Container killed due to memory usage"}})
                self.check(server, run_id, "OutOfMemory",
                           r"^The task ran out of memory and was killed \(exit code 137\)", 2, 137)

    def test_only_those_that_failed_have_a_reason(self):
        server = self.serve(s3_copy_task=HALF)
        for pattern in (1, 2):
            with self.subTest(pattern=pattern):
                run_id = server.accept(few(pattern), pattern)
                self.check(server, run_id, "Killed", "killed", 1, 137)
                reasons = {task["taskName"]: task["reason"] for task in server.tasks(run_id)}
                self.assertIsNone(reasons["task-02"])

    def test_tasks_tell_their_way_to_the_start(self):
        server = self.serve()
        for pattern in (1, 2):
            run_id = server.accept(few(pattern), pattern)
            self.assertEqual(server.wait(run_id)["status"], "Completed")
            for task in server.tasks(run_id):
                with self.subTest(pattern=pattern, task=task["taskName"]):
                    way = [task[name] for name in ("createdAt", "pullStartedAt", "pullStoppedAt",
                                                   "containerStartedAt")]
                    self.assertNotIn(None, way)
                    self.assertEqual(way, sorted(way))

    def test_what_is_asked_for_must_be_known(self):
        server = self.serve()
        run_id = server.accept(few(1), 1)
        self.assertEqual(server.get(f"/workflows/{run_id}/tasks?reason=nonsense").status, 400)
        self.assertEqual(server.get("/workflows/1/failures").status, 404)
        server.wait(run_id)
        self.assertEqual(server.get(f"/workflows/{run_id}/failures").json(),
                         {"failures": [], "total": 0})

    def test_task_that_is_stopped_while_it_waits_for_credentials(self):
        """It has not written a row yet; the signal must end it all the same, and at once."""
        silent = socket.create_server(("127.0.0.1", 0))  # takes connections and never answers
        self.addCleanup(silent.close)
        silent.settimeout(PATIENCE)
        server = self.serve(s3_copy_task=(
            "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN\n"
            f"export AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:{silent.getsockname()[1]}/\n"
            f"exec {BUILD}/s3-copy-task\n"))
        run_id = server.accept(few(1), 1)
        processes, ended = Processes(server.aws_url), set()
        while len(ended) < 2:  # each as soon as it waits: it gives up after some seconds
            connection, (_, port) = silent.accept()
            self.addCleanup(connection.close)
            if (found := processes.at(port)) and found[0] not in ended:
                os.kill(found[0], signal.SIGTERM)
                ended.add(found[0])
        run = server.wait(run_id)
        self.assertEqual(run["status"], "Failed", run)
        for task in server.tasks(run_id):
            self.assertEqual(task["exitCode"], 143, task)
            self.assertEqual(task["reason"]["class"], "Killed")


if __name__ == "__main__":
    unittest.main()
