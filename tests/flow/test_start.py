"""Commands, settings, and what a server says that cannot start; how one ends."""
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import unittest

from tests.flow.server import (
    BUILD, PATIENCE, PROGRAM, ROOT, Server, at_once, clean_environment, find_report, spec)


def run(*words, environment=None):
    done = subprocess.run([PROGRAM, *words], env=clean_environment(**(environment or {})),
                          capture_output=True, text=True, timeout=PATIENCE, check=False)
    if find_report(done.stderr):  # a code of its own hides among expected failures
        raise AssertionError(done.stderr)
    return done


class Commands(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="stepfleet-flow-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def write(self, value):
        path = self.folder / "spec.json"
        path.write_text(value if isinstance(value, str) else json.dumps(value))
        return str(path)

    def test_help_and_version(self):
        self.assertEqual(run("--help").returncode, 0)
        self.assertIn("--listen", run("serve", "--help").stdout)
        self.assertRegex(run("--version").stdout, r"^stepfleet \d+\.\d+\.\d+\n$")
        for words in ((), ("dance",), ("serve", "--nope"), ("serve", "extra"), ("check",)):
            with self.subTest(words=words):
                done = run(*words)
                self.assertEqual(done.returncode, 2)
                self.assertTrue(done.stderr.startswith("stepfleet: "), done.stderr)

    def test_check(self):
        for pattern in (1, 2):
            self.assertEqual(run("check", str(ROOT / "specs" / f"pattern-{pattern}.json")).returncode, 0)
        done = run("check", self.write(spec(1, taskList=[])))
        self.assertEqual(done.returncode, 1)
        self.assertIn("/taskList", done.stderr)
        self.assertEqual(run("check", self.write("{")).returncode, 1)
        self.assertIn("line 1", run("check", self.write("{")).stderr)
        self.assertEqual(run("check", self.write(spec(1)), "--pattern", "3").returncode, 2)
        self.assertEqual(run("check", str(self.folder / "none.json")).returncode, 2)
        done = run("check", self.write(" " * (16 * 1024 * 1024 + 1)))
        self.assertEqual(done.returncode, 1)
        self.assertIn("larger than 16777216 bytes", done.stderr)

    def test_check_knows_local_mode(self):
        short = self.write({"workflowName": "copy_pattern_2",
                            "taskList": [{"taskName": "a", "objectKey": "k"}]})
        self.assertEqual(run("check", short).returncode, 1)
        done = run("check", "--local", short)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("pattern 2", done.stdout)

    def test_config_tells_origin_and_hides_secrets(self):
        done = run("config", "--data", "/tmp/d", environment={
            "STEPFLEET_LISTEN": "127.0.0.1:1", "AWS_SECRET_ACCESS_KEY": "hush-hush"})
        lines = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines()}
        self.assertEqual(lines["STEPFLEET_DATA"], ["/tmp/d", "flag"])
        self.assertEqual(lines["STEPFLEET_LISTEN"], ["127.0.0.1:1", "environment"])
        self.assertEqual(lines["STEPFLEET_AWS_LISTEN"], ["127.0.0.1:4566", "default"])
        self.assertNotIn("hush", done.stdout)


class Refusals(unittest.TestCase):
    """Each ends with one clear sentence and a code that is not zero."""

    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.close)

    def refused(self, *words, says):
        done = run("serve", *words)
        self.assertNotEqual(done.returncode, 0)
        lines = [line for line in done.stderr.splitlines() if line.startswith("stepfleet: ")]
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertIn(says, lines[0])
        self.assertNotIn("listening", done.stdout)

    def local(self, *words, says, data=None):
        free = ["--listen", "127.0.0.1:0", "--aws-listen", "127.0.0.1:0"]
        self.refused("--local", *free, "--data", str(data or self.server.data), *words, says=says)

    def test_port_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            self.local("--listen", address, says="in use")
            self.local("--aws-listen", address, says="in use")

    def test_proxy_that_is_no_url(self):
        for bad in ("127.0.0.1:4566", "http://127.0.0.1/path", "http://"):
            self.local("--aws-advertise", bad, says="--aws-advertise (STEPFLEET_AWS_ADVERTISE)")

    def test_data_folder_that_cannot_be_used(self):
        self.local(says="data folder", data="/proc/none")
        file = self.server.folder / "file"
        file.write_text("")
        self.local(says="data folder", data=file)

    def test_missing_worker(self):
        self.local("--workers", str(self.server.folder), says="task-launcher is missing")

    def test_no_state_machine_without_local(self):
        self.refused("--data", str(self.server.data), "--listen", "127.0.0.1:0",
                     says="--state-machine-1")
        self.refused("--data", str(self.server.data), "--listen", "127.0.0.1:0",
                     "--state-machine-2", "pattern-2", says="--state-machine-2")

    def test_two_servers_on_one_folder(self):
        self.server.start()
        self.local(says="in use by another stepfleet")

    def test_damaged_and_newer_databases(self):
        self.server.start()
        self.server.stop()
        database = self.server.data / "stepfleet.db"
        good = database.read_bytes()
        with sqlite3.connect(database) as connection:
            connection.execute("PRAGMA user_version = 9999")
        connection.close()
        self.local(says="newer")
        database.write_bytes(os.urandom(len(good)))
        self.local(says="stepfleet.db")
        shutil.rmtree(self.server.data)

    def test_workers_are_found_beside_the_program(self):
        self.assertTrue((BUILD / "task-launcher").exists())


class Ending(unittest.TestCase):
    def end_in_order(self, how):
        """Ends a server that has a run, and looks what became of that; returns how long it took."""
        server = Server().start()
        try:
            run_id = server.accept(spec(1), 1)
            code, seconds = server.stop(how)
            self.assertEqual(code, 0)
            server.start()
            self.assertIn(server.wait(run_id)["status"], ("Completed", "Failed"))
        finally:
            server.close()
        return seconds

    def test_signals_end_it_in_order_within_five_seconds(self):
        for how in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=how.name):
                at_once(5, lambda how=how: self.end_in_order(how))

    def test_signals_end_it_while_it_waits_for_credentials(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="stepfleet-flow-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        (folder / "login").write_text(f"echo begun > {folder}/fifo\nexec sleep 600\n")
        (folder / "config").write_text(f"[default]\ncredential_process = sh {folder}/login\n")
        os.mkfifo(folder / "fifo")
        for how in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=how.name):
                server = subprocess.Popen(
                    [PROGRAM, "serve", "--listen", "127.0.0.1:0", "--data", folder / "data",
                     "--state-machine-1", "arn:aws:states:us-east-1:111122223333:stateMachine:m"],
                    env=clean_environment(AWS_REGION="us-east-1", HOME=str(folder),
                                          AWS_CONFIG_FILE=str(folder / "config")),
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                try:
                    self.assertEqual((folder / "fifo").read_text(), "begun\n")
                    server.send_signal(how)
                    out, log = server.communicate(timeout=45)  # the command would be given 60
                finally:
                    server.kill()
                    server.wait()
                self.assertEqual((server.returncode, out), (0, ""), log)
                self.assertIn("stopped while it started", log)
