"""The static task program on systems that keep names and certificates elsewhere than Debian does."""
import http.server
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import tempfile
import threading
import unittest

from tests.flow.server import PATIENCE, ROOT

PROGRAM = ROOT / "dist" / "bin" / "s3-copy-task"
HOST = "aws.stepfleet.test"


class Peer(http.server.BaseHTTPRequestHandler):
    """The metadata endpoint (GET), and an AWS that refuses all it is asked for (POST)."""

    def do_GET(self):
        self.answer(200, {"TaskARN": "arn:aws:ecs:us-east-1:000000000000:task/c/0123456789abcdef"})

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.targets.append(self.headers["X-Amz-Target"])
        self.answer(400, {"__type": "ValidationException", "message": "not today"})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@unittest.skipUnless(PROGRAM.exists(), "left out: dist/bin is not complete, run make dist first")
class StaticTls(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="stepfleet-flow-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.certificate = self.folder / "ca.crt"
        key = self.folder / "ca.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-days", "2", "-subj", f"/CN={HOST}", "-addext",
             f"subjectAltName=DNS:{HOST},DNS:localhost", "-keyout", key, "-out", self.certificate],
            check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self.metadata = self.serve()
        self.aws = self.serve(context)

    def serve(self, context=None):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Peer)
        server.targets = []
        if context:  # before its thread looks at the socket
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        for step in (server.server_close, thread.join, server.shutdown):  # backwards
            self.addCleanup(step)
        return server

    def run_task(self, host, *command, **environment):
        """Its first call must have arrived: by the right name, over TLS that it trusts."""
        names = ("workflow_details_ddb_table_name", "workflow_details_hash_key",
                 "workflow_details_range_key", "workflow_name", "task_name", "s3_bucket_name",
                 "object_key")
        done = subprocess.run(
            command, timeout=PATIENCE, capture_output=True, text=True, check=False,
            env={**{name: "x" for name in names}, "region": "us-east-1", "workflow_run_id": "1",
                 "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
                 "ECS_CONTAINER_METADATA_URI_V4": f"http://127.0.0.1:{self.metadata.server_port}",
                 "AWS_ENDPOINT_URL": f"https://{host}:{self.aws.server_port}", **environment})
        self.assertEqual(len(self.aws.targets), 1, done.stderr)
        self.assertRegex(self.aws.targets[0], r"^DynamoDB_20120810\.", done.stderr)
        self.assertIn("not today", done.stderr)

    def test_trusts_the_bundle_that_it_is_told(self):
        self.run_task("localhost", PROGRAM, AWS_CA_BUNDLE=str(self.certificate))

    @unittest.skipUnless(os.geteuid() == 0, "left out: only root can change the root folder")
    def test_finds_names_and_certificates_of_amazon_linux(self):
        """No library, no file of Debian's; NSS services whose modules cannot be loaded."""
        root = self.folder / "root"
        bundle = root / "etc/pki/tls/certs/ca-bundle.crt"
        bundle.parent.mkdir(parents=True)
        shutil.copy(self.certificate, bundle)
        shutil.copy(PROGRAM, root / "task")
        (root / "etc/hosts").write_text(f"127.0.0.1 {HOST}\n")
        (root / "etc/nsswitch.conf").write_text("hosts: mymachines files myhostname dns\n")
        self.run_task(HOST, "/usr/sbin/chroot", root, "/task")
