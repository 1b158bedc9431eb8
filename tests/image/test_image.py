"""The built images, run as ECS and Fargate run them. tests/image/test-image.sh starts the engine."""
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest

from tests.flow.server import PATIENCE, Server, spec
from tests.flow.truth import Truth

TASK, CONTROL_PLANE = "test/s3-copy-task", "test/stepfleet"
LOCKED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
DOCKER = shutil.which("docker")
ENGINE = {name: os.environ[name] for name in ("DOCKER_HOST", "DOCKER_CONFIG")}

# In place of the task program: the image, with the environment that ECS gives a container.
RUN_IMAGE = f"""
for name in $(env | cut -d= -f1 | grep -vx -e PATH -e PWD -e OLDPWD -e SHLVL -e _); do
    set -- "$@" -e "$name"
done
export {" ".join(f"{name}={value}" for name, value in ENGINE.items())}
exec {DOCKER} run --rm --network host {" ".join(LOCKED)} -m 64m "$@" {TASK}
"""


def docker(*arguments):
    return subprocess.run([DOCKER, *arguments], capture_output=True, text=True, check=True).stdout


def inspect(thing, kind="image"):
    return json.loads(docker(kind, "inspect", thing))[0]


class TaskImage(unittest.TestCase):
    def test_holds_the_program_and_certificates_and_nothing_else(self):
        image = inspect(TASK)
        self.assertLess(image["Size"], 6_000_000)
        self.assertRegex(image["Config"]["User"], r"^[1-9]\d*:[1-9]\d*$")
        with tempfile.TemporaryFile() as saved:
            subprocess.run([DOCKER, "save", TASK], stdout=saved, check=True)
            saved.seek(0)
            self.assertEqual(self.files_of(saved),
                             {"s3-copy-task", "etc/ssl/certs/ca-certificates.crt"})

    def files_of(self, saved):
        """Names of all files in all layers."""
        files = set()
        with tarfile.open(fileobj=saved) as archive:
            manifest = json.load(archive.extractfile("manifest.json"))
            for layer in manifest[0]["Layers"]:
                with tarfile.open(fileobj=archive.extractfile(layer)) as content:
                    files |= {entry.name for entry in content if not entry.isdir()}
        return files

    def test_tells_what_is_missing_when_it_is_not_a_task(self):
        done = subprocess.run([DOCKER, "run", "--rm", "--network", "none", *LOCKED, TASK],
                              capture_output=True, text=True, check=False)
        self.assertNotIn(done.returncode, (0, 125, 126, 127), done.stderr)
        self.assertIn("ECS_CONTAINER_METADATA_URI_V4", done.stderr)

    def open_server(self):
        """A server whose tasks are containers of the image."""
        server = Server()
        self.addCleanup(server.close)
        server.use_workers(**{"s3-copy-task": RUN_IMAGE})
        return server.start()

    def test_does_the_work_of_both_patterns(self):
        server = self.open_server()
        truth = Truth(self, server)
        for pattern in (1, 2):
            run = server.wait(server.accept(spec(pattern), pattern))
            self.assertEqual(run["status"], "Completed", run)
            truth.check(run["workflowRunId"])
            self.assertEqual({task["exitCode"] for task in server.tasks(run["workflowRunId"])}, {0})

    def test_fails_when_there_is_no_such_object(self):
        server = self.open_server()
        value = spec(1)
        value["taskList"] = value["taskList"][:2]
        value["taskList"][1]["objectKey"] = "input/missing.bin"
        run_id = server.accept(value, 1)
        self.assertEqual(server.wait(run_id)["status"], "Failed")
        good, bad = server.tasks(run_id)
        self.assertEqual((good["status"], good["exitCode"]), ("Completed", 0))
        self.assertEqual(bad["status"], "Failed")
        self.assertNotIn(bad["exitCode"], (None, 0, 125, 126, 127), bad)


# Sends one request from inside a container's network: it has no other address than its loopback.
REQUEST = """
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=60)
connection.request(sys.argv[1], sys.argv[2], sys.argv[3] or None, {"Content-Type": "application/json"})
reply = connection.getresponse()
print(reply.status)
sys.stdout.write(reply.read().decode())
"""


class ControlPlaneImage(unittest.TestCase):
    """Run as shipped: port 8080 and /data, in a network of its own."""

    @classmethod
    def setUpClass(cls):
        cls.container = docker("run", "-d", "--network", "none", *LOCKED, "--health-interval", "1s",
                               CONTROL_PLANE, "serve", "--local").strip()
        cls.addClassCleanup(docker, "rm", "-f", "-v", cls.container)
        cls.pid = inspect(cls.container, "container")["State"]["Pid"]
        cls.wait(lambda: "listening" in docker("logs", cls.container))

    @classmethod
    def wait(cls, until):
        """Polls: the engine has no event to await for these."""
        end = time.monotonic() + PATIENCE
        while not until():
            state = inspect(cls.container, "container")["State"]
            if not state["Running"] or time.monotonic() > end:
                log = subprocess.run([DOCKER, "logs", cls.container], capture_output=True, text=True,
                                     check=False)
                raise AssertionError(f"it did not get there: {state}\n{log.stdout}{log.stderr}")
            time.sleep(0.1)

    def call(self, method, path, body=""):
        done = subprocess.run(
            ["nsenter", "-t", str(self.pid), "-n", sys.executable, "-c", REQUEST, method, path, body],
            capture_output=True, text=True, check=True)
        status, _, text = done.stdout.partition("\n")
        return int(status), json.loads(text)

    def test_says_how_it_is_to_be_run(self):
        config = inspect(CONTROL_PLANE)["Config"]
        self.assertRegex(config["User"], r"^[1-9]\d*:[1-9]\d*$")
        self.assertEqual(config["Healthcheck"]["Test"], ["CMD", "/usr/local/bin/stepfleet", "ping"])
        self.assertEqual(list(config["ExposedPorts"]), ["8080/tcp"])
        self.assertEqual(list(config["Volumes"]), ["/data"])
        self.assertIn("STEPFLEET_LISTEN=0.0.0.0:8080", config["Env"])
        self.assertIn("STEPFLEET_DATA=/data", config["Env"])

    def test_answers_and_is_nobody_of_power(self):
        self.assertEqual(self.call("GET", "/livez"), (200, {"status": "ok"}))
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            facts = dict(line.rstrip().split(":\t", 1) for line in status)
        self.assertNotIn("0", facts["Uid"].split())
        self.assertEqual(int(facts["CapEff"], 16), 0)

    def test_turns_healthy(self):
        self.wait(lambda: inspect(self.container, "container")["State"]["Health"]["Status"] == "healthy")

    def test_its_workers_do_both_patterns(self):
        for pattern in (1, 2):
            status, run = self.call("POST", f"/workflows?pattern={pattern}", json.dumps(spec(pattern)))
            self.assertEqual(status, 202, run)
            path = f"/workflows/{run['workflowRunId']}"
            self.wait(lambda: self.call("GET", path)[1]["endedAt"])
            self.assertEqual(self.call("GET", path)[1]["status"], "Completed")


if __name__ == "__main__":
    unittest.main()
