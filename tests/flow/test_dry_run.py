"""A dry run writes nothing, and what it foretells is what a real run does."""
import unittest

from tests.flow.server import Server, spec


class DryRun(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.close)
        self.server.start()

    def foretell(self, value, query="", status=200):
        answer = self.server.call("POST", f"/workflows?dryRun=true{query}", value)
        self.assertEqual(answer.status, status, answer.body)
        return answer.json()

    def history(self, arn):
        pages = self.server.aws("stepfunctions").get_paginator("get_execution_history")
        return [event for page in pages.paginate(executionArn=arn) for event in page["events"]]

    def check_run(self, value, pattern):
        """Foretells a run, lets it go and compares; returns what was told."""
        told = self.foretell(value)
        self.assertEqual(self.server.get(f"/workflows?name={value['workflowName']}").json()["items"],
                         [])
        self.assertEqual((told["pattern"], told["tasks"], told["warnings"]),
                         (pattern, len(value["taskList"]), []))
        self.assertTrue(told["accepted"] and told["cost"]["estimate"])
        run = self.server.wait(self.server.accept(value, pattern))
        arn = run["execution"]["arn"]
        events = self.history(arn)
        entered = [event["stateEnteredEventDetails"]["name"] for event in events
                   if event["type"].endswith("StateEntered")]
        polls = entered.count("InvokeTaskMonitor")
        history = told["history"]
        self.assertEqual(len(events), history["fixed"] + history["perPoll"] * polls +
                         history["perTask"] * told["tasks"])
        children = 4 * told["children"]["executions"] if told["children"] else 0
        self.assertEqual(len(entered) + children, told["cost"]["stateTransitions"] +
                         3 * (polls - history["polls"]))
        execution = self.server.aws("stepfunctions").describe_execution(executionArn=arn)
        self.assertEqual(told["input"]["bytes"], len(execution["input"].encode()))
        return told

    def test_real_runs_do_what_was_foretold(self):
        for pattern in (1, 2):
            with self.subTest(pattern=pattern):
                told = self.check_run(spec(pattern, workflowRunId=None), pattern)
                self.assertIsNone(told["manifest"])
                self.assertIsNone(told["children"])

    def test_a_long_list_is_foretold_too(self):
        tasks = [{"taskName": f"task-{i}", "objectKey": "input/sample.bin"} for i in range(101)]
        told = self.check_run(spec(2, workflowRunId=None, taskList=tasks), 2)
        self.assertGreater(told["manifest"]["bytes"], 101 * 60)
        self.assertEqual(told["children"], {"executions": 101, "eventsEach": 13})
        self.assertEqual(told["history"]["perTask"], 0)

    def test_what_it_is_told(self):
        short = self.foretell(spec(1))
        long = self.foretell(spec(1), "&taskSeconds=3600")
        self.assertEqual(long["cost"]["assumed"]["taskSeconds"], 3600)
        self.assertGreater(long["cost"]["total"], short["cost"]["total"])
        self.assertGreater(long["history"]["polls"], short["history"]["polls"])
        self.foretell(spec(1, nonsense=1), status=422)
        self.foretell(spec(1), "&taskSeconds=0", 400)
        for query in ("dryRun=maybe", "taskSeconds=5", "dryRun=false&taskSeconds=5"):
            self.assertEqual(self.server.call("POST", f"/workflows?{query}", spec(1)).status, 400)

    def test_what_is_beyond_an_input(self):
        many = [{"taskName": f"task-{i}", "objectKey": "input/" + "x" * 90} for i in range(10000)]
        for pattern in (1, 2):
            with self.subTest(pattern=pattern):
                told = self.foretell(spec(pattern, taskList=many))
                self.assertTrue(told["accepted"])
                self.assertLess(told["input"]["bytes"], 10000)
                self.assertGreater(told["manifest"]["bytes"], 10000 * 150)
                self.assertLess(told["manifest"]["bytes"], told["manifest"]["ceiling"])
                self.assertLess(told["history"]["events"], told["history"]["ceiling"])
                self.assertEqual(told["start"]["seconds"], 495)
                self.assertEqual(told["warnings"], [])

    def test_what_would_be_refused(self):
        used = spec(1, workflowRunId=77)
        self.server.accept(used)
        told = self.foretell(used)
        self.assertFalse(told["accepted"])
        self.assertIn("exists already", told["warnings"][0])
