"""A server behind a proxy, the runs it accepted, and the question whether the invariant holds."""
import http.client
import pathlib
import shutil
import time

from tests.faults.invariant import Invariant
from tests.faults.processes import Processes
from tests.faults.proxy import Proxy
from tests.flow.server import BUILD, PATIENCE, Server, spec

TASKS = 4
# A task that says Running and then holds for longer than any round lasts.
HOLD = f"STEPFLEET_HOLD_SECONDS=600 exec {BUILD}/s3-copy-task\n"


class World:
    def __init__(self, seed=0, **options):
        self.proxy = Proxy(seed)
        self.processes = Processes(self.proxy.url)
        self.server = Server("--aws-advertise", self.proxy.url, **options)
        self.accepted = {}  # run id -> spec
        self.tasks = TASKS
        self.closers = []

    def start(self):
        self.server.start()
        self.proxy.set_target(self.server.aws_url)
        return self

    def kill(self):
        """kill -9 of the server; nothing that it started lives on."""
        self.proxy.set_target(None)
        self.server.kill()
        end = time.monotonic() + PATIENCE
        while self.processes.all():
            if time.monotonic() > end:
                raise AssertionError(f"workers survive their server: {self.processes.all()}")
            time.sleep(0.01)  # polling the process table

    def spec(self, pattern):
        """The example spec with its first tasks, looked after every second."""
        tasks = spec(pattern)["taskList"][:self.tasks]
        return spec(pattern, taskList=tasks, monitorIntervalSeconds=1)

    def submit(self, pattern):
        """Submits a run that must be accepted; returns its id."""
        value = self.spec(pattern)
        run_id = self.server.accept(value, pattern)
        self.accepted[run_id] = value
        return run_id

    def try_submit(self, pattern, key):
        """Submits under a key while the server may die; accepted or not, asking again is safe."""
        value = self.spec(pattern)
        try:
            answer = self.server.submit(value, pattern, Idempotency_Key=key)
        except (OSError, http.client.HTTPException):
            return None
        if answer.status != 202:
            return None
        run_id = answer.json()["workflowRunId"]
        self.accepted[run_id] = value
        return run_id

    def wait(self):
        return [self.server.wait(run_id) for run_id in self.accepted]

    def check(self):
        """Waits for all runs; raises Broken if the invariant does not hold."""
        runs = self.wait()
        Invariant(self.server, self.server.aws, self.proxy.calls).check(self.accepted)
        return runs

    def keep(self, folder):
        """Ends all and keeps the data folder, the logs and the list of calls for a look."""
        if self.server.process and self.server.process.poll() is None:
            self.kill()
        folder = pathlib.Path(folder)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.server.folder, folder)
        lines = [f"{c.name} {c.path} port {c.port} fault {c.fault or '-'} status {c.status}"
                 f" carried_out {c.carried_out} answered {c.answered}" for c in self.proxy.calls]
        (folder / "calls.log").write_text("\n".join(lines) + "\n")

    def close(self):
        self.proxy.rules = []
        try:
            self.server.close()
        finally:
            self.proxy.close()
            for close in self.closers:
                close()
                shutil.rmtree(self.server.folder, ignore_errors=True)
