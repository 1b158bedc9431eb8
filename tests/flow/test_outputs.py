"""serve --outputs: what the deployment tells is what a server without --local works with. AWS is
played by the embedded endpoint of another server."""
import json
import os
import unittest

from tests.flow.server import Server, spec
from tests.flow.test_start import run

SHORT = {"workflowName": "nightly", "taskList": [{"taskName": "a", "objectKey": "input/sample.bin"}]}
ARN = "arn:aws:states:us-east-1:000000000000:stateMachine:stepfleet-pattern-{}"


def outputs(*patterns, **changes):
    """outputs.json of a deployment that local mode's resources would have come from."""
    tree = {"dev-shared": {"VpcId": "vpc-1"}}
    for pattern in patterns:
        stack = spec(pattern, taskList=None, stateMachineArn=ARN.format(pattern), other="x")
        stack.update(changes)
        tree[f"dev-pattern-{pattern}"] = {k: v for k, v in stack.items() if v is not None}
    return tree


class Outputs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.aws = Server().start()
        cls.addClassCleanup(cls.aws.close)
        cls.environment = {"AWS_ENDPOINT_URL": cls.aws.aws_url, "AWS_ACCESS_KEY_ID": "x",
                           "AWS_SECRET_ACCESS_KEY": "x", "AWS_EC2_METADATA_DISABLED": "true"}

    def serve(self, *options, **more):
        server = Server(*options, local=False, environment={**self.environment, **more})
        self.addCleanup(server.close)
        return server.start()

    def write(self, value):
        path = self.aws.folder / f"outputs-{self.id()}.json"
        path.write_text(json.dumps(value))
        return str(path)

    def test_short_specs_of_both_patterns_run(self):
        server = self.serve("--outputs", self.write(outputs(1, 2)))
        for pattern in (1, 2):
            with self.subTest(pattern=pattern):
                run_id = server.accept(SHORT, pattern)
                self.assertEqual(server.wait(run_id)["status"], "Completed")
                execution = server.run(run_id)["execution"]
                self.assertIn(f":stepfleet-pattern-{pattern}:", execution["arn"])

    def test_text_in_the_environment(self):
        server = self.serve(STEPFLEET_OUTPUTS=json.dumps(outputs(2)))
        self.assertEqual(server.wait(server.accept(SHORT, 2))["status"], "Completed")
        answer = server.submit(SHORT, 1)
        self.assertEqual(answer.status, 422)
        self.assertEqual([e["pointer"] for e in answer.json()["errors"]], ["/pattern"])
        self.assertIn("no state machine for pattern 1", answer.json()["errors"][0]["detail"])

    def test_an_explicit_machine_goes_before(self):
        wrong = outputs(1, stateMachineArn=ARN.format("gone"))
        server = self.serve("--outputs", self.write(wrong), "--state-machine-1", ARN.format(1))
        self.assertEqual(server.wait(server.accept(SHORT, 1))["status"], "Completed")

    def test_check_knows_them(self):
        path = self.write(outputs(1))
        short = self.aws.folder / "short.json"
        short.write_text(json.dumps(SHORT))
        done = run("check", "--pattern", "1", str(short), "--outputs", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = run("check", "--pattern", "1", str(short), environment={"STEPFLEET_OUTPUTS": path})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(run("check", "--pattern", "2", str(short), "--outputs", path).returncode, 1)
        done = run("check", str(short), "--outputs", path + ".none")
        self.assertEqual(done.returncode, 2)
        self.assertIn(".none: No such file", done.stderr)

    def test_what_cannot_be_used(self):
        cases = ((outputs(1, stateMachineArn=None), "/dev-pattern-1 has no stateMachineArn"),
                 (outputs(1, clusterName=7), "/dev-pattern-1/clusterName"),
                 ({"dev-shared": {}}, "no member whose name ends in pattern-1"))
        data = os.fspath(self.aws.folder / "unused")
        for value, says in cases:
            with self.subTest(says=says):
                path = self.write(value)
                done = run("serve", "--data", data, "--outputs", path, environment=self.environment)
                self.assertEqual(done.returncode, 1)
                self.assertIn(says, done.stderr)
                self.assertIn(path, done.stderr)
        self.assertFalse(os.path.exists(data))
