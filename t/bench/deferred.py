"""A queue full of deferred mail: its memory, the start with it, and new mail beside it."""

import re

from harness import eventually
from measures import running, source
from processor import Meter
from servers import Angarium, Sink, now

DEFERRED = 1000000  # messages
NEW = 20000         # messages that are relayed beside them


def fill_queue(bench, server):
    """Deferred mail for many domains, due within two hours, none of which can be found."""
    spool = server.directory / "spool"
    spool.mkdir()
    bench.program("bench_deferred", "fill", spool, bench.count(DEFERRED), bench.count(DEFERRED) // 100)
    server.give(spool, "account_queue")


def relay_beside_deferred(full):
    """New mail to another domain, with a queue that is full of deferred mail or empty."""
    def measure(bench, directory):
        messages = bench.count(NEW)
        with running(Sink(directory / "sink")) as sink:
            server = Angarium(directory / "server", dns_servers="127.0.0.1:9")
            if full:
                fill_queue(bench, server)
            with running(server):
                server.suite.dbtool("route", "add", "relayed.example", f"smtp://127.0.0.1:{sink.smtp_port}")
                with Meter(server.pids) as meter:
                    source(server, messages, 20, 4096, "user@relayed.example")
                    eventually(lambda: sink.count() >= messages, "the last message is at the sink", 120)
            return meter.rate(messages)
    return measure


def restart_with_deferred(bench, directory):
    """Seconds from the start of queued until a new message is at the sink."""
    with running(Sink(directory / "sink")) as sink:
        server = Angarium(directory / "server", dns_servers="127.0.0.1:9")
        fill_queue(bench, server)
        services = server.suite.services
        server.suite.services = tuple(name for name in services if name != "queued")
        with running(server):
            server.suite.services = services
            server.suite.dbtool("route", "add", "relayed.example", f"smtp://127.0.0.1:{sink.smtp_port}")
            start = now()
            server.suite.start_service("queued")
            source(server, 1, 1, 4096, "user@relayed.example")
            eventually(lambda: sink.count() >= 1, "a message is at the sink", 60)
            return now() - start


def memory_of_deferred(bench, directory):
    (directory / "spool").mkdir()
    bench.program("bench_deferred", "fill", directory / "spool", bench.count(DEFERRED), bench.count(DEFERRED) // 100)
    return float(re.search(r"(\d+) bytes of memory each", bench.program("bench_deferred", "open", directory / "spool")).group(1))
