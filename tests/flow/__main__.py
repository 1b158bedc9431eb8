"""Runs the flow tests: python3 -m tests.flow [name part]... Prints one closing line.

Tests mostly wait for servers, so a few run at the same time, each in a process of its own
(STEPFLEET_FLOW_JOBS says how many; default: one more than there are cores)."""
import concurrent.futures
import io
import os
import pathlib
import sys
import time
import unittest

FOLDER = pathlib.Path(__file__).parent
JOBS = int(os.environ.get("STEPFLEET_FLOW_JOBS", (os.cpu_count() or 1) + 1))
COUNTED = ("testsRun", "failures", "errors", "skipped", "unexpectedSuccesses")


def tests_of(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from tests_of(item)
        else:
            yield item


def pick(words):
    """Names of tests in groups that run one after the other: those that share a setUpClass."""
    groups = {}
    suite = unittest.defaultTestLoader.discover(str(FOLDER), top_level_dir=str(FOLDER.parents[1]))
    for test in tests_of(suite):
        kind = type(test)
        name = test.id()
        if not words or any(word in name for word in words):
            group = kind if "setUpClass" in vars(kind) else name
            groups.setdefault(group, []).append(name)
    return sorted(groups.values(), key=len, reverse=True)


def run_group(names):
    """In a process of its own; returns what was printed and how many of each outcome."""
    text = io.StringIO()
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)
    result = unittest.TextTestRunner(stream=text, verbosity=2).run(suite)
    counts = {name: getattr(result, name) for name in COUNTED}
    return text.getvalue(), {k: v if isinstance(v, int) else len(v) for k, v in counts.items()}


def main():
    start = time.monotonic()
    total = dict.fromkeys(COUNTED, 0)
    groups = pick(sys.argv[1:])
    with concurrent.futures.ProcessPoolExecutor(JOBS) as pool:
        jobs = [pool.submit(run_group, names) for names in groups]
        for job in concurrent.futures.as_completed(jobs):
            text, counts = job.result()  # a runner that dies fails them all
            bad = counts["failures"] + counts["errors"] + counts["unexpectedSuccesses"]
            # What went well takes a line a test, what did not is shown whole.
            print(text if bad else text.partition("\n\n---")[0], flush=True)
            for name, count in counts.items():
                total[name] += count
    bad = total["failures"] + total["errors"] + total["unexpectedSuccesses"]
    passed = total["testsRun"] - bad - total["skipped"]
    tail = f", {total['skipped']} skipped" if total["skipped"] else ""
    print(f"{passed} passed, {bad} failed{tail} in {time.monotonic() - start:.0f} s", flush=True)
    return 1 if bad or total["testsRun"] == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
