"""Another AWS than our own endpoint: moto, with worker processes, a signature check by botocore's
own signer and faults (aws_shim.py, outside this repository and optional). Holds what the stacks
would have made, under the names of the example specs, or nothing until something is deployed."""
import contextlib
import functools
import io
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
import zipfile

import boto3
import botocore.config

from tests.flow.server import BUILD, PATIENCE, ROOT, check_logs, clean_environment, spec

HERE = pathlib.Path(__file__).parent
SHIM = ROOT.parent / "shared" / "bench" / "aws_shim.py"
REGION = "us-east-1"
FUNCTIONS = {"TaskLauncherArn": "task-launcher", "TaskMonitorArn": "task-monitor"}
TABLES = {"Summary": "SN", "Details": "NS"}  # types of the two keys


@functools.cache
def find_python():
    """A python3 on PATH that has moto, or None."""
    for folder in os.get_exec_path():
        program = pathlib.Path(folder) / "python3"
        if os.access(program, os.X_OK):
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                if subprocess.run([program, "-c", "import moto, werkzeug"], timeout=PATIENCE,
                                  capture_output=True, check=False).returncode == 0:
                    return str(program)
    return None


def why_not():
    """Why there is no peer here, in one line; None if there is one."""
    if not SHIM.exists():
        return f"left out: no peer AWS to run against ({os.path.relpath(SHIM, ROOT)} is not there)"
    if not find_python():
        return "left out: no python3 on PATH has moto (python3 -m pip install 'moto[server]')"
    return None


