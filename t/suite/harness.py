"""Starts the installed suite in a directory of its own, for tests that drive it from outside.

    suite = Suite(smtp_errors=5)       # directives that differ from this file's
    suite.start()
    suite.add_user("alice@example.org")
    ...
    suite.stop()                       # fails when a process crashed or a sanitizer reported something

As root each role gets an account of its own (numbers that nobody has), so that the separation of privileges is real. As a
normal user everything runs as that user. No test waits for a fixed time: readiness is told by sd_notify(3), and
everything else is a condition with a deadline.
"""

import atexit
import os
import pathlib
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

SERVICES = ("tabled", "queued", "deliverd", "smtpd", "pop3d")  # in the order in which they are started
ALL_SERVICES = ("tabled", "queued", "deliverd", "relayd", "smtpd", "pop3d")  # with those that only tests of relaying need
PREFIX = pathlib.Path(os.environ.get("ANGARIUM_PREFIX", "/usr/local"))  # the installed tree
SBIN = PREFIX / "sbin"
SANITIZED = os.environ.get("ANGARIUM_SANITIZED") == "1"
SLOWNESS = 5 if SANITIZED else 1  # deadlines are this much longer
PATIENCE = 60  # seconds until something that must happen counts as missing, on however slow a machine
PASSWORD = "correct horse"
DOMAIN = "example.org"
FIRST_ACCOUNT = 64101
ACCOUNTS = ("table", "queue", "smtp", "login", "vmail", "key", "relay", "dns")
if SANITIZED:
    # The leak checker reads /proc, which a confined role cannot; the unit tests look for leaks.
    os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=0")
SANITIZER_REPORT = re.compile(r"ERROR: \w+Sanitizer|runtime error:|LeakSanitizer|AddressSanitizer:DEADLYSIGNAL")
CRASH = re.compile(r"event=role\.died (?!.*\bsignal=9\b).*")  # the tests themselves kill by signal 9


def is_root():
    return os.getuid() == 0


def eventually(condition, what, seconds=PATIENCE):
    """Returns CONDITION's first true value, or fails when there is none within the deadline."""
    deadline = time.monotonic() + seconds * SLOWNESS
    pause = 0.002
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds * SLOWNESS} seconds in vain: {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


PORTS = range(10000, 32000)  # below those that the kernel gives to clients, one of which could have taken a free one meanwhile
next_port = random.SystemRandom().choice(PORTS)


def free_ports(count):
    """Ports of 127.0.0.1 that nobody listens on, and that this process has not given for long."""
    global next_port
    found = []
    while len(found) < count:
        next_port = next_port + 1 if next_port + 1 in PORTS else PORTS.start
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", next_port)) == 0:
                continue
        try:
            with socket.socket() as one:
                one.bind(("127.0.0.1", next_port))
            found.append(next_port)
        except OSError:
            continue
    return found


def children_of(pid):
    """Process ids of the living children of PID."""
    try:
        text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(word) for word in text.split()]


