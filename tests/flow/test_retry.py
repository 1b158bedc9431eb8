"""Retrying a run: its child does what did not complete, and nothing else."""
import unittest

from tests.flow.server import Server, stopped_tasks
from tests.flow.test_faults import HOLD, few
from tests.flow.truth import task_name_of


class Retry(unittest.TestCase):
    def serve(self, **scripts):
        server = Server()
        self.addCleanup(server.close)
        if scripts:
            server.use_workers(**{name.replace("_", "-"): text for name, text in scripts.items()})
        return server.start()

    def retry(self, server, run_id, query="", **headers):
        return server.call("POST", f"/workflows/{run_id}/retry{query}",
                           headers={k.replace("_", "-"): v for k, v in headers.items()})

    def accept(self, server, run_id, query="", **headers):
        answer = self.retry(server, run_id, query, **headers)
        self.assertEqual(answer.status, 202, answer.body)
        child = answer.json()
        self.assertEqual(answer.headers["Location"], f"/workflows/{child['workflowRunId']}")
        self.assertNotEqual(child["workflowRunId"], run_id)
        self.assertEqual(child["parentRunId"], run_id)
        return child["workflowRunId"]

    def check_once(self, server, run_id, child_id, names):
        """While a retry is not over, its tasks are not repeated a second time; then it is ended."""
        again = self.retry(server, run_id, f"?tasks={names[1]}")
        self.assertEqual((again.status, again.json()["workflowRunId"]), (202, child_id))
        self.assertEqual(again.headers["Idempotent-Replayed"], "true")
        answer = self.retry(server, run_id)
        self.assertEqual(answer.status, 409, answer.body)
        self.assertIn(f"{names[1]} is being repeated by run {child_id}", answer.json()["detail"])
        self.assertEqual(len(server.get(f"/workflows?parent={run_id}").json()["items"]), 1)
        server.call("POST", f"/workflows/{child_id}/cancel")
        server.wait(child_id)

    def half_failed(self, server, pattern):
        """A run whose second task has failed, because its object is not there; its spec as well."""
        value = few(pattern)
        value["taskList"][1]["objectKey"] = "input/late.bin"
        run_id = server.accept(value, pattern)
        run = server.wait(run_id)
        self.assertEqual((run["status"], run["tasks"]["completed"]), ("Failed", 1), run)
        self.assertIsNone(run["parentRunId"])
        return run_id, value

    def test_what_failed(self):
        server = self.serve()
        for pattern in (1, 2):
            with self.subTest(pattern=pattern):
                run_id, value = self.half_failed(server, pattern)
                name = value["taskList"][1]["taskName"]
                server.aws("s3").put_object(Bucket=f"stepfleet-pattern-{pattern}",
                                            Key="input/late.bin", Body=b"here it is")
                child_id = self.accept(server, run_id)
                child = server.wait(child_id)
                self.assertEqual(child["status"], "Completed", child)
                self.assertEqual([task["taskName"] for task in server.tasks(child_id)], [name])
                spec = server.get(f"/workflows/{child_id}/spec").json()
                want = {**value, "taskList": value["taskList"][1:]}
                want.pop("workflowRunId", None)
                self.assertEqual(spec, want)
                started = stopped_tasks(server.aws("ecs"), child_id)
                self.assertEqual([task_name_of(task) for task in started], [name])
                found = server.get(f"/workflows?parent={run_id}").json()["items"]
                self.assertEqual([run["workflowRunId"] for run in found], [child_id])
                self.assertEqual(self.retry(server, child_id).status, 409)

    def test_what_was_cancelled(self):
        server = self.serve(s3_copy_task=HOLD)
        for pattern in (1, 2):
            with self.subTest(pattern=pattern):
                run_id = server.accept(few(pattern), pattern)
                answer = self.retry(server, run_id)
                self.assertEqual(answer.status, 409)
                self.assertIn("/cancel", answer.json()["detail"])
                server.call("POST", f"/workflows/{run_id}/cancel")
                server.wait(run_id)
                names = [task["taskName"] for task in server.tasks(run_id)]
                one = self.accept(server, run_id, f"?tasks={names[1]}")
                self.assertEqual([task["taskName"] for task in server.tasks(one)], names[1:])
                self.check_once(server, run_id, one, names)
                both = self.accept(server, run_id, f"?tasks={','.join(reversed(names))}")
                self.assertEqual([task["taskName"] for task in server.tasks(both)], names)

    def test_what_is_refused(self):
        server = self.serve()
        run_id, value = self.half_failed(server, 1)
        done, failed = (task["taskName"] for task in value["taskList"])
        for query, status, said in ((f"?tasks={done}", 409, done), ("?tasks=nobody", 422, "nobody"),
                                    (f"?tasks={failed},nobody,{done}", 422, "nobody"),
                                    ("?tasks=", 400, "tasks"), (f"?tasks={failed},", 400, "comma"),
                                    ("?task=a", 400, "task"), ("?tasks=%ff", 400, "UTF-8")):
            with self.subTest(query=query):
                answer = self.retry(server, run_id, query)
                self.assertEqual(answer.status, status, answer.body)
                self.assertIn(said, answer.body.decode())
        self.assertEqual(self.retry(server, 123).status, 404)
        answer = server.call("POST", f"/workflows/{run_id}/retry", {"tasks": [failed]})
        self.assertEqual(answer.status, 400)
        self.assertIn("?tasks=", answer.json()["detail"])
        self.assertEqual(server.get(f"/workflows?parent={run_id}").json()["items"], [])

    def test_key_holds(self):
        server = self.serve()
        run_id, _ = self.half_failed(server, 1)
        child = self.accept(server, run_id, Idempotency_Key="again")
        server.kill()
        server.start()
        answer = self.retry(server, run_id, Idempotency_Key="again")
        self.assertEqual((answer.status, answer.headers["Idempotent-Replayed"]), (202, "true"))
        self.assertEqual(answer.json()["workflowRunId"], child)
        server.wait(child)
        other = self.accept(server, run_id)
        server.wait(other)
        self.assertEqual(self.retry(server, other, Idempotency_Key="again").status, 422)
