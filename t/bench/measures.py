"""What is measured: each row with its contestants, the first of which is ours, and the figures to reach."""

import collections
import pathlib
import resource
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "suite"))
from harness import DOMAIN, PASSWORD, eventually  # noqa: E402
from servers import Angarium, Dovecot, OpenSmtpd, Postfix, Sink, memory, now  # noqa: E402

Row = collections.namedtuple("Row", "name what unit more_is_better contestants targets")
Target = collections.namedtuple("Target", "text against value at_least")
FLOOR_BATCH = 20  # messages: as many as there are sessions


class Skipped(Exception):
    pass


class Bench:
    def __init__(self, programs, scale, directory=None):
        self.programs = programs
        self.scale = scale
        self.directory = directory
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def count(self, standard):
        return max(int(standard * self.scale), 20)

    def program(self, name, *arguments):
        result = subprocess.run([self.programs / name, *map(str, arguments)], capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise Skipped(f"{name}: {result.stderr.strip()}")
        return result.stdout

    def number(self, name, *arguments):
        return float(self.program(name, *arguments).split()[0])


class Running:
    """with Running(server): started, and stopped whatever happens."""

    def __init__(self, server):
        self.server = server

    def __enter__(self):
        self.server.start()
        return self.server

    def __exit__(self, *_):
        self.server.stop()


def need(server):
    if not server.available():
        raise Skipped("not installed, or not root")
    if shutil.which("smtp-source") is None:
        raise Skipped("there is no smtp-source (Postfix)")


def source(port, messages, sessions, size, recipient, *options):
    if shutil.which("smtp-source") is None:
        raise Skipped("there is no smtp-source (Postfix)")
    subprocess.run(["smtp-source", "-s", str(sessions), "-m", str(messages), "-l", str(size), "-f", "sender@example.net", "-t", recipient, *options,
                    f"127.0.0.1:{port}"], check=True, capture_output=True)


# ---- receiving into mailboxes ----

def receive(server, directory, messages, sessions, size, recipients):
    """Messages a second until the last is in its Maildir."""
    users = ["user"] if recipients == 1 else [f"{number}user" for number in range(recipients + 1)]
    options = () if recipients == 1 else ("-r", str(recipients))
    with Running(server(directory / "server")) as running:
        running.add_users(users)
        start = now()
        source(running.smtp_port, messages, sessions, size, f"user@{DOMAIN}", *options)
        eventually(lambda: sum(running.count(user) for user in users) >= messages * recipients, "the last message is in its mailbox", 60)
        return messages / (now() - start)


def receiver(server, standard, sessions, size, recipients=1):
    def measure(bench, directory):
        if server is not Angarium:
            need(server)
        return receive(server, directory, bench.count(standard), sessions, size, recipients)
    return measure


def files_floor(standard, size, batch):
    def measure(bench, directory):
        return bench.number("bench_floor", directory, bench.count(standard), size, batch)
    return measure


def sink_floor(standard, sessions, size):
    def measure(bench, directory):
        messages = bench.count(standard)
        with Running(Sink(directory / "server")) as sink:
            start = now()
            source(sink.smtp_port, messages, sessions, size, f"user@{DOMAIN}")
            return messages / (now() - start)
    return measure


def whole_floor(standard, sessions, size):
    """Both floors one after the other: what no server on this machine can do without."""
    def measure(bench, directory):
        (directory / "files").mkdir()
        files = files_floor(standard, size, sessions)(bench, directory / "files")
        return 1 / (1 / files + 1 / sink_floor(standard, sessions, size)(bench, directory))
    return measure


# ---- relaying ----

def relay(server, directory, messages, **directives):
    """Messages a second until the last is at the sink and the queue is empty."""
    with Running(Sink(directory / "sink")) as sink:
        with Running(server(directory / "server", **directives, relay_port=sink.smtp_port)) as running:
            start = now()
            source(running.smtp_port, messages, 20, 4096, "user@relayed.example")
            eventually(lambda: sink.count() >= messages and running.queue_is_empty(), "the last message is at the sink", 60)
            return messages / (now() - start)


def relayer(server, standard):
    def measure(bench, directory):
        if server is not Angarium:
            need(server)
        return relay(server, directory, bench.count(standard))
    return measure


# ---- reading ----

def fill(path, count, size=4096):
    """A Maildir with COUNT messages of SIZE bytes."""
    for name in ("cur", "new", "tmp"):
        (path / name).mkdir(parents=True)
    head = b"From: a@example.net\nTo: user@example.org\nSubject: bench\n\n"
    text = head + (b"x" * 63 + b"\n") * ((size - len(head)) // 64)
    crlf = len(text) + text.count(b"\n")
    for index in range(count):
        (path / "cur" / f"{1700000000 + index}.M{index}P1.bench,S={len(text)},W={crlf}:2,").write_bytes(text)


def reading(server, directory, users, count):
    running = server(directory / "server")
    running.start()
    running.add_users(users)
    for user in users:
        shutil.rmtree(running.maildir(user), ignore_errors=True)
        fill(running.maildir(user), count)
        running.own(running.maildir(user))
    return running


def reader(server, standard, mode, *arguments, users=1):
    names = ["user"] if users == 1 else [f"user{index}" for index in range(users)]

    def measure(bench, directory):
        if server is not Angarium and not server.available():
            raise Skipped("not installed, or not root")
        running = reading(server, directory, names, bench.count(standard) if users == 1 else standard)
        try:
            login = "user" if users == 1 else "user%"
            warm = ("open", 1) if users == 1 else ("logins", 2, 1, users)
            bench.program("bench_pop3", running.pop3_port, f"{login}@{DOMAIN}", PASSWORD, *warm)
            return bench.number("bench_pop3", running.pop3_port, f"{login}@{DOMAIN}", PASSWORD, mode, *arguments)
        finally:
            running.stop()
    return measure


# ---- idle sessions ----

def idle_pop3(server, sessions):
    def measure(bench, directory):
        if server is not Angarium and not server.available():
            raise Skipped("not installed, or not root")
        running = reading(server, directory, [f"user{index}" for index in range(sessions)], 0)
        try:
            before = memory(running.pids())
            arguments = [str(bench.programs / "bench_pop3"), str(running.pop3_port), f"user%@{DOMAIN}", PASSWORD, "idle", str(sessions)]
            with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
                client.stdout.readline()
                after = memory(running.pids())
                client.stdin.close()
            return (after - before) / sessions / 1024
        finally:
            running.stop()
    return measure


# ---- the table ----

MESSAGES = 20000

ROWS = [
    Row("receive-20", "4 KiB messages, 20 sessions, until the last is in its Maildir", "messages/s", True,
        [("Angarium", receiver(Angarium, MESSAGES, 20, 4096)), ("Postfix", receiver(Postfix, MESSAGES / 10, 20, 4096)),
         ("OpenSMTPD", receiver(OpenSmtpd, MESSAGES / 20, 20, 4096)), ("floor: files", files_floor(MESSAGES, 4096, 20)),
         ("floor: smtp-sink", sink_floor(MESSAGES, 20, 4096)), ("floor: both", whole_floor(MESSAGES, 20, 4096))],
        [Target("10 x Postfix", "Postfix", 10, True), Target("half of the floor", "floor: both", 0.5, True)]),
    Row("receive-1", "4 KiB messages, 1 session", "messages/s", True,
        [("Angarium", receiver(Angarium, MESSAGES / 5, 1, 4096)), ("Postfix", receiver(Postfix, MESSAGES / 20, 1, 4096)),
         ("OpenSMTPD", receiver(OpenSmtpd, MESSAGES / 40, 1, 4096)), ("floor: both", whole_floor(MESSAGES / 5, 1, 4096))],
        [Target("3 x Postfix", "Postfix", 3, True)]),
    Row("receive-64k", "64 KiB messages, 20 sessions", "messages/s", True,
        [("Angarium", receiver(Angarium, MESSAGES / 4, 20, 65536)), ("Postfix", receiver(Postfix, MESSAGES / 10, 20, 65536)),
         ("OpenSMTPD", receiver(OpenSmtpd, MESSAGES / 20, 20, 65536)), ("floor: both", whole_floor(MESSAGES / 4, 20, 65536))],
        [Target("5 x Postfix", "Postfix", 5, True)]),
    Row("receive-100", "4 KiB messages, 100 recipients in 100 mailboxes, 20 sessions", "messages/s", True,
        [("Angarium", receiver(Angarium, MESSAGES / 20, 20, 4096, 100)), ("Postfix", receiver(Postfix, MESSAGES / 100, 20, 4096, 100)),
         ("OpenSMTPD", receiver(OpenSmtpd, MESSAGES / 200, 20, 4096, 100))],
        [Target("5 x Postfix", "Postfix", 5, True)]),
    Row("pop3-open", "POP3 login and STAT, maildrop of 10,000 messages", "ms", False,
        [("Angarium", reader(Angarium, 10000, "open", 20)), ("Dovecot", reader(Dovecot, 10000, "open", 20))],
        [Target("20 x faster than Dovecot", "Dovecot", 20, True)]),
    Row("pop3-retr", "POP3 RETR of 10,000 messages of 4 KiB, one command at a time", "messages/s", True,
        [("Angarium", reader(Angarium, 10000, "retr", 1)), ("Dovecot", reader(Dovecot, 10000, "retr", 1))],
        [Target("3 x Dovecot", "Dovecot", 3, True)]),
    Row("pop3-pipelined", "the same, pipelined", "messages/s", True,
        [("Angarium", reader(Angarium, 10000, "retr", 64)), ("Dovecot", reader(Dovecot, 10000, "retr", 64))],
        [Target("3 x Dovecot", "Dovecot", 3, True)]),
    Row("pop3-logins", "POP3 logins, STAT and QUIT, 20 at once, 20 messages each", "logins/s", True,
        [("Angarium", reader(Angarium, 20, "logins", 20, 5, 40, users=40)), ("Dovecot", reader(Dovecot, 20, "logins", 20, 5, 40, users=40))],
        [Target("20 x Dovecot", "Dovecot", 20, True)]),
    Row("idle-pop3", "memory of an idle POP3 session, 10,000 logged in (Dovecot: 500)", "KiB", False,
        [("Angarium", idle_pop3(Angarium, 10000)), ("Dovecot", idle_pop3(Dovecot, 500))],
        [Target("at most 20 KiB", None, 20, False)]),
]
