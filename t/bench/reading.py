"""Reading mailboxes over POP3."""

import contextlib

from harness import DOMAIN, PASSWORD
from measures import Skipped, running
from processor import Meter, kept_awake
from servers import YESCRYPT


def fill(path, count, size=4096):
    """A Maildir with COUNT messages of SIZE bytes."""
    for name in ("cur", "new", "tmp"):
        (path / name).mkdir(parents=True)
    head = b"From: a@example.net\nTo: user@example.org\nSubject: bench\n\n"
    text = head + (b"x" * 63 + b"\n") * ((size - len(head)) // 64)
    crlf = len(text) + text.count(b"\n")
    for index in range(count):
        (path / "cur" / f"{1700000000 + index}.M{index}P1.bench,S={len(text)},W={crlf}:2,").write_bytes(text)


@contextlib.contextmanager
def filled(kind, directory, users, count, setting=YESCRYPT):
    """A server that runs, with COUNT messages for each of USERS."""
    server = kind(directory / "server")
    server.setting = setting
    with running(server):
        server.add_users(users)
        for user in users:
            fill(server.maildir(user), count)
            server.own(server.maildir(user))
        yield server


def opener(kind, messages, count):
    """Milliseconds from connecting until STAT's reply."""
    def measure(bench, directory):
        with filled(kind, directory, ["user"], bench.count(messages)) as server:
            account = (server.pop3_port, f"user@{DOMAIN}", PASSWORD)
            bench.program("bench_pop3", *account, "open", 1)
            with Meter(server.pids) as meter:
                value = bench.number("bench_pop3", *account, "open", count)
            return meter.figure(value, count)
    return measure


def retriever(kind, messages, ahead, awake=False):
    """Messages a second, of a session that is open already."""
    def measure(bench, directory):
        count = bench.count(messages)
        with filled(kind, directory, ["user"], count) as server, kept_awake() if awake else contextlib.nullcontext():
            account = (server.pop3_port, f"user@{DOMAIN}", PASSWORD)
            bench.program("bench_pop3", *account, "open", 1)
            with bench.start("bench_pop3", *account, "retr", ahead) as client:
                client.stdout.readline()
                with Meter(server.pids) as meter:
                    client.stdin.close()
                    line = client.stdout.readline()
            if client.returncode != 0:
                raise Skipped("bench_pop3 failed")
            return meter.figure(float(line), count)
    return measure


def logins(kind, clients, seconds, users, messages):
    """Logins a second, each with STAT and QUIT."""
    def measure(bench, directory):
        with filled(kind, directory, [f"user{index}" for index in range(users)], messages) as server:
            account = (server.pop3_port, f"user%@{DOMAIN}", PASSWORD)
            bench.program("bench_pop3", *account, "logins", 2, 1, users)
            with Meter(server.pids) as meter:
                value = bench.number("bench_pop3", *account, "logins", clients, seconds, users)
            return meter.figure(value, value * meter.seconds)
    return measure
