"""Receiving into mailboxes and relaying, beside the floors for the same bytes."""

import collections
import contextlib
import os

from harness import DOMAIN, eventually
from measures import running, source
from processor import Figure, Meter, kept_awake
from servers import Sink

Work = collections.namedtuple("Work", "messages sessions size recipients kept awake", defaults=(1, False, False))
Work.__doc__ = """What smtp-source sends: MESSAGES of SIZE bytes to RECIPIENTS each over SESSIONS at once, with a connection for each
message, or all KEPT. Whether processors are kept AWAKE meanwhile."""


def mailboxes(work):
    """Those that smtp-source writes to: "user", or, with more recipients than one, numbers before it."""
    return ["user"] if work.recipients == 1 else ["user", *(f"{number}user" for number in range(work.recipients + 1))]


def send(server, messages, work, recipient=f"user@{DOMAIN}"):
    options = ["-d"] if work.kept else []
    if work.recipients > 1:
        options += ["-r", str(work.recipients)]
    source(server, messages, work.sessions, work.size, recipient, *options)


@contextlib.contextmanager
def metered(server, work):
    with kept_awake() if work.awake else contextlib.nullcontext(), Meter(server.pids) as meter:
        yield meter


def receiver(kind, work, part=1):
    """Messages a second until the last is in its Maildir. A slow server gets a PART of the messages."""
    def measure(bench, directory):
        messages, users = bench.count(work.messages / part), mailboxes(work)
        with running(kind(directory / "server")) as server:
            server.add_users(users)
            with metered(server, work) as meter:
                send(server, messages, work)
                eventually(lambda: sum(server.count(user) for user in users) >= messages * work.recipients, "the last message is in its mailbox", 60)
            return meter.rate(messages)
    return measure


def relayer(kind, work, part=1):
    """Messages a second until the last is at the sink and the queue is empty."""
    def measure(bench, directory):
        messages = bench.count(work.messages / part)
        with running(Sink(directory / "sink")) as sink, running(kind(directory / "server", relay_port=sink.smtp_port)) as server:
            with metered(server, work) as meter:
                send(server, messages, work, "user@relayed.example")
                eventually(lambda: sink.count() >= messages and server.queue_is_empty(), "the last message is at the sink", 60)
            return meter.rate(messages)
    return measure


# ---- floors ----

def files_floor(work):
    """One batch is what all sessions have under way."""
    def measure(bench, directory):
        messages = bench.count(work.messages)
        with Meter(lambda: [os.getpid()]) as meter:  # with its children that have ended
            value = bench.number("bench_floor", directory, messages, work.size, work.sessions, work.recipients)
        return meter.figure(value, messages)
    return measure


def sink_floor(work):
    def measure(bench, directory):
        messages = bench.count(work.messages)
        with running(Sink(directory / "server")) as sink, metered(sink, work) as meter:
            send(sink, messages, work)
        return meter.rate(messages)
    return measure


def whole_floor(work):
    """Both floors one after the other: what no server on this machine can do without."""
    def measure(bench, directory):
        (directory / "files").mkdir()
        files, sink = files_floor(work)(bench, directory / "files"), sink_floor(work)(bench, directory)
        return Figure(1 / (1 / files.value + 1 / sink.value), files.microseconds + sink.microseconds)
    return measure
