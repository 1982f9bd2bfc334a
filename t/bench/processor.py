"""How much of the processors a measured server uses, beside how fast it is.

    with Meter(server.pids) as meter:
        ...
    return meter.rate(messages)

The time of a server is that of its processes and of those that they have reaped (/proc/PID/stat); what the kernel does for it elsewhere, in its own threads,
is missing there, but not in the share of the machine that was idle (/proc/stat). On the load generator's machine a server that uses less could do more.
"""

import collections
import os
import pathlib
import time

Figure = collections.namedtuple("Figure", "value microseconds idle", defaults=(None, None))  # microseconds for each operation; idle from 0 to 1

TICK = 1 / os.sysconf("SC_CLK_TCK")  # seconds; /proc counts in these
IDLE_FIELDS = (3, 4)                 # of /proc/stat: idle, and idle while a disk works
COUNTED_FIELDS = 8                   # those behind them, of guests, are in the first two already


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
    """with Meter(pids): from here to its end; PIDS is a function that returns the server's processes. The processes AWAKE count as idleness."""

    def __init__(self, pids, awake=()):
        self.pids = pids
        self.awake = awake

    def read(self):
        idle, total = machine_seconds()
        return seconds_of(self.pids()), idle + seconds_of(self.awake), total

    def __enter__(self):
        self.before = self.read()
        self.start = time.monotonic()
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self.start
        self.used, idle, total = (after - before for before, after in zip(self.before, self.read()))
        self.idle = min(idle / total, 1) if total > 0 else None

    def figure(self, value, count):
        """VALUE, and what each of COUNT operations took of the processors."""
        return Figure(value, self.used * 1e6 / count, self.idle)

    def rate(self, count):
        """Operations a second."""
        return self.figure(count / self.seconds, count)


def spin():
    while True:
        pass


class Awake:
    """with Awake() as awake: no processor sleeps. A process on each spins when nothing else wants to run (SCHED_IDLE), so that what is measured holds no wake-ups
    of processors, which take long on a virtual machine. On a machine that is busy there are none anyway."""

    def __init__(self):
        self.pids = []

    def __enter__(self):
        for processor in os.sched_getaffinity(0):
            pid = os.fork()
            if pid == 0:
                os.sched_setaffinity(0, {processor})
                os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
                spin()
            self.pids.append(pid)
        return self

    def __exit__(self, *_):
        for pid in self.pids:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