def free_ports(count):
    """Ports nobody listens on; the peer takes numbers only."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def table_keys(value, which):
    """(table name, [(key, type), (key, type)]) of the Summary or Details table of a spec."""
    keys = [value[f"hashKeyWF{which}"], value[f"rangeKeyWF{which}"]]
    return value[f"ddbTableNameWF{which}"], list(zip(keys, TABLES[which]))


class Peer:
    """Start with start(), end with close().

    An empty one holds nothing at first; its functions run the programs of the zips deployed to it."""

    def __init__(self, *options, empty=False):
        self.empty = empty
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="stepfleet-peer-"))
        self.log_folder = self.folder / "log"
        self.options = list(options)
        self.process = self.url = self.clean_url = None
        self.subnets, self.group, self.machines = [], None, {}

    def start(self):
        """On ports that were free: where somebody took one meanwhile, on others."""
        end = time.monotonic() + PATIENCE
        while not self.start_once():
            if "Address already in use" not in self.read_log() or time.monotonic() > end:
                raise AssertionError(f"the peer did not start: {self.read_log()}")
        if not self.empty:
            self.make_all()
        return self

    def start_once(self):
        """False if it ended at once or did not become ready; the log tells why."""
        ports = free_ports(2)
        ready = self.folder / "ready.json"
        functions = [] if self.empty else [
            f"--lambda={name}={BUILD / name}" for name in FUNCTIONS.values()]
        with open(self.folder / "shim.log", "wb") as log:
            self.process = subprocess.Popen(
                [find_python(), HERE / "peer_shim.py", SHIM, "--port", str(ports[0]), "--clean-port",
                 str(ports[1]), "--ready-file", ready, "--log-dir", self.log_folder,
                 "--verify-sigv4", "all", "--task-exec", BUILD / "s3-copy-task", *functions,
                 *self.options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=clean_environment())
        end = time.monotonic() + PATIENCE
        while not ready.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                return False
            time.sleep(0.05)  # a file's coming: there is no event to await
        told = json.loads(ready.read_text())
        self.url, self.clean_url = told["endpoint"], told["clean"]
        return True

    def read_log(self):
        return (self.folder / "shim.log").read_text(errors="replace")[-4000:]

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        try:
            check_logs(self.folder)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    # --- what the stacks would have made ---------------------------------------------------------

    def aws(self, service):
        """A client beside the faults and the signature check."""
        return boto3.client(
            service, endpoint_url=self.clean_url, region_name=REGION, aws_access_key_id="test",
            aws_secret_access_key="test",
            config=botocore.config.Config(s3={"addressing_style": "path"}))

    def make_all(self):
        self.make_network()
        role = self.aws("iam").create_role(RoleName="stepfleet", AssumeRolePolicyDocument="{}")
        role = role["Role"]["Arn"]
        functions = self.make_functions(role)
        for pattern in (1, 2):
            value = spec(pattern)
            self.make_storage(value)
            self.make_machine(pattern, functions, role)
        self.make_tasks(value)

    def make_network(self):
        ec2 = self.aws("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        for i in range(2):
            subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{i}.0/24")
            self.subnets.append(subnet["Subnet"]["SubnetId"])
        group = ec2.create_security_group(GroupName="stepfleet", Description="tasks", VpcId=vpc)
        self.group = group["GroupId"]

    def make_functions(self, role):
        """The code is not used: the peer was told which programs to run."""
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("bootstrap", "")
        arns = {}
        for placeholder, name in FUNCTIONS.items():
            arns[placeholder] = self.aws("lambda").create_function(
                FunctionName=name, Runtime="provided.al2023", Handler="bootstrap", Role=role,
                Timeout=300, MemorySize=256, Code={"ZipFile": code.getvalue()})["FunctionArn"]
        return arns

    def make_storage(self, value):
        self.aws("s3").create_bucket(Bucket=value["s3BucketName"])
        for which in TABLES:
            name, keys = table_keys(value, which)
            self.aws("dynamodb").create_table(
                TableName=name,
                ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": type_}
                                      for key, type_ in keys],
                KeySchema=[{"AttributeName": key, "KeyType": kind}
                           for (key, _), kind in zip(keys, ("HASH", "RANGE"))])

    def make_machine(self, pattern, functions, role):
        path = ROOT / "infra" / "statemachines" / f"pattern-{pattern}.asl.json"
        definition = path.read_text()
        for placeholder, arn in functions.items():
            definition = definition.replace("${" + placeholder + "}", arn)
        self.machines[pattern] = self.aws("stepfunctions").create_state_machine(
            name=f"stepfleet-pattern-{pattern}", definition=definition,
            roleArn=role)["stateMachineArn"]

    def make_tasks(self, value):
        ecs = self.aws("ecs")
        ecs.create_cluster(clusterName=value["clusterName"])
        ecs.register_task_definition(
            family=value["taskDefinition"], networkMode="awsvpc", cpu="256", memory="512",
            requiresCompatibilities=["FARGATE"],
            containerDefinitions=[{"name": value["containerName"], "image": "s3-copy-task",
                                   "essential": True, "memory": 512}])

    # --- what a test needs -----------------------------------------------------------------------

    def spec(self, pattern, **changes):
        return spec(pattern, subnetIdLiteral=",".join(self.subnets), securityGroupId=self.group,
                    **changes)

    def options_for_server(self):
        return [f"--state-machine-{n}={arn}" for n, arn in self.machines.items()]

    def environment_for(self, who):
        """What an AWS client needs to talk to this peer; `who` is what its requests are told by."""
        keys = self.ask("creds", {"who": who})
        return {"AWS_ENDPOINT_URL": self.url, "AWS_REGION": REGION,
                "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
                "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
                "AWS_SESSION_TOKEN": keys["Token"]}

    def environment_for_server(self):
        return self.environment_for("server")

    def ask(self, what, body=None):
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"{self.clean_url}/_shim/{what}", data, PATIENCE) as answer:
            return json.load(answer)

    def set_faults(self, *rules):
        self.ask("faults", {"rules": rules})

    def requests(self):
        """What came in by the port of workers and server, one dict a request."""
        lines = (self.log_folder / "requests.jsonl").read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]  # one may be half written
