"""The programs of `make dist`: linked statically, small, packed as Lambda wants them, and they work."""
import os
import re
import shutil
import subprocess
import unittest
import zipfile

from tests.flow.server import ROOT, Server, spec
from tests.flow.truth import Truth

DIST = ROOT / "dist"
FUNCTIONS = ("task-launcher", "task-monitor")
PROGRAMS = (*FUNCTIONS, "s3-copy-task")
MISSING = [name for name in PROGRAMS if not (DIST / "bin" / name).exists()]


def readelf(program, *options):
    return subprocess.run(["readelf", "-W", *options, program], capture_output=True, text=True,
                          check=True).stdout


@unittest.skipIf(MISSING, "left out: dist/bin is not complete, run make dist first")
class Static(unittest.TestCase):
    def test_no_program_needs_anything_of_the_machine(self):
        for name in PROGRAMS:
            program = DIST / "bin" / name
            headers = readelf(program, "--program-headers")
            self.assertNotIn("INTERP", headers, name)
            self.assertNotIn("DYNAMIC", headers, name)
            self.assertIn("GNU_RELRO", headers, name)
            self.assertRegex(headers, r"GNU_STACK.* RW ", name)
            self.assertNotIn(".symtab", readelf(program, "--sections"), name)

    def test_archives_hold_one_program_each(self):
        for name in FUNCTIONS:
            path = DIST / f"{name}.zip"
            self.assertLess(path.stat().st_size, 3_000_000, name)
            with zipfile.ZipFile(path) as archive:
                (entry,) = archive.infolist()
                content = archive.read(entry)
            self.assertEqual(entry.filename, "bootstrap")
            self.assertEqual(oct(entry.external_attr >> 16), oct(0o100755))
            self.assertEqual(entry.date_time, (1980, 1, 1, 0, 0, 0))
            self.assertEqual(entry.extra, b"")
            self.assertEqual(content, (DIST / "bin" / name).read_bytes(), name)

    def test_both_patterns_complete_with_them(self):
        server = Server("--workers", DIST / "bin")
        self.addCleanup(server.close)
        server.start()
        truth = Truth(self, server)
        for pattern in (1, 2):
            run = server.wait(server.accept(spec(pattern), pattern))
            self.assertEqual(run["status"], "Completed", run)
            truth.check(run["workflowRunId"])

    @unittest.skipUnless(shutil.which("strace"), "left out: strace is not installed")
    def test_a_start_reads_no_certificates_and_loads_no_library(self):
        """TLS is prepared only when it is needed: plain HTTP must not pay for it."""
        environment = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1", "AWS_REGION": "us-east-1",
                       "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
                       "PATH": os.environ["PATH"]}
        trace = subprocess.run(
            ["strace", "-f", "-e", "trace=open,openat,connect", DIST / "bin" / "task-launcher"],
            env=environment, capture_output=True, text=True, check=False).stderr
        self.assertIn("connect(", trace)
        opened = re.findall(r'open(?:at)?\(.*?"([^"]*)"', trace)
        self.assertEqual([path for path in opened if ".so" in path or "cert" in path], [])
