"""Runs a workload while its file operations are recorded, until there is a record whose model ends with what lies on the disk."""

import itertools
import pathlib
import shutil
import tempfile
import time

import record
import replay
import workload
from harness import Suite

ATTEMPTS = 4      # at such a record
UNSURE = 6        # operations, at most, of which it is tried whether they have happened
FOREIGN = {"table/DB_CONFIG"}  # what a workload writes itself


def compare(operations, top, base):
    """Whether the model, at the end of the record, has what really lies on the disk. Returns the differences."""
    disk = replay.Disk(top, replay.REGIONS, base=base)
    for operation in operations:
        if operation.kind not in ("sync", "send"):
            try:
                disk.begin(operation)
            except AssertionError as failure:
                return [str(failure)]
    modelled = {}
    real = {}
    for region in replay.REGIONS:
        if (top / region).exists():
            view = disk.view(region, dict.fromkeys(disk.open_changes(region), True))
            modelled.update((region + path, inode) for path, inode in view)
            real.update((str(path.relative_to(top)), path) for path in [top / region, *(top / region).rglob("*")])
    differences = [f"only one has {path}" for path in set(modelled) ^ set(real) - FOREIGN]
    for path in set(modelled) & set(real):
        if not modelled[path].directory and real[path].read_bytes() != modelled[path].now:
            differences.append(f"{path} differs")
    return differences


def settle(operations, top, base):
    """
    Finds out by the end which of the operations that a kill has cut off have happened. Returns the operations, and what then still differs.
    """
    unsure = [operation for operation in operations if operation.unsure and operation.kind != "send"][:UNSURE]
    for happened in itertools.product((False, True), repeat=len(unsure)):
        missing = {operation for operation, done in zip(unsure, happened) if not done}
        left = [operation for operation in operations if operation not in missing]
        differences = compare(left, top, base)
        if not differences:
            break
    return left, differences


def snapshot(top):
    """{path: content, or None for a directory} of what lies in the regions."""
    paths = [path for region in replay.REGIONS if (top / region).exists() for path in [top / region, *(top / region).rglob("*")]]
    return {str(path.relative_to(top)): None if path.is_dir() else path.read_bytes() for path in paths}


class Recording:
    """BASE, and OPERATIONS below TOP, what the LEDGER promised, when, and in what the model DIFFERS from the disk at the end."""

    def __init__(self, kind, seed, messages):
        self.name = kind.name
        for _ in range(ATTEMPTS):
            self.ledger = workload.Ledger()
            self.base = {}
            self.record(kind, seed, messages)
            if not self.differences:
                break
            print(f"recorded once more: {self.differences[0]}", flush=True)
        self.promises = {**self.prepared, **workload.promise_times(self.operations)}

    def record(self, kind, seed, messages):
        calls = pathlib.Path(tempfile.mkdtemp(prefix="angarium-calls-"))
        suite = Suite(services=kind.services, **kind.directives)
        self.top = suite.directory
        work = kind(suite, self.ledger, seed, messages)
        try:
            if work.prepare() is not False:
                self.base = snapshot(self.top)
            self.prepared = dict.fromkeys(self.ledger.messages, time.time_ns())
            suite.wrapper = record.wrapper(calls)
            work.run()
            for service in reversed(kind.services):
                suite.stop_service(service)
            self.operations, self.differences = settle(record.Reader(calls, self.top).operations(), self.top, self.base)
        except AssertionError:
            print(suite.log_ends())
            raise
        finally:
            work.close()
            suite.abandon()
            shutil.rmtree(calls, ignore_errors=True)
