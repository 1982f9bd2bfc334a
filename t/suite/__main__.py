"""Runs the whole-suite tests against an installed tree:

    ANGARIUM_PREFIX=/path/to/tree python3 t/suite [--result FILE] [--jobs N] [NAME...]

NAME selects tests whose name contains it. FILE gets "PASSED FAILED SKIPPED". N classes of tests run side by side. ANGARIUM_KEEP=1 keeps the directories of the tests,
ANGARIUM_SANITIZED=1 allows for the slowness of a sanitizer build.
"""

import argparse
import faulthandler
import io
import json
import os
import pathlib
import random
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


def run_here(tests, stream):
    """Runs TESTS. Returns how many passed, failed and were skipped."""
    result = unittest.TextTestRunner(stream=stream, resultclass=Result, verbosity=0).run(tests)
    return [result.passed, len(result.failures) + len(result.errors), len(result.skipped)]


class Shared(io.TextIOBase):
    """Standard output, a line at a time; what stands between tests, such as tracebacks, comes at the end."""

    def __init__(self):
        super().__init__()
        self.kept = []

    def write(self, text):
        if text.startswith(("ok ", "FAILED ", "skipped ")):
            os.write(1, (text.rstrip("\n") + "\n").encode())
        elif text != "\n" or self.kept:
            self.kept.append(text)
        return len(text)


def work(classes, numbers, report):
    """A process that takes classes by their numbers, until there are no more, and reports what became of them."""
    stream = Shared()
    counts = [0, 0, 0]
    while number := os.read(numbers, 1):
        kept = len(stream.kept)
        here = run_here(unittest.TestSuite(classes[number[0]]), stream)
        counts = [a + b for a, b in zip(counts, here)]
        if not here[1]:
            del stream.kept[kept:]
    os.write(report, json.dumps({"counts": counts, "text": "".join(stream.kept)[-60000:]}).encode())
    os.close(report)


def share_ports(index, jobs):
    """Each process has a part of the ports for itself."""
    import harness  # pylint: disable=import-outside-toplevel # it lies beside this file
    size = len(harness.PORTS) // jobs
    harness.PORTS = harness.PORTS[index * size:(index + 1) * size]
    harness.next_port = random.choice(harness.PORTS)


def run_side_by_side(tests, jobs):
    """The same as run_here, in JOBS processes. Returns the counts; a process that ends without its report is a failure."""
    classes = {}
    for test in tests:
        classes.setdefault(type(test), []).append(test)
    classes = list(classes.values())[:255]
    numbers, more = os.pipe()
    os.write(more, bytes(range(len(classes))))
    os.close(more)
    sys.stdout.flush()
    reports = []
    for index in range(jobs):
        report, its_end = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(report)
            random.seed()
            share_ports(index, jobs)
            work(classes, numbers, its_end)
            sys.exit(0)
        os.close(its_end)
        reports.append((child, report))
    counts = [0, 0, 0]
    for child, report in reports:
        with os.fdopen(report, "rb") as file:
            text = file.read()
        os.waitpid(child, 0)
        said = json.loads(text) if text else {"counts": [0, 1, 0], "text": "a process of the tests ended without a report"}
        counts = [a + b for a, b in zip(counts, said["counts"])]
        print(said["text"], end="")
    return counts


def interrupt(number, _frame):
    """Ends the run as Ctrl-C does, so that nothing is left behind."""
    raise KeyboardInterrupt(number)


def main():
    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGHUP, interrupt)
    parser = argparse.ArgumentParser()
    parser.add_argument("--result")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    sys.path.insert(0, str(HERE))
    import harness  # pylint: disable=import-outside-toplevel # it lies beside this file
    if not harness.SBIN.is_dir():
        sys.exit(f"{harness.SBIN} is not there: ANGARIUM_PREFIX has to name an installed tree")
    tests = unittest.TestLoader().discover(str(HERE), top_level_dir=str(HERE))
    chosen = list(selected(tests, arguments.names))
    if arguments.jobs > 1:
        passed, failed, skipped = run_side_by_side(chosen, arguments.jobs)
    else:
        passed, failed, skipped = run_here(unittest.TestSuite(chosen), sys.stdout)
    if arguments.result:
        with open(arguments.result, "w", encoding="ascii") as file:
            file.write(f"{passed} {failed} {skipped}\n")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
