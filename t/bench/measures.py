"""What is measured: each row with its contestants, the first of which is ours, and the figures to reach."""

import collections
import pathlib
import re
import resource
import socket
import ssl
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "suite"))
from harness import DOMAIN, PASSWORD, eventually, free_ports  # noqa: E402
from servers import CHEAP, YESCRYPT, Angarium, Dovecot, OpenSmtpd, Postfix, Sink, memory, now, wait_port  # noqa: E402

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
    users = ["user"] if recipients == 1 else ["user", *(f"{number}user" for number in range(recipients + 1))]
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

def relay(server, directory, messages):
    """Messages a second until the last is at the sink and the queue is empty."""
    with Running(Sink(directory / "sink")) as sink:
        with Running(server(directory / "server", relay_port=sink.smtp_port)) as running:
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


def fill_queue(bench, running):
    """Deferred mail for many domains, due within two hours, none of which can be found."""
    spool = running.directory / "spool"
    spool.mkdir()
    bench.program("bench_deferred", "fill", spool, bench.count(DEFERRED), bench.count(DEFERRED) // 100)
    running.give(spool, "account_queue")


def relay_beside_deferred(full):
    """New mail to another domain, with a queue that is full of deferred mail or empty."""
    def measure(bench, directory):
        messages = bench.count(MESSAGES)
        with Running(Sink(directory / "sink")) as sink:
            server = Angarium(directory / "server", dns_servers="127.0.0.1:9")
            if full:
                fill_queue(bench, server)
            with Running(server) as running:
                running.suite.dbtool("route", "add", "relayed.example", f"smtp://127.0.0.1:{sink.smtp_port}")
                start = now()
                source(running.smtp_port, messages, 20, 4096, "user@relayed.example")
                eventually(lambda: sink.count() >= messages, "the last message is at the sink", 120)
                return messages / (now() - start)
    return measure


def restart_with_deferred(bench, directory):
    """Seconds from the start of queued until a new message is at the sink."""
    with Running(Sink(directory / "sink")) as sink:
        server = Angarium(directory / "server", dns_servers="127.0.0.1:9")
        fill_queue(bench, server)
        services = server.suite.services
        server.suite.services = tuple(name for name in services if name != "queued")
        with Running(server) as running:
            running.suite.services = services
            running.suite.dbtool("route", "add", "relayed.example", f"smtp://127.0.0.1:{sink.smtp_port}")
            start = now()
            running.suite.start_service("queued")
            source(running.smtp_port, 1, 1, 4096, "user@relayed.example")
            eventually(lambda: sink.count() >= 1, "a message is at the sink", 60)
            return now() - start


def memory_of_deferred(bench, directory):
    (directory / "spool").mkdir()
    bench.program("bench_deferred", "fill", directory / "spool", bench.count(DEFERRED), bench.count(DEFERRED) // 100)
    return float(re.search(r"(\d+) bytes of memory each", bench.program("bench_deferred", "open", directory / "spool")).group(1))


# ---- the table, and handshakes ----

def lookups(users, clients, at_once, field):
    """FIELD of what bench_lookup prints: answers a second (0), or microseconds at the 99th percentile (2)."""
    def measure(bench, directory):
        with Running(Angarium(directory / "server")) as running:
            running.add_users([f"u{number}" for number in range(bench.count(users))])
            text = bench.program("bench_lookup", running.directory / "run" / "tabled-smtpd.sock", clients, at_once, 5, bench.count(users), DOMAIN)
            return float(re.findall(r"[0-9.]+", text)[field])
    return measure


def certificate(directory):
    key, chain = directory / "key.pem", directory / "chain.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", chain], check=True, capture_output=True)
    return chain, key


def handshakes_of_ours(kind, clients):
    def measure(bench, directory):
        chain, key = certificate(directory)
        port, = free_ports(1)
        with Running(Angarium(directory / "server", tls_certificate=f"{chain} {key}", smtps_listen=f"127.0.0.1:{port}")):
            return bench.number("bench_tls", port, kind, 4, clients)
    return measure