def is_running(pid):
    """Whether PID does anything still: one that nobody has waited for yet does not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def command_line(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def abandon_all():
    """What stop() did not come to, when the tests were interrupted: ends every process and removes every directory."""
    for suite in list(Suite.living):
        suite.abandon()


class Suite:
    """One instance of the suite. Directives given by name replace or extend the configuration."""

    living = set()

    def __init__(self, services=SERVICES, directory=None, **directives):
        self.services = services
        self.directory = pathlib.Path(directory or tempfile.mkdtemp(prefix="angarium-test-"))
        self.living.add(self)
        self.directory.chmod(0o755)  # the roles' accounts have to get through
        self.smtp_port, self.submission_port, self.pop3_port = free_ports(3)
        self.configuration = self.directory / "angarium.conf"
        self.directives = directives
        self.programs = {}  # those of services that are not the installed ones
        self.wrapper = []  # a command that the services are started by
        self.running = {}
        self.expected_crashes = False
        self.log_directory = self.directory / "log"
        self.log_directory.mkdir(exist_ok=True)
        self.write_configuration()

    # ---- configuration ----

    def write_configuration(self, **changes):
        self.directives.update(changes)
        values = {
            "hostname": "mail." + DOMAIN,
            "run_directory": self.directory / "run",
            "spool_directory": self.directory / "spool",
            "table_directory": self.directory / "table",
            "mail_directory": self.directory / "mail",
            "smtp_listen": f"127.0.0.1:{self.smtp_port}",
            "submission_listen": f"127.0.0.1:{self.submission_port}",
            "pop3_listen": f"127.0.0.1:{self.pop3_port}",
            "smtp_workers": 2,
            "hash_workers": 1,
            "hash_cost": 1,
            "auth_failures_per_address": 0,  # tests of these set them themselves
            "auth_failures_per_account": 0,
            "auth_failure_delay": "0s",
            "pop3_login_workers": 1,
            "pop3_session_workers": 1,
            "log": "stderr",
            "log_level": "info",
        }
        if is_root():
            values.update({f"account_{name}": FIRST_ACCOUNT + index for index, name in enumerate(ACCOUNTS)})
        values.update(self.directives)
        self.configuration.write_text("".join(f"{key} {value}\n" for key, value in values.items() if value is not None))

    # ---- services ----

    def start(self):
        for service in self.services:
            self.start_service(service)
        return self

    def start_service(self, service):
        notify_path = self.directory / "notify.sock"
        notify_path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, open(self.log_path(service), "ab") as log:
            notify.bind(str(notify_path))
            environment = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
            environment.update(PATH=os.environ["PATH"], NOTIFY_SOCKET=str(notify_path))
            process = subprocess.Popen([*self.wrapper, self.programs.get(service, SBIN / service), "-c", self.configuration], stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log, env=environment, start_new_session=True)
            self.running[service] = process
            ended = os.pidfd_open(process.pid)
            try:
                self.wait_ready(service, notify, ended)
            finally:
                os.close(ended)
                notify_path.unlink()

    def wait_ready(self, service, notify, ended):
        deadline = time.monotonic() + PATIENCE * SLOWNESS
        while True:
            readable = select.select([notify, ended], [], [], max(deadline - time.monotonic(), 0))[0]
            if notify in readable:
                if b"READY=1" in notify.recv(4096).split(b"\n"):
                    return
                continue
            process = self.running.pop(service)
            process.kill()
            process.wait()
            reason = "it ended" if readable else "it never said so"
            raise AssertionError(f"{service} did not become ready: {reason}\n" + self.log_end(service))

    def stop_service(self, service):
        """Asks a service to stop, and returns its exit status."""
        process = self.running.pop(service)
        process.terminate()
        try:
            return process.wait(PATIENCE * SLOWNESS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"{service} did not stop\n" + self.log_end(service)) from None

    def kill_service(self, service):
        """SIGKILL for the parent and every role, at once."""
        process = self.running.pop(service)
        for pid in children_of(process.pid) + [process.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        process.wait()

    def reload(self, service):
        os.kill(self.pid(service), signal.SIGHUP)

    def pid(self, service):
        return self.running[service].pid

    def roles(self, service, role=None):
        """Process ids of a service's roles."""
        pids = children_of(self.pid(service))
        return [pid for pid in pids if role is None or role in command_line(pid).split()]

    def kill_role(self, service, role):
        """SIGKILL for each process of a role; returns when the parent has noticed."""
        killed = eventually(lambda: self.roles(service, role), f"{service} has a {role}")
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: not any(pid in children_of(self.pid(service)) for pid in killed), f"{service} buries its {role}")

    def stop(self):
        """Stops everything and removes the directory. Fails when something crashed meanwhile."""
        statuses = {}
        try:
            for service in reversed([name for name in self.services if name in self.running]):
                statuses[service] = self.stop_service(service)
            problems = self.problems()
            wrong = {service: status for service, status in statuses.items() if status != 0}
            if wrong and not problems:
                problems = f"exit statuses: {wrong}\n" + "\n".join(self.log_end(service) for service in wrong)
            if problems:
                raise AssertionError(problems)
        finally:
            self.abandon()

    def abandon(self):
        for process in self.running.values():
            process.kill()
            process.wait()
        self.running.clear()
        self.living.discard(self)
        if not os.environ.get("ANGARIUM_KEEP"):
            shutil.rmtree(self.directory, ignore_errors=True)

    # ---- logs ----

    def log_path(self, service):
        return self.log_directory / (service + ".log")

    def log(self, service=None):
        names = [service] if service else self.services
        return "\n".join(self.log_path(name).read_text(errors="replace") for name in names if self.log_path(name).exists())

    def log_end(self, service, lines=25):
        return f"---- {service} ----\n" + "\n".join(self.log(service).splitlines()[-lines:])

    def log_ends(self):
        return "\n".join(self.log_end(service) for service in self.services)

    def problems(self):
        """What no test may leave in the logs."""
        text = self.log()
        found = SANITIZER_REPORT.search(text)
        if not found and not self.expected_crashes:
            found = CRASH.search(text)
        if not found:
            return ""
        return f"in the log: {found.group(0)}\n" + text[max(found.start() - 500, 0):found.start() + 4000]

    # ---- the table ----

    def dbtool(self, *arguments, stdin=None, check=True, timeout=60):
        command = [SBIN / "dbtool", "-c", self.configuration, *arguments]
        result = subprocess.run(command, input=stdin, text=True, capture_output=True, timeout=timeout * SLOWNESS, check=False)
        if check and result.returncode:
            raise AssertionError(f"dbtool {' '.join(map(str, arguments))}: status {result.returncode}: {result.stderr}\n"
                                 + self.log_end("tabled"))
        return result

    def add_domain(self, domain=DOMAIN, *options):
        self.dbtool("domain", "add", "--if-not-exists", *options, domain)

    def add_user(self, address, *options, password=PASSWORD):
        self.add_domain(address.partition("@")[2])
        self.dbtool("user", "add", "--password-stdin", *options, address, stdin=password + "\n")

    # ---- mailboxes ----

    def maildir(self, address):
        local, _, domain = address.partition("@")
        return self.directives.get("mail_directory", self.directory / "mail") / domain / local

    def messages(self, address, folder=""):
        """The files of new/ and cur/, oldest first by name."""
        base = self.maildir(address)
        if folder:
            base = base / ("." + folder)
        return sorted((path for sub in ("new", "cur") for path in (base / sub).glob("*")), key=lambda path: path.name)

    def wait_messages(self, address, count=1, folder="", seconds=PATIENCE):
        """Waits until COUNT messages are there, and returns their contents."""
        def enough():
            paths = self.messages(address, folder)
            return paths if len(paths) >= count else None
        try:
            paths = eventually(enough, f"{count} messages for {address}", seconds)
        except AssertionError as failure:
            raise AssertionError(f"{failure}; there are {len(self.messages(address, folder))}\n" + self.log_ends()) from None
        return [path.read_bytes() for path in paths]

    def deliver(self, address, body=b"Subject: test\r\n\r\ntext\r\n", count=1):
        """Sends COUNT messages and waits until they are in the mailbox."""
        before = len(self.messages(address))
        with self.smtp() as client:
            client.hello()
            for _ in range(count):
                client.message("sender@example.net", [address], body)
        return self.wait_messages(address, before + count)

    def wait_accepting(self, address):
        """Waits until mail for ADDRESS is accepted again, and sends one message so."""
        def accepted():
            with self.smtp() as client:
                client.hello()
                client.command("MAIL FROM:<sender@example.net>")
                if client.command(f"RCPT TO:<{address}>").code != 250 or client.command("DATA").code != 354:
                    return False
                client.send(b"Subject: once more\r\n\r\n.\r\n")
                return client.reply().code == 250
        eventually(accepted, f"mail for {address} is accepted")

    def wait_login(self, login, password=PASSWORD):
        """Waits until the maildrop can be opened, and returns the open session."""
        def opened():
            client = self.pop3()
            client.ok(f"USER {login}")
            if client.command(f"PASS {password}").startswith("+OK"):
                return client
            client.close()
            return None
        return eventually(opened, f"{login} can log in")

    # ---- clients ----

    def smtp(self, port=None):
        return SmtpClient(port or self.smtp_port)

    def pop3(self, login=None, password=PASSWORD):
        client = Pop3Client(self.pop3_port)
        if login:
            client.login(login, password)
        return client


