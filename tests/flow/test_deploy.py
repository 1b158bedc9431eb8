"""infra/deploy.sh and destroy.sh: the whole way on the peer AWS, and what they refuse to begin."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest
import zipfile

from tests.flow.peer import REGION, Peer, why_not
from tests.flow.server import BUILD, ROOT, Server, clean_environment, spec
from tests.flow.truth import Truth

INFRA = ROOT / "infra"
FUNCTIONS = ("task-launcher", "task-monitor")
PATIENCE = 900
# What a script may call before it has begun; whatever else is a change.
QUESTIONS = ("sts get-caller-identity", "s3api head-", "cloudformation describe-", "ecr describe-",
             "configure get", "s3api get-bucket-tagging", "dynamodb list-tags")


def find_zips(folder):
    """Where the zips to deploy are: named by the environment, made by make dist, or made here."""
    named = pathlib.Path(os.environ.get("STEPFLEET_DIST", ROOT / "dist")).absolute()
    if all((named / f"{name}.zip").exists() for name in FUNCTIONS):
        return str(named)
    return str(make_zips(folder))


def make_zips(folder):
    """Zips of the workers as they were built for the tests; make dist links them statically."""
    folder.mkdir()
    for name in FUNCTIONS:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o100755 << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
            archive.writestr(entry, (BUILD / name).read_bytes(), compresslevel=1)
    return folder


class Scripts:
    """Runs the scripts with an environment of its own; their files go to a temporary folder."""

    def __init__(self, path="/usr/bin:/bin", **environment):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="stepfleet-deploy-"))
        self.outputs = self.folder / "outputs.json"
        self.specs = self.folder / "specs"
        self.environment = {
            "PATH": path, "HOME": str(self.folder), "OUTPUTS_FILE": str(self.outputs),
            "SPECS_DIR": str(self.specs), "IMAGE": "local/s3-copy-task",
            "CONTROL_PLANE_IMAGE": "local/stepfleet", "AWS_EC2_METADATA_DISABLED": "true",
            "STEPFLEET_DIST": find_zips(self.folder / "dist"), **environment}

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, name, *options, **changes):
        """Exit code and what was printed. A change to None takes a variable away."""
        environment = {k: v for k, v in {**self.environment, **changes}.items() if v is not None}
        done = subprocess.run([INFRA / name, *options], cwd=self.folder, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              env={**clean_environment(), **environment}, timeout=PATIENCE)
        return done.returncode, done.stdout


def why_not_here():
    """The scripts are no compiled code, and a run of them is long: once is enough."""
    if BUILD.name in ("build-address", "build-thread"):
        return "left out: what is deployed is the plain build"
    return why_not()


@unittest.skipIf(why_not_here(), why_not_here())
class OnThePeer(unittest.TestCase):
    def setUp(self):
        self.peer = Peer(empty=True)
        self.addCleanup(self.peer.close)
        self.peer.start()
        self.scripts = Scripts(**self.peer.environment_for("deploy"))
        self.addCleanup(self.scripts.close)

    def run_script(self, name, *options):
        """Must end well; returns what it printed and the calls that changed something."""
        before = len(self.peer.requests())
        code, text = self.scripts.run(name, *options)
        self.assertEqual(code, 0, text)
        calls = [request["op"] for request in self.peer.requests()[before:]
                 if request["who"] == "driver:deploy"]
        questions = ("Get", "Head", "List", "Describe")
        return text, [op for op in calls if not op.split(".")[1].startswith(questions)]

    def holdings(self):
        """Everything that the stacks can leave behind, by name."""
        aws = self.peer.aws
        clusters = aws("ecs").describe_clusters(clusters=aws("ecs").list_clusters()["clusterArns"])
        vpcs = aws("ec2").describe_vpcs(Filters=[{"Name": "is-default", "Values": ["false"]}])
        return {
            "stacks": [s["StackName"] for s in aws("cloudformation").describe_stacks()["Stacks"]],
            "tables": aws("dynamodb").list_tables()["TableNames"],
            "buckets": [b["Name"] for b in aws("s3").list_buckets()["Buckets"]],
            "functions": [f["FunctionName"] for f in aws("lambda").list_functions()["Functions"]],
            "machines": [m["name"] for m in
                         aws("stepfunctions").list_state_machines()["stateMachines"]],
            "clusters": [c["clusterName"] for c in clusters["clusters"]
                         if c["status"] == "ACTIVE"],
            "repositories": aws("ecr").describe_repositories()["repositories"],
            "roles": [r["RoleName"] for r in aws("iam").list_roles()["Roles"]],
            "networks": [v["VpcId"] for v in vpcs["Vpcs"]],
        }

    def deployed_specs(self):
        return {n: json.loads((self.scripts.specs / f"pattern-{n}.json").read_text())
                for n in (1, 2)}

    def check_specs(self, specs, outputs):
        """The example's tasks with the values of the deployment, and nothing of the example's."""
        for n, value in specs.items():
            told = outputs[f"stepfleet-pattern-{n}"]
            example = spec(n)
            self.assertEqual(set(value), set(example))
            for name in set(example) - {"taskList"}:
                self.assertEqual(value[name], told[name])
            self.assertEqual([task["taskName"] for task in value["taskList"]],
                             [task["taskName"] for task in example["taskList"]])
            self.assertEqual(value["region"], REGION)
            self.assertIn(":stateMachine:", told["stateMachineArn"])

    def run_both(self, specs):
        server = Server(f"--outputs={self.scripts.outputs}", local=False,
                        environment=self.peer.environment_for_server()).start()
        self.addCleanup(server.close)
        data = os.urandom(300_000)
        for value in specs.values():
            self.peer.aws("s3").put_object(Bucket=value["s3BucketName"],
                                           Key=value["taskList"][0]["objectKey"], Body=data)
        truth = Truth(self, server, self.peer.aws, specs)
        accepted = [server.accept(value, n) for n, value in specs.items()]
        for run_id in accepted:
            server.wait(run_id)
            run = truth.check(run_id)
            self.assertEqual((run["status"], run["tasks"]["completed"]), ("Completed", 10), run)
        server.close()

    def test_from_empty_to_empty(self):
        empty = self.holdings()
        text, changes = self.run_script("deploy.sh", "--dry-run", "--control-plane",
                                        "--parameter=ContainerName=copy")
        self.assertIn("would run: aws cloudformation create-stack", text)
        self.assertEqual((changes, self.holdings()), ([], empty))
        self.assertFalse(self.scripts.outputs.exists())

        self.run_script("deploy.sh")
        outputs, specs = json.loads(self.scripts.outputs.read_text()), self.deployed_specs()
        self.check_specs(specs, outputs)
        self.run_both(specs)

        text, changes = self.run_script("deploy.sh")
        self.assertEqual(changes, [], text)
        self.assertEqual(json.loads(self.scripts.outputs.read_text()), outputs)

        text, changes = self.run_script("destroy.sh", "--yes", "--data", "--dry-run")
        self.assertIn("would run: aws cloudformation delete-stack", text)
        self.assertEqual(changes, [])
        self.check_data_is_kept(specs[2])
        self.run_script("destroy.sh", "--yes", "--data")
        self.assertEqual(self.holdings(), empty)
        self.assertFalse(self.scripts.outputs.exists())
        self.run_script("destroy.sh", "--yes", "--data")

    def check_data_is_kept(self, value):
        """Without --data the stacks go, the data stays, and what the last lines say removes it."""
        text, _ = self.run_script("destroy.sh", "--pattern=2", "--yes")
        self.assertEqual(list(json.loads(self.scripts.outputs.read_text())),
                         ["stepfleet-pattern-1"])
        left = self.holdings()
        self.assertEqual([name for name in left["stacks"] if name.endswith("-2")], [])
        for name in (value["ddbTableNameWFSummary"], value["ddbTableNameWFDetails"]):
            self.assertIn(name, left["tables"])
        self.peer.aws("s3").head_object(Bucket=value["s3BucketName"], Key="input/sample.bin")
        commands = [line for line in text.splitlines() if line.startswith("  aws ")]
        self.assertEqual(len(commands), 3, text)
        endpoint = f"aws() {{ command aws --endpoint-url {self.peer.url} \"$@\"; }}"
        subprocess.run(["bash", "-ec", "\n".join([endpoint, *commands])], check=True,
                       stdout=subprocess.DEVNULL, env={**clean_environment(),
                                                      **self.scripts.environment})


FAKE_AWS = """#!/bin/sh
echo "$*" >>"$FAKE_LOG"
case "$*" in
{cases}
*"sts get-caller-identity"*) printf '111122223333\\tarn:aws:iam::111122223333:user/ann\\n' ;;
*head-bucket*) echo 'An error occurred (404) when calling the HeadBucket operation: Not Found' >&2; exit 254 ;;
*describe-stacks*) echo 'An error occurred (ValidationError): Stack with id x does not exist' >&2; exit 254 ;;
*"configure get region"*) exit 1 ;;
*) echo "the fake knows no answer to: $*" >&2; exit 99 ;;
esac
"""


def refuse(pattern, message):
    """A case of the fake aws: calls like this fail with this message."""
    return f"{pattern}) echo '{message}' >&2; exit 254 ;;"


def status(name, value):
    told = json.dumps({"StackName": name, "StackStatus": value})
    return f"*describe-stacks*'--stack-name {name} '*) echo '{told}' ;;"


def answer(pattern, text=""):
    """A case of the fake aws: calls like this print this."""
    return f"{pattern}) printf '%b' '{text}' ;;"


class OnTheFake(unittest.TestCase):
    """With an aws CLI that gives the answers of the test."""

    def setUp(self):
        self.scripts = Scripts(AWS_REGION=REGION, AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x")
        self.addCleanup(self.scripts.close)
        self.log = self.scripts.folder / "calls.log"
        self.tools = self.scripts.folder / "bin"
        self.tools.mkdir()
        for tool in pathlib.Path("/usr/bin").iterdir():
            if tool.name not in ("aws", "docker"):
                (self.tools / tool.name).symlink_to(tool)
        self.scripts.environment.update(PATH=str(self.tools), FAKE_LOG=str(self.log))

    def fake_aws(self, *cases):
        path = self.tools / "aws"
        path.write_text(FAKE_AWS.replace("{cases}", "\n".join(cases)))
        path.chmod(0o755)

    def calls(self):
        return self.log.read_text().splitlines() if self.log.exists() else []


class Refusals(OnTheFake):
    """Each with one sentence that tells the remedy, before anything is changed."""

    def check(self, *sentence, script="deploy.sh", options=(), code=1, **environment):
        said, text = self.scripts.run(script, *options, **environment)
        self.assertEqual(said, code, text)
        last = text.strip().splitlines()[-1]
        self.assertTrue(last.startswith(f"{script}: "), text)
        for part in sentence:
            self.assertIn(part, last)
        changes = [call for call in self.calls() if not any(word in call for word in QUESTIONS)]
        self.assertEqual(changes, [])
        self.assertFalse(self.scripts.outputs.exists())

    def test_no_aws_cli(self):
        self.check("the aws CLI is not there: install it")

    def test_no_credentials(self):
        self.fake_aws(refuse("*sts*", "Unable to locate credentials. You can configure credentials ..."))
        self.check("no AWS credentials were found: export AWS_PROFILE")

    def test_expired_credentials(self):
        self.fake_aws(refuse("*sts*", "An error occurred (ExpiredToken) when calling ..."))
        self.check("the AWS credentials have expired: sign in again")

    def test_no_region(self):
        self.fake_aws()
        self.check("no region is set: export AWS_REGION", AWS_REGION=None)

    def test_no_such_region(self):
        self.fake_aws()
        self.check("'mars' is no region", "export AWS_REGION", AWS_REGION="mars")

    def test_no_answer_in_the_region(self):
        self.fake_aws(refuse("*sts*", 'Could not connect to the endpoint URL: "https://sts.us-far-1..."'))
        self.check("nothing answers at the endpoint of AWS in us-far-1", "check AWS_REGION",
                   AWS_REGION="us-far-1")

    def test_another_region_than_last_time(self):
        outputs = self.scripts.folder / "elsewhere.json"
        outputs.write_text(json.dumps({"stepfleet-pattern-1": {"region": "eu-west-1"}}))
        self.fake_aws()
        self.check("stepfleet-pattern-1 is in eu-west-1", "set AWS_REGION=eu-west-1",
                   OUTPUTS_FILE=str(outputs))

    def test_bucket_of_somebody_else(self):
        self.fake_aws(refuse("*head-bucket*", "An error occurred (403) when calling HeadBucket: Forbidden"))
        self.check("bucket stepfleet-artifacts-111122223333-us-east-1 belongs to another account",
                   "choose another STACK_PREFIX")

    def test_bucket_of_another_deployment(self):
        self.fake_aws(answer("*head-bucket*"), answer("*get-bucket-tagging*", "team-a"))
        self.check("bucket stepfleet-artifacts-111122223333-us-east-1 belongs to the deployment",
                   "'team-a'", "choose another STACK_PREFIX")

    def test_repository_that_does_not_answer(self):
        told = json.dumps({"StackName": "stepfleet-shared", "StackStatus": "CREATE_COMPLETE",
                           "Outputs": [{"OutputKey": "RepositoryName", "OutputValue": "images"}]})
        self.fake_aws(answer("*describe-stacks*'--stack-name stepfleet-shared '*", told),
                      refuse("*describe-images*", "An error occurred (ThrottlingException): slow down"))
        self.check("ecr describe-images in images failed", "ThrottlingException", IMAGE=None)

    def test_stack_that_can_take_no_change(self):
        for name, value, remedy in (
                ("stepfleet-pattern-2", "ROLLBACK_COMPLETE", "delete-stack"),
                ("stepfleet-shared", "UPDATE_IN_PROGRESS", "wait until that is over"),
                ("stepfleet-batch-1", "REVIEW_IN_PROGRESS", "delete-stack"),
                ("stepfleet-batch-2", "DELETE_FAILED", "delete-stack"),
                ("stepfleet-pattern-1", "UPDATE_ROLLBACK_FAILED", "continue-update-rollback")):
            with self.subTest(value):
                self.fake_aws(status(name, value))
                self.check(f"stack {name} is in {value}", remedy)

    def test_no_docker(self):
        self.fake_aws()
        if not (ROOT / "Dockerfile").exists():
            self.skipTest("left out: there is no Dockerfile to build from")
        self.check("Docker is not there: install it, or set IMAGE", IMAGE=None)

    def test_not_allowed(self):
        self.fake_aws(refuse("*describe-stacks*", "An error occurred (AccessDenied): not authorized to ..."))
        self.check("cloudformation describe-stacks is not allowed to arn:aws:iam::111122223333:user/ann")

    def test_no_artifacts(self):
        self.fake_aws()
        self.check("task-monitor.zip is not there: make it with 'make dist'",
                   STEPFLEET_DIST=str(self.tools))

    def test_artifacts_of_another_machine(self):
        self.fake_aws()
        told = subprocess.run([INFRA / "render.py", "zip",
                               f"{self.scripts.environment['STEPFLEET_DIST']}/task-monitor.zip"],
                              capture_output=True, text=True, check=True).stdout.split()[0]
        other = {"x86_64": "arm64", "arm64": "x86_64"}[told]
        self.check(f"is for {told}, not for {other}", ARCHITECTURE=other)

    def test_wrong_calls(self):
        self.fake_aws()
        for options, environment, sentence in (
                (["--frob"], {}, "unknown argument '--frob'"),
                (["--pattern=3"], {}, "PATTERN is '3': use 1, 2 or all"),
                ([], {"STACK_PREFIX": "Big_One"}, "STACK_PREFIX 'Big_One'"),
                ([], {"BILLING_MODE": "free"}, "BILLING_MODE is 'free'"),
                (["--parameter=x"], {}, "--parameter 'x' is not NAME=VALUE"),
                (["--parameter=Typo=1"], {}, "--parameter 'Typo=1': no template has such")):
            with self.subTest(sentence):
                self.check(sentence, options=options, code=2, **environment)

    def test_destroy_asks_or_does_nothing(self):
        self.fake_aws(status("stepfleet-shared", "CREATE_COMPLETE"),
                      "*describe-stack-resources*) ;;")
        self.check("nobody can be asked", "say --yes", script="destroy.sh", options=["--data"])

    def test_destroy_while_somebody_changes_it(self):
        self.fake_aws(status("stepfleet-pattern-1", "UPDATE_IN_PROGRESS"))
        self.check("stack stepfleet-pattern-1 is in UPDATE_IN_PROGRESS", script="destroy.sh",
                   options=["--yes", "--data"])


class Steps(OnTheFake):
    """What the peer cannot be brought to: failures on the way, and what Docker is asked for."""

    def run_dry(self, *options, **environment):
        code, text = self.scripts.run("deploy.sh", "--dry-run", *options, IMAGE=None, **environment)
        self.assertEqual(code, 0, text)
        return text

    def test_interrupted_bucket_is_completed(self):
        docker = self.tools / "docker"
        docker.write_text("#!/bin/sh\n")
        docker.chmod(0o755)
        self.fake_aws(answer("*head-bucket*"), refuse("*get-bucket-tagging*", "(NoSuchTagSet)"),
                      refuse("*head-object*", "(404)"))
        text = self.run_dry()
        order = [text.index(f"s3api put-{what}") for what in
                 ("public-access-block", "bucket-encryption", "bucket-tagging")]
        self.assertEqual(order, sorted(order))
        self.assertNotIn("create-bucket", text)
        machine = "arm64" if "Architecture\", \"ParameterValue\": \"arm64" in text else "amd64"
        self.assertIn(f"docker build --platform linux/{machine} ", text)

        def tag(printed):
            return printed.split("docker push ")[1].split()[0]
        self.assertEqual(tag(self.run_dry()), tag(text))
        self.assertNotEqual(tag(self.run_dry(BASE="debian:12.11-slim")), tag(text))

    def test_bucket_that_cannot_be_emptied(self):
        """AWS answers 200 and names what it did not delete."""
        self.fake_aws(answer("*get-bucket-tagging*", "stepfleet"),
                      answer("*list-object-versions*", json.dumps({"Versions": [{"Key": "a"}]})),
                      answer("*delete-objects*", "AccessDenied\\tdefinitions/a\\tnot yours\\n"))
        code, text = self.scripts.run("destroy.sh", "--yes")
        self.assertEqual(code, 1, text)
        self.assertIn("cannot empty stepfleet-artifacts-111122223333-us-east-1: AccessDenied"
                      " definitions/a not yours: ", text)
        self.assertEqual(sum("delete-objects" in call for call in self.calls()), 1)

    def fake_batch(self):
        """One batch beside the shared stack, which cannot be deleted; my-bucket was given to it."""
        self.fake_aws(
            status("stepfleet-batch-1", "CREATE_COMPLETE"), status("stepfleet-shared", "CREATE_COMPLETE"),
            answer("*describe-stack-resources*batch-1*",
                   "AWS::DynamoDB::Table\\ttable-1\\nAWS::S3::Bucket\\tbucket-1\\n"
                   "AWS::S3::Bucket\\tmy-bucket\\n"),
            answer("*describe-stack-resources*", "AWS::ECS::Cluster\\tcluster\\n"),
            answer("*list-tags-of-resource*table/table-1*", "stepfleet-stack\\tstepfleet-batch-1\\n"),
            answer("*get-bucket-tagging*bucket-1*", "a\\tb\\naws:cloudformation:stack-name\\tstepfleet-batch-1\\n"),
            refuse("*get-bucket-tagging*my-bucket*", "(NoSuchTagSet)"),
            refuse("*get-bucket-tagging*", "(NoSuchBucket)"),
            answer("*list-tasks*", "task-1\\n"), refuse("*stop-task*", "(InvalidParameterException)"),
            answer("*list-object-versions*"), answer("*describe-stack-events*"),
            refuse("*delete-stack*stepfleet-shared*", "it has dependencies"),
            answer("*delete-stack*"), answer("*stack-delete-complete*"),
            answer("*delete-table*"), answer("*delete-bucket*"))

    def test_what_is_kept_is_told_after_a_failure(self):
        self.fake_batch()
        code, text = self.scripts.run("destroy.sh", "--yes")
        self.assertEqual(code, 1, text)
        self.assertIn("stack stepfleet-shared was not deleted (it has dependencies", text)
        self.assertIn("delete-table --region us-east-1 --table-name table-1", text)
        self.assertIn("s3://bucket-1", text)
        self.assertIn("bucket my-bucket is left", text)
        self.assertNotIn("s3://my-bucket", text)
        calls = self.calls()
        self.assertFalse([call for call in calls if "delete-table" in call or "delete-bucket" in call])
        deleted = [i for i, call in enumerate(calls) if "delete-stack" in call]
        sweeps = [i for i, call in enumerate(calls) if "list-tasks" in call and "--family" not in call]
        self.assertTrue(sweeps[0] < deleted[0] < sweeps[-1] < deleted[-1], calls)

    def test_data_goes_right_after_its_stack(self):
        self.fake_batch()
        code, text = self.scripts.run("destroy.sh", "--yes", "--data")
        self.assertEqual(code, 1, text)
        done = [call.split("--region us-east-1 ")[1] for call in self.calls()
                if " delete-" in call]
        self.assertEqual(done, ["cloudformation delete-stack --stack-name stepfleet-batch-1",
                                "dynamodb delete-table --table-name table-1",
                                "s3api delete-bucket --bucket bucket-1",
                                "cloudformation delete-stack --stack-name stepfleet-shared"])
        self.assertNotIn("Kept are", text)


class Render(unittest.TestCase):
    """The JSON of render.py, where no run on the peer shows it."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="stepfleet-render-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.outputs, self.spec = self.folder / "outputs.json", self.folder / "spec.json"
        self.outputs.write_text(json.dumps({"x-pattern-2": {
            "stateMachineArn": "arn", "ddbTableNameWFSummary": "s", "ddbTableNameWFDetails": "d",
            "s3BucketName": "b"}}))

    def render(self, *arguments):
        return subprocess.run([INFRA / "render.py", *arguments], capture_output=True, text=True,
                              check=True).stdout

    def test_absent_pattern_leaves_no_permission(self):
        lines = self.render("service", self.outputs, "x-pattern-1", "x-pattern-2").splitlines()
        self.assertEqual(lines[1:], [
            "StateMachineArn1=", "SummaryTable1=none", "DetailsTable1=none", "Bucket1=none",
            "StateMachineArn2=arn", "SummaryTable2=s", "DetailsTable2=d", "Bucket2=b"])

    def test_spec_of_another_deployment_stays(self):
        self.spec.write_text('{"s3BucketName": "theirs"}')
        before = self.outputs.read_text()
        self.render("forget", self.outputs, "x-pattern-2", self.spec)
        self.assertEqual((self.outputs.exists(), self.spec.exists()), (False, True))
        self.outputs.write_text(before)
        self.spec.write_text('{"s3BucketName": "b"}')
        self.render("forget", self.outputs, "x-pattern-2", self.spec)
        self.assertEqual((self.outputs.exists(), self.spec.exists()), (False, False))
