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

    def test_real_runs_do_what_was_foretold(self):
        states = self.server.aws("stepfunctions")
        for pattern in (1, 2):
            with self.subTest(pattern=pattern):
                value = spec(pattern, workflowRunId=None)
                told = self.foretell(value)
                self.assertEqual(self.server.get("/workflows?pattern=%d" % pattern).json()["items"],
                                 [])
                self.assertEqual((told["pattern"], told["tasks"], told["warnings"]),
                                 (pattern, len(value["taskList"]), []))
                self.assertTrue(told["accepted"] and told["cost"]["estimate"])
                run = self.server.wait(self.server.accept(value, pattern))
                arn = run["execution"]["arn"]
                pages = states.get_paginator("get_execution_history").paginate(executionArn=arn)
                events = [event for page in pages for event in page["events"]]
                entered = [event["stateEnteredEventDetails"]["name"] for event in events
                           if event["type"].endswith("StateEntered")]
                polls = entered.count("InvokeTaskMonitor")
                history = told["history"]
                self.assertEqual(len(events), history["fixed"] + history["perPoll"] * polls +
                                 history["perTask"] * told["tasks"])
                self.assertEqual(len(entered), told["cost"]["stateTransitions"] +
                                 3 * (polls - history["polls"]))
                execution = states.describe_execution(executionArn=arn)
                self.assertEqual(told["input"]["bytes"], len(execution["input"].encode()))

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

    def test_what_would_be_refused(self):
        many = [{"taskName": f"task-{i}", "objectKey": "input/" + "x" * 90} for i in range(3000)]
        told = self.foretell(spec(1, taskList=many))
        self.assertFalse(told["accepted"])
        self.assertGreater(told["input"]["bytes"], told["input"]["ceiling"])
        self.assertEqual(told["start"]["seconds"], 145)
        self.assertIn("split", told["warnings"][0])
        self.assertEqual(self.server.submit(spec(1, taskList=many)).status, 422)
        used = spec(1, workflowRunId=77)
        self.server.accept(used)
        told = self.foretell(used)
        self.assertFalse(told["accepted"])
        self.assertIn("exists already", told["warnings"][0])
