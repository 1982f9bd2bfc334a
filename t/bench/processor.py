"""How much of the processors a measured server uses, beside how fast it is.

    with Meter(server.pids) as meter:
        ...
    return meter.rate(messages)

The time of a server is that of its processes and of those that they have reaped (/proc/PID/stat); what the kernel does for it elsewhere,
in its own threads, is missing there, but not in the share of the machine that was idle (/proc/stat).
"""

import collections
import contextlib
import os
import pathlib
import struct
import time

from measures import Skipped

Figure = collections.namedtuple("Figure", "value microseconds idle", defaults=(None, None))  # microseconds for each operation; idle from 0 to 1

TICK = 1 / os.sysconf("SC_CLK_TCK")  # seconds; /proc counts in these
IDLE_FIELDS = (3, 4)                 # of /proc/stat: idle, and idle while a disk works
COUNTED_FIELDS = 8                   # those behind them, of guests, are in the first two already
DRIVER = pathlib.Path("/sys/devices/system/cpu/cpuidle/current_driver")


def parse_process(text):
    """Seconds that a process and those that it has reaped have used, from its stat file. Its name, in parentheses, can hold anything."""
    fields = text.rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) * TICK


def parse_machine(text):
    """(seconds idle, seconds in all) of all processors together, from /proc/stat."""
    words = text.split("\n", 1)[0].split()
    if words[0] != "cpu":
        raise ValueError("/proc/stat begins otherwise")
    fields = [int(word) for word in words[1:1 + COUNTED_FIELDS]]
    return sum(fields[index] for index in IDLE_FIELDS) * TICK, sum(fields) * TICK


def seconds_of(pids):
    total = 0
    for pid in pids:
        try:
            total += parse_process(pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace"))
        except OSError:
            continue  # it has ended meanwhile: its parent has its time
    return total


def machine_seconds():
    return parse_machine(pathlib.Path("/proc/stat").read_text(encoding="ascii"))


class Meter:
    """with Meter(pids): from here to its end; PIDS is a function that returns the server's processes."""

    def __init__(self, pids):
        self.pids = pids

    def read(self):
        idle, total = machine_seconds()
        return seconds_of(self.pids()), idle, total

    def __enter__(self):
        self.before = self.read()
        self.start = time.monotonic()
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self.start
        self.used, idle, total = (after - before for before, after in zip(self.before, self.read()))
        self.idle = idle / total if total > 0 else None

    def figure(self, value, count):
        """VALUE, and what each of COUNT operations took of the processors."""
        return Figure(value, self.used * 1e6 / count, self.idle)

    def rate(self, count):
        """Operations a second."""
        return self.figure(count / self.seconds, count)


@contextlib.contextmanager
def kept_awake():
    """No processor sleeps: one with nothing to do polls for something (by power management's quality of service). So it is on a busy
    machine, where nobody pays for wake-ups, which take long on a virtual machine.

    Processes of SCHED_IDLE that spin are no replacement: only within their own session (autogroup) does everything else go before them.
    """
    try:
        if DRIVER.read_text(encoding="ascii").strip() == "none":
            raise Skipped("processors cannot be kept awake without a driver of their idle states")
        request = open("/dev/cpu_dma_latency", "wb", buffering=0)
    except OSError as reason:
        raise Skipped(f"processors cannot be kept awake: {reason}") from reason
    with request:
        request.write(struct.pack("i", 0))  # microseconds that waking up may take, for as long as this is open
        yield
