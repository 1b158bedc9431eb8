"""The REST contract: what is refused and how, idempotency, lists, caching."""
import json
import unittest

from tests.flow.server import Server, spec


class Rest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        cls.addClassCleanup(cls.server.close)

    def problem(self, answer, status):
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        body = answer.json()
        self.assertEqual(body["status"], status)
        for member in ("type", "title", "detail", "instance"):
            self.assertTrue(body[member], body)
        return body

    def test_not_json(self):
        answer = self.server.call("POST", "/workflows?pattern=1", '{\n  "region": oops\n}',
                                  {"Content-Type": "application/json"})
        detail = self.problem(answer, 400)["detail"]
        self.assertRegex(detail, r"line 2, column \d+")

    def test_every_error_at_once(self):
        value = spec(1, workflowName="", s3BucketName=7, surprise=1)
        value["taskList"] = [{"taskName": "a", "objectKey": ""}, {"taskName": "a", "objectKey": "k"}]
        errors = self.problem(self.server.submit(value, 1), 422)["errors"]
        pointers = {e["pointer"] for e in errors}
        self.assertLessEqual({"/workflowName", "/s3BucketName", "/surprise", "/taskList/0/objectKey",
                              "/taskList/1/taskName"}, pointers)
        for error in errors:
            self.assertTrue(error["detail"])

    def test_local_mode_knows_what_its_deployment_knows(self):
        value = {"workflowName": "mine", "taskList": spec(1)["taskList"]}
        run = self.server.wait(self.server.accept(value, 1))
        self.assertEqual(run["status"], "Completed", run)
        del value["workflowName"]  # this one only the user can know
        errors = self.problem(self.server.submit(value, 1), 422)["errors"]
        self.assertEqual([e["pointer"] for e in errors], ["/workflowName"])

    def test_single_errors(self):
        cases = [
            ({"taskList": []}, "/taskList"),
            ({"taskList": None}, "/taskList"),
            ({"taskList": "x"}, "/taskList"),
            ({"workflowRunId": -1}, "/workflowRunId"),
            ({"pattern": 3}, "/pattern"),
            ({"ddbTableNameWFDetails": "a b"}, "/ddbTableNameWFDetails"),
        ]
        for changes, pointer in cases:
            with self.subTest(pointer=pointer, changes=changes):
                errors = self.problem(self.server.submit(spec(1, **changes), 1), 422)["errors"]
                self.assertIn(pointer, {e["pointer"] for e in errors})

    def test_pattern_that_cannot_be_told(self):
        value = {"workflowName": "plain", "taskList": [{"taskName": "a", "objectKey": "k"}]}
        body = self.problem(self.server.submit(value), 422)
        self.assertIn("pattern", json.dumps(body["errors"]))
        self.problem(self.server.submit(value, 3), 400)

    def test_too_large_and_wrong_type(self):
        big = spec(1)
        big["labels"] = {"x": "y" * (16 * 1024 * 1024)}
        self.assertIn("16777216 bytes", self.problem(self.server.submit(big, 1), 413)["detail"])
        answer = self.server.call("POST", "/workflows?pattern=1", "a=b",
                                  {"Content-Type": "application/x-www-form-urlencoded"})
        self.problem(answer, 415)

    def test_unknown_paths_and_methods(self):
        self.problem(self.server.get("/nothing"), 404)
        self.problem(self.server.get("/workflows/1"), 404)
        self.problem(self.server.get("/workflows/1/tasks"), 404)
        self.problem(self.server.get("/workflows/0x1"), 404)
        answer = self.server.call("DELETE", "/workflows")
        self.problem(answer, 405)
        self.assertEqual(answer.headers["Allow"], "POST, GET, HEAD")
        self.problem(self.server.get("/workflows?limit=0"), 400)
        self.problem(self.server.get("/workflows?statsu=Failed"), 400)
        self.problem(self.server.get("/workflows?since=yesterday"), 400)

    def test_run_id_in_use(self):
        value = spec(1, workflowRunId=4711)
        self.assertEqual(self.server.accept(value, 1), 4711)
        body = self.problem(self.server.submit(value, 1), 409)
        self.assertIn("4711", body["detail"])
        self.assertEqual(self.server.wait(4711)["status"], "Completed")

    def test_idempotency_key(self):
        value = spec(2)
        first = self.server.submit(value, 2, Idempotency_Key="k-1")
        again = self.server.submit(value, 2, Idempotency_Key="k-1")
        self.assertEqual((first.status, again.status), (202, 202))
        self.assertEqual(first.headers["Location"], again.headers["Location"])
        other = self.server.submit(spec(2, labels={"a": "b"}), 2, Idempotency_Key="k-1")
        self.problem(other, 422)
        self.problem(self.server.submit(value, 2, Idempotency_Key="x" * 256), 400)
        self.server.wait(first.json()["workflowRunId"])

    def test_spec_comes_back_as_it_was_sent(self):
        text = json.dumps(spec(1), indent=3)
        answer = self.server.call("POST", "/workflows?pattern=1", text,
                                  {"Content-Type": "application/json; charset=utf-8"})
        location = answer.headers["Location"]
        self.assertEqual(self.server.get(location + "/spec").body.decode(), text)
        self.server.wait(answer.json()["workflowRunId"])

    def test_lists_page_by_keyset_and_filter(self):
        ids = [self.server.accept(spec(1, workflowName="paged_pattern_1"), 1) for _ in range(5)]
        for run_id in ids:
            self.server.wait(run_id)
        seen, path = [], "/workflows?name=paged_pattern_1&limit=2"
        while path:
            answer = self.server.get(path)
            page = answer.json()
            seen += [run["workflowRunId"] for run in page["items"]]
            link = answer.headers["Link"]
            self.assertEqual(bool(link), page["nextCursor"] is not None)
            path = link.split(">")[0][1:] if link else None
        self.assertEqual(seen, sorted(ids, reverse=True))
        self.assertEqual(self.server.get("/workflows?name=paged_pattern_1&status=failed").json()["items"], [])
        tasks = self.server.get(f"/workflows/{ids[0]}/tasks?limit=4&status=Completed").json()
        self.assertEqual([t["taskName"] for t in tasks["items"]], [f"task-{i:02}" for i in range(1, 5)])
        rest = self.server.get(f"/workflows/{ids[0]}/tasks?limit=100&cursor={tasks['nextCursor']}").json()
        self.assertEqual(len(rest["items"]), 6)
        self.assertIsNone(rest["nextCursor"])

    def test_etag(self):
        run_id = self.server.accept(spec(1), 1)
        self.server.wait(run_id)
        answer = self.server.get(f"/workflows/{run_id}")
        again = self.server.get(f"/workflows/{run_id}", If_None_Match=answer.headers["ETag"])
        self.assertEqual((again.status, again.body), (304, b""))

    def test_health_page_and_foreign_host(self):
        self.assertEqual(self.server.get("/livez").status, 200)
        ready = self.server.get("/readyz")
        self.assertEqual((ready.status, ready.json()["status"]), (200, "ready"))
        page = self.server.get("/")
        self.assertEqual(page.status, 200)
        self.assertIn("default-src 'self'", page.headers["Content-Security-Policy"])
        self.assertNotIn("unsafe", page.headers["Content-Security-Policy"])
        self.problem(self.server.get("/workflows", Host="evil.example"), 403)