def handshakes_of_openssl(kind, clients):
    def measure(bench, directory):
        chain, key = certificate(directory)
        port, = free_ports(1)
        with subprocess.Popen(["openssl", "s_server", "-quiet", "-accept", f"127.0.0.1:{port}", "-cert", chain, "-key", key], stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
            try:
                wait_port(port)
                return bench.number("bench_tls", port, kind, 4, clients)
            finally:
                server.kill()
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


def reading(server, directory, users, count, setting=YESCRYPT):
    running = server(directory / "server")
    running.setting = setting
    running.start()
    running.add_users(users)
    for user in users:
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
        running = reading(server, directory, [f"user{index}" for index in range(sessions)], 0, CHEAP)
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


def idle_greeted(port_name, sessions, tls=False):
    """Ours, of sessions that have been greeted and say nothing; with TLS after the handshake."""
    def measure(bench, directory):
        options = {"smtp_sessions": 20000, "pop3_sessions": 20000, "pop3_login_timeout": "1h"}
        port = None
        if tls:
            port, = free_ports(1)
            chain, key = certificate(directory)
            options.update({"tls_certificate": f"{chain} {key}", f"{port_name}s_listen": f"127.0.0.1:{port}"})
        with Running(Angarium(directory / "server", **options)) as running:
            port = port or getattr(running, f"{port_name}_port")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            before = memory(running.pids())
            clients = []
            for _ in range(sessions):
                client = socket.create_connection(("127.0.0.1", port), timeout=30)
                clients.append(context.wrap_socket(client) if tls else client)
            for client in clients:
                client.recv(1000)
            after = memory(running.pids())
            for client in clients:
                client.close()
            return (after - before) / sessions / 1024
    return measure


# ---- the table ----

MESSAGES = 20000
DEFERRED = 1000000

ROWS = [
    Row("receive-20", "4 KiB messages, 20 sessions, until the last is in its Maildir", "messages/s", True,
        [("Angarium", receiver(Angarium, MESSAGES, 20, 4096)), ("Postfix", receiver(Postfix, MESSAGES / 10, 20, 4096)),
         ("OpenSMTPD", receiver(OpenSmtpd, MESSAGES / 200, 20, 4096)), ("floor: files", files_floor(MESSAGES, 4096, 20)),
         ("floor: smtp-sink", sink_floor(MESSAGES, 20, 4096)), ("floor: both", whole_floor(MESSAGES, 20, 4096))],
        [Target("10 x Postfix", "Postfix", 10, True), Target("half of the floor", "floor: both", 0.5, True)]),
    Row("receive-1", "4 KiB messages, 1 session", "messages/s", True,
        [("Angarium", receiver(Angarium, MESSAGES / 5, 1, 4096)), ("Postfix", receiver(Postfix, MESSAGES / 20, 1, 4096)),
         ("OpenSMTPD", receiver(OpenSmtpd, MESSAGES / 40, 1, 4096)), ("floor: both", whole_floor(MESSAGES / 5, 1, 4096))],
        [Target("3 x Postfix", "Postfix", 3, True)]),
    Row("receive-64k", "64 KiB messages, 20 sessions", "messages/s", True,
        [("Angarium", receiver(Angarium, MESSAGES / 4, 20, 65536)), ("Postfix", receiver(Postfix, MESSAGES / 10, 20, 65536)),
         ("OpenSMTPD", receiver(OpenSmtpd, MESSAGES / 200, 20, 65536)), ("floor: both", whole_floor(MESSAGES / 4, 20, 65536))],
        [Target("5 x Postfix", "Postfix", 5, True)]),
    Row("receive-100", "4 KiB messages, 100 recipients in 100 mailboxes, 20 sessions", "messages/s", True,
        [("Angarium", receiver(Angarium, MESSAGES / 20, 20, 4096, 100)), ("Postfix", receiver(Postfix, MESSAGES / 100, 20, 4096, 100)),
         ("OpenSMTPD", receiver(OpenSmtpd, MESSAGES / 400, 20, 4096, 100))],
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
    Row("relay-20", "relaying 4 KiB messages through the queue, 20 sessions, until the queue is empty", "messages/s", True,
        [("Angarium", relayer(Angarium, MESSAGES)), ("Postfix", relayer(Postfix, MESSAGES / 10)), ("OpenSMTPD", relayer(OpenSmtpd, MESSAGES / 200))],
        [Target("8 x Postfix", "Postfix", 8, True)]),
    Row("deferred-memory", "memory of a deferred message in queued, 1,000,000 of them to 10,000 domains", "bytes", False,
        [("Angarium", memory_of_deferred)], [Target("at most 400 bytes", None, 400, False)]),
    Row("deferred-restart", "from the start of queued with as many until a new message has left", "s", False,
        [("Angarium", restart_with_deferred)], [Target("within 10 seconds", None, 10, False)]),
    Row("deferred-flow", "relaying new messages beside as many", "messages/s", True,
        [("Angarium", relay_beside_deferred(True)), ("with an empty queue", relay_beside_deferred(False))],
        [Target("90 % of the speed with an empty queue", "with an empty queue", 0.9, True)]),
    Row("lookups", "address lookups, 1,000,000 users, 8 clients with 32 in flight each", "lookups/s", True,
        [("Angarium", lookups(1000000, 8, 32, 0))], [Target("100,000 a second", None, 100000, True)]),
    Row("lookup-time", "the 99th percentile of a lookup, 8 clients with 4 in flight each", "us", False,
        [("Angarium", lookups(1000000, 8, 4, 2))], [Target("under 1 ms", None, 1000, False)]),
    Row("tls-full", "full TLS 1.3 handshakes, ECDSA P-256, 4 clients", "handshakes/s", True,
        [("Angarium", handshakes_of_ours("new", 4)), ("openssl s_server", handshakes_of_openssl("new", 4))],
        [Target("70 % of openssl s_server", "openssl s_server", 0.7, True)]),
    Row("tls-resumed", "resumed TLS 1.3 handshakes, 4 clients", "handshakes/s", True,
        [("Angarium", handshakes_of_ours("resumed", 4)), ("openssl s_server", handshakes_of_openssl("resumed", 4))],
        [Target("80 % of openssl s_server", "openssl s_server", 0.8, True)]),
    Row("tls-full-1", "full TLS 1.3 handshakes, ECDSA P-256, 1 client", "handshakes/s", True,
        [("Angarium", handshakes_of_ours("new", 1)), ("openssl s_server", handshakes_of_openssl("new", 1))],
        [Target("70 % of openssl s_server", "openssl s_server", 0.7, True)]),
    Row("idle-smtp", "memory of an idle SMTP session, 10,000 sessions", "KiB", False, [("Angarium", idle_greeted("smtp", 10000))],
        [Target("at most 20 KiB", None, 20, False)]),
    Row("idle-smtp-tls", "memory of an idle SMTP session with TLS, 8,000 sessions", "KiB", False, [("Angarium", idle_greeted("smtp", 8000, True))],
        [Target("at most 60 KiB", None, 60, False)]),
    Row("idle-pop3-tls", "memory of an idle POP3 session with TLS, 8,000 sessions", "KiB", False, [("Angarium", idle_greeted("pop3", 8000, True))],
        [Target("at most 60 KiB", None, 60, False)]),
    Row("idle-pop3", "memory of an idle POP3 session, 10,000 logged in (Dovecot: 500)", "KiB", False,
        [("Angarium", idle_pop3(Angarium, 10000)), ("Dovecot", idle_pop3(Dovecot, 500))],
        [Target("at most 20 KiB", None, 20, False)]),
]
