"""Runs the flow tests: python3 -m tests.flow [name part]... Prints one closing line."""
import pathlib
import sys
import unittest


def pick(suite, words):
    chosen = unittest.TestSuite()
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            chosen.addTest(pick(item, words))
        elif not words or any(word in item.id() for word in words):
            chosen.addTest(item)
    return chosen


def main():
    folder = pathlib.Path(__file__).parent
    suite = unittest.defaultTestLoader.discover(str(folder), top_level_dir=str(folder.parents[1]))
    result = unittest.TextTestRunner(verbosity=2).run(pick(suite, sys.argv[1:]))
    bad = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    skipped = len(result.skipped)
    passed = result.testsRun - bad - skipped
    tail = f", {skipped} skipped" if skipped else ""
    print(f"{passed} passed, {bad} failed{tail}", flush=True)
    return 1 if bad or result.testsRun == 0 else 0


sys.exit(main())
