"""Runs the whole-suite tests against an installed tree:

    ANGARIUM_PREFIX=/path/to/tree python3 t/suite [--result FILE] [NAME...]

NAME selects tests whose name contains it. FILE gets "PASSED FAILED SKIPPED". ANGARIUM_KEEP=1 keeps the directories of the tests,
ANGARIUM_SANITIZED=1 allows for the slowness of a sanitizer build.
"""

import argparse
import faulthandler
import pathlib
import signal
import sys
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
TEST_SECONDS = 600  # after which a test that hangs is shown with its traceback, and all ends


class Result(unittest.TextTestResult):
    """One line for each test, with its sentence and its time."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.dots = self.showAll = False
        self.passed = 0
        self.began = 0.0

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()
        faulthandler.dump_traceback_later(TEST_SECONDS, exit=True)

    def stopTest(self, test):
        super().stopTest(test)
        faulthandler.cancel_dump_traceback_later()

    def say(self, word, test, reason=""):
        name = getattr(test, "_testMethodName", str(test)).removeprefix("test_").replace("_", " ")
        self.stream.writeln(f"{word:8}{name}{reason} ({time.monotonic() - self.began:.1f} s)")
        self.stream.flush()

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1
        self.say("ok", test)

    def addError(self, test, err):
        super().addError(test, err)
        self.say("FAILED", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.say("FAILED", test)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.say("FAILED", test, f": {subtest.params}")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.say("skipped", test, f": {reason}")


def selected(suite, words):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from selected(test, words)
        elif not words or any(word in test.id() for word in words):
            yield test


def interrupt(number, _frame):
    """Ends the run as Ctrl-C does, so that nothing is left behind."""
    raise KeyboardInterrupt(number)


def main():
    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGHUP, interrupt)
    parser = argparse.ArgumentParser()
    parser.add_argument("--result")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    sys.path.insert(0, str(HERE))
    import harness  # pylint: disable=import-outside-toplevel # it lies beside this file
    if not harness.SBIN.is_dir():
        sys.exit(f"{harness.SBIN} is not there: ANGARIUM_PREFIX has to name an installed tree")
    tests = unittest.TestLoader().discover(str(HERE), top_level_dir=str(HERE))
    # A TestSuite groups by class, so that setUpClass runs once for each.
    chosen = unittest.TestSuite(selected(tests, arguments.names))
    result = unittest.TextTestRunner(stream=sys.stdout, resultclass=Result, verbosity=0).run(chosen)
    failed = len(result.failures) + len(result.errors)
    if arguments.result:
        with open(arguments.result, "w", encoding="ascii") as file:
            file.write(f"{result.passed} {failed} {len(result.skipped)}\n")
    print(f"{result.passed} passed, {failed} failed, {len(result.skipped)} skipped")
    return 0 if result.passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