atexit.register(abandon_all)


class LineClient:
    """A socket that sends bytes exactly as given and reads lines."""

    def __init__(self, port, source=None):
        address = (source, 0) if source else None
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE * SLOWNESS, source_address=address)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def vanish(self):
        """Ends the connection with a reset, as a crashed client's system does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.close()

    def send(self, data):
        self.socket.sendall(data)

    def line(self):
        line = self.file.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError(f"the server closed the connection, after {line!r}")
        if not line.endswith(b"\r\n"):
            raise AssertionError(f"a reply without CRLF: {line!r}")
        return line[:-2]

    def closed(self):
        """True when the server closes without another word."""
        try:
            return self.file.read(1) == b""
        except ConnectionResetError:
            return True


class Reply:
    """An SMTP reply (RFC 5321 4.2)."""

    def __init__(self, lines):
        self.code = int(lines[0][:3])
        self.lines = [line[4:].decode("utf-8") for line in lines]
        self.text = "\n".join(self.lines)
        found = re.match(r"[245]\.\d{1,3}\.\d{1,3}(?= )", self.lines[0])
        self.status = found.group(0) if found else ""

    def __repr__(self):
        return f"{self.code} {self.text}"


class SmtpClient(LineClient):
    """An SMTP client that can be as wrong as a test wants it."""

    def __init__(self, port, source=None):
        super().__init__(port, source)
        self.greeting = self.reply()
        self.capabilities = {}

    def reply(self):
        lines = [self.line()]
        while lines[-1][3:4] == b"-":
            lines.append(self.line())
        codes = {line[:3] for line in lines}
        if len(codes) != 1 or any(len(line) > 510 for line in lines):
            raise AssertionError(f"a malformed reply: {lines}")
        return Reply(lines)

    def command(self, line):
        self.send((line if isinstance(line, bytes) else line.encode()) + b"\r\n")
        return self.reply()

    def expect(self, code, line):
        reply = self.command(line)
        if reply.code != code:
            raise AssertionError(f"{line!r}: {code} was expected: {reply}")
        return reply

    def hello(self):
        reply = self.expect(250, "EHLO client.example.net")
        self.capabilities = {line.split(" ")[0].upper(): line.split(" ")[1:] for line in reply.lines[1:]}
        return reply

    def envelope(self, sender, recipients, parameters=""):
        self.expect(250, f"MAIL FROM:<{sender}>" + (" " + parameters if parameters else ""))
        for recipient in recipients:
            self.expect(250, f"RCPT TO:<{recipient}>")

    def data(self, body):
        """BODY has CRLF line ends and no dots at line starts; returns the reply to its end."""
        self.expect(354, "DATA")
        self.send(body + b".\r\n")
        return self.reply()

    def message(self, sender, recipients, body=b"Subject: test\r\n\r\ntext\r\n", parameters=""):
        self.envelope(sender, recipients, parameters)
        reply = self.data(body)
        if reply.code != 250:
            raise AssertionError(f"the message was not accepted: {reply}")
        return reply


class Pop3Client(LineClient):
    """A POP3 client that can be as wrong as a test wants it."""

    def __init__(self, port):
        super().__init__(port)
        self.greeting = self.line().decode()

    def command(self, line):
        self.send((line if isinstance(line, bytes) else line.encode()) + b"\r\n")
        return self.line().decode("utf-8")

    def ok(self, line):
        reply = self.command(line)
        if not reply.startswith("+OK"):
            raise AssertionError(f"{line!r}: {reply}")
        return reply

    def refused(self, line):
        reply = self.command(line)
        if not reply.startswith("-ERR"):
            raise AssertionError(f"{line!r} was not refused: {reply}")
        return reply

    def multiline(self):
        """The lines up to the final dot, unstuffed."""
        lines = []
        while True:
            line = self.line()
            if line == b".":
                return lines
            lines.append(line[1:] if line.startswith(b".") else line)

    def lines(self, command):
        self.ok(command)
        return self.multiline()

    def login(self, login, password=PASSWORD):
        self.ok(f"USER {login}")
        self.ok(f"PASS {password}")

    def uidl(self):
        return dict(line.decode().split(" ", 1) for line in self.lines("UIDL"))

    def quit(self):
        reply = self.ok("QUIT")
        if not self.closed():
            raise AssertionError("the server did not close after QUIT")
        return reply


class SuiteTest(unittest.TestCase):
    """A test that shares one running suite with the others of its class. Each takes mailboxes of its own by new_user()."""

    directives = {}
    suite = None
    counter = 0

    @classmethod
    def setUpClass(cls):
        cls.suite = Suite(**cls.directives)
        try:
            cls.suite.start()
            cls.suite.add_domain(DOMAIN)
            cls.prepare()
        except BaseException:
            try:
                cls.suite.stop()
            except AssertionError as failure:
                print(failure)
            raise

    @classmethod
    def prepare(cls):
        """What a class adds to the table once."""

    @classmethod
    def tearDownClass(cls):
        cls.suite.stop()

    def new_user(self, *options):
        type(self).counter += 1
        address = f"user{self.counter}@{DOMAIN}"
        self.suite.add_user(address, *options)
        return address

    def tearDown(self):
        problems = self.suite.problems()
        if problems:
            self.fail(problems)


class OwnSuiteTest(unittest.TestCase):
    """A test that starts a suite for itself, to change its configuration or to kill it."""

    def start_suite(self, users=(), **arguments):
        suite = Suite(**arguments)
        self.addCleanup(suite.stop)
        suite.start()
        if "tabled" in suite.services:
            suite.add_domain(DOMAIN)
        for user in users:
            suite.add_user(user)
        return suite
