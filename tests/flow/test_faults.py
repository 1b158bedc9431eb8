"""Workers, tasks, tables and executions that go wrong: every run ends, with the truth and a reason."""
import os
import pathlib
import shutil
import signal
import tempfile
import unittest

from tests.flow.server import BUILD, Server, spec

# A task that says Running and then holds for longer than any test lasts.
HOLD = f"STEPFLEET_HOLD_SECONDS=600 exec {BUILD}/s3-copy-task\n"
# One that does not listen to SIGTERM.
DEAF = "trap '' TERM; while :; do sleep 60; done\n"


def few(pattern, **changes):
    """The example spec with its first two tasks only, looked after every second."""
    tasks = spec(pattern)["taskList"][:2]
    return spec(pattern, taskList=tasks, **{"monitorIntervalSeconds": 1, **changes})


def task_processes(server):
    """Process ids of the tasks that this server runs."""
    mark = f"AWS_ENDPOINT_URL={server.aws_url}".encode()
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and b"s3-copy-task" in (entry / "cmdline").read_bytes() \
                    and mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            pass  # it has just ended
    return found


class Faults(unittest.TestCase):
    def serve(self, **scripts):
        """A server with some of its workers replaced by shell scripts."""
        server = Server()
        self.addCleanup(server.close)
        if scripts:
            server.use_workers(**{name.replace("_", "-"): text for name, text in scripts.items()})
        return server.start()

    def submit_both(self, server, **changes):
        return {server.accept(few(p, **changes), p): p for p in (1, 2)}

    def hold_both(self, server, **changes):
        """Runs of both patterns whose two tasks have their Running rows and hold."""
        runs = self.submit_both(server, **changes)
        for run_id in runs:
            server.wait(run_id, until=lambda run: run["tasks"]["running"] == 2)
        return runs

    def check_end(self, server, run_id, status, reason, task_status=None, task_reason=""):
        run = server.wait(run_id)
        self.assertEqual(run["status"], status, run)
        self.assertRegex(run["reason"], reason)
        for task in server.tasks(run_id):
            self.assertEqual(task["status"], task_status or status, task)
            self.assertRegex(str(task["stoppedReason"]), task_reason or reason)
        left = server.aws("ecs").list_tasks(cluster="stepfleet", desiredStatus="RUNNING",
                                            startedBy=f"stepfleet-{run_id}")["taskArns"]
        self.assertEqual(left, [])

    def check_both(self, server, runs, *what):
        for run_id, pattern in runs.items():
            with self.subTest(pattern=pattern):
                self.check_end(server, run_id, *what)

    def test_task_that_exits_without_a_row(self):
        for script, reason in (("exit 3\n", "ended with exit code 3"),
                               ("exit 0\n", "exit code 0 but left no final row"),
                               ("kill -9 $$\n", r"killed by signal 9 \(exit code 137\)")):
            with self.subTest(script=script):
                server = self.serve(s3_copy_task=script)
                self.check_both(server, self.submit_both(server), "Failed", reason)

    def test_task_that_cannot_be_executed(self):
        server = self.serve(s3_copy_task="")
        (server.workers / "s3-copy-task").write_text("#!/nowhere/sh\n")
        self.check_both(server, self.submit_both(server), "Failed", "never ran: .*cannot execute")

    def test_task_that_is_killed_after_its_running_row(self):
        server = self.serve(s3_copy_task=HOLD)
        runs = self.hold_both(server)
        for pid in task_processes(server):
            os.kill(pid, signal.SIGKILL)
        self.check_both(server, runs, "Failed", r"killed by signal 9 \(exit code 137\)")

    def test_task_that_takes_too_long(self):
        server = self.serve(s3_copy_task=HOLD)
        self.check_both(server, self.submit_both(server, taskTimeoutSeconds=2), "Failed",
                        r"the task ran longer than taskTimeoutSeconds \(2\)")

    def test_task_that_takes_too_long_and_does_not_listen(self):
        server = self.serve(s3_copy_task=DEAF)
        self.check_both(server, self.submit_both(server, taskTimeoutSeconds=1), "Failed",
                        r"the task ran longer than taskTimeoutSeconds \(1\)")

    def test_run_that_takes_too_long(self):
        server = self.serve(s3_copy_task=HOLD)
        self.check_both(server, self.submit_both(server, runTimeoutSeconds=3), "Failed",
                        r"the run took longer than runTimeoutSeconds \(3\)")

    def test_run_whose_time_is_up_before_its_tasks_are_started(self):
        """Pattern 2 launches from the state machine, which must know when it is too late."""
        tasks = [{"taskName": f"task-{i}", "objectKey": "input/sample.bin"} for i in range(101)]
        reason = r"the run took longer than runTimeoutSeconds \(1\)"
        for count in (2, 101):  # an inline Map, a Distributed Map
            with self.subTest(tasks=count):
                server = self.serve(task_monitor=f"sleep 2; exec {BUILD}/task-monitor\n")
                run_id = server.accept(spec(2, taskList=tasks[:count], monitorIntervalSeconds=1,
                                            runTimeoutSeconds=1), 2)
                self.check_end(server, run_id, "Failed", reason, "Failed",
                               reason + "; there is no trace that this task was started")
                self.assertEqual(server.run(run_id)["tasks"]["failed"], count)
                self.assertEqual({task["reason"]["class"] for task in server.tasks(run_id)},
                                 {"TimedOut"})
                started = server.aws("ecs").list_tasks(
                    cluster="stepfleet", desiredStatus="STOPPED",
                    startedBy=f"stepfleet-{run_id}")["taskArns"]
                self.assertEqual(started, [])

    def test_task_that_is_stopped_by_hand(self):
        server = self.serve(s3_copy_task=HOLD)
        ecs = server.aws("ecs")
        runs = self.hold_both(server)
        for run_id in runs:
            for arn in ecs.list_tasks(cluster="stepfleet",
                                      startedBy=f"stepfleet-{run_id}")["taskArns"]:
                ecs.stop_task(cluster="stepfleet", task=arn, reason="enough of it")
        self.check_both(server, runs, "Failed", "stopped by SIGTERM", "Cancelled")

    def test_execution_that_is_stopped_by_hand(self):
        server = self.serve(s3_copy_task=HOLD)
        runs = self.hold_both(server)
        for run_id in runs:
            server.aws("stepfunctions").stop_execution(
                executionArn=server.run(run_id)["execution"]["arn"], error="Operator",
                cause="not needed any more")
        self.check_both(server, runs, "Cancelled", "Operator: not needed any more", "Cancelled",
                        "the run was cancelled before|stopped by SIGTERM")

    def test_table_that_is_deleted(self):
        for table in ("summary", "details"):
            with self.subTest(table=table):
                server = self.serve(s3_copy_task=HOLD)
                runs = self.hold_both(server)
                for pattern in runs.values():
                    server.aws("dynamodb").delete_table(
                        TableName=f"workflow_{table}_pattern_{pattern}")
                # The summary row is written when there is news: here is some.
                for pid in task_processes(server) if table == "summary" else ():
                    os.kill(pid, signal.SIGKILL)
                self.check_both(server, runs, "Failed", f"workflow_{table}_pattern_. not found",
                                "Failed", ".")

    def test_table_that_was_never_there(self):
        for table in ("Summary", "Details"):
            with self.subTest(table=table):
                server = self.serve()
                runs = self.submit_both(server, **{f"ddbTableNameWF{table}": "nowhere"})
                self.check_both(server, runs, "Failed", "nowhere not found", "Failed", ".")

    def test_launcher_that_dies_at_its_start(self):
        server = self.serve(task_launcher="exit 1\n")
        run_id = server.accept(few(1), 1)
        self.check_end(server, run_id, "Failed", "Runtime.ExitError", "Failed",
                       "no final audit row")

    def test_monitor_that_dies_at_its_start(self):
        """It does so when the tasks are done, or some of its attempts would come before their rows."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="stepfleet-flow-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        server = self.serve(
            task_launcher=f"touch {folder}/launching\nexec {BUILD}/task-launcher\n",
            s3_copy_task=f"{BUILD}/s3-copy-task\ncode=$?\ntouch {folder}/$task_name.done\nexit $code\n",
            # Eight seconds at most: with ten, it would be taken for one that hangs.
            task_monitor=f"cd {folder}\nfor i in $(seq 80); do\n"
                         "[ ! -e launching ] || [ $(ls | grep -c done) = 2 ] || sleep 0.1\ndone\n"
                         "exit 1\n")
        runs = self.submit_both(server)
        for run_id, pattern in runs.items():
            with self.subTest(pattern=pattern):
                # Only the launcher of pattern 1 can start tasks, and they do their work.
                self.check_end(server, run_id, "Failed", "could not be closed .Runtime.ExitError",
                               "Completed" if pattern == 1 else "Failed",
                               "^None$" if pattern == 1 else "no final audit row")
