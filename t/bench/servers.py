"""What is measured: a server on ports of its own, in its own directory. Here are ours and the sink; see others.py."""

import functools
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

os.environ["ANGARIUM_KEEP"] = "1"  # see t/bench/run: what one turn removes would slow the next one down
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "suite"))
from harness import ALL_SERVICES, DOMAIN, PASSWORD, SBIN, Suite, children_of, eventually, free_ports  # noqa: E402

YESCRYPT = "$y$j9T$benchbenchbenchbench$"  # as dear as passwd(1) makes it
CHEAP = "$5$rounds=1000$bench$"            # where it is not logins that are measured


@functools.cache
def hash_of(password, setting):
    script = "print crypt($ARGV[0], $ARGV[1])"
    return subprocess.run(["perl", "-e", script, password, setting], check=True, capture_output=True, text=True).stdout


def wait_port(port):
    def accepts():
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0
    eventually(accepts, f"something listens on port {port}", 30)


def descendants(pid):
    """PID and all below it."""
    found = [pid]
    for child in children_of(pid):
        found += descendants(child)
    return found


def memory(pids):
    """Bytes of PIDS together, each page counted once (PSS)."""
    total = 0
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total


class Server:
    name = ""
    setting = YESCRYPT  # of passwords
    smtp_port = None

    @property
    def smtp_ports(self):
        """Those that the load is divided among."""
        return [self.smtp_port]

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True)
        self.directory.chmod(0o755)

    @staticmethod
    def available():
        return True

    def count(self, user):
        """Messages in USER's new/."""
        try:
            return len(os.listdir(self.maildir(user) / "new"))
        except OSError:
            return 0

    def pids(self):
        raise NotImplementedError


class Angarium(Server):
    name = "Angarium"
    unlimited = {"smtp_sessions_per_address": 0, "smtp_session_rate_per_address": "off", "smtp_message_rate_per_address": "off",
                 "smtp_recipient_rate_per_address": "off", "pop3_sessions_per_address": 0, "pop3_session_rate_per_address": "off",
                 "pop3_login_workers": 0, "pop3_session_workers": 0, "smtp_workers": 0, "hash_workers": 0, "hash_cost": 5, "log_level": "info"}

    def __init__(self, directory, relay_port=None, **directives):
        super().__init__(directory)
        self.suite = Suite(directory=self.directory, services=ALL_SERVICES, **{**self.unlimited, **directives})
        self.smtp_port, self.pop3_port = self.suite.smtp_port, self.suite.pop3_port
        self.relay_port = relay_port

    def start(self):
        self.suite.start()
        if self.relay_port:
            self.suite.dbtool("route", "add", "*", f"smtp://127.0.0.1:{self.relay_port}")

    def add_users(self, users):
        self.suite.add_domain()
        lines = "".join(f"user {user}@{DOMAIN} password={hash_of(PASSWORD, self.setting)}\n" for user in users)
        self.suite.dbtool("import", "--if-not-exists", "-", stdin=lines)

    def maildir(self, user):
        return self.suite.maildir(f"{user}@{DOMAIN}")

    def give(self, path, account):
        """PATH, made from outside, to the account of that directive."""
        if os.getuid() == 0:
            number = int(self.suite.configuration.read_text().partition(account + " ")[2].split()[0])
            subprocess.run(["chown", "-R", f"{number}:{number}", path], check=True)

    def own(self, path):
        """The mailbox at PATH was filled from outside."""
        self.give(path, "account_vmail")

    def pids(self):
        return [pid for process in self.suite.running.values() for pid in descendants(process.pid)]

    def queue_is_empty(self):
        tool = subprocess.run([SBIN / "queuetool", "-c", self.suite.configuration, "stats", "--json"], check=True, capture_output=True)
        return json.loads(tool.stdout)["messages"] == 0

    def stop(self):
        self.suite.stop()


class Sink(Server):
    """smtp-sink: takes mail and throws it away."""

    name = "smtp-sink"

    def __init__(self, directory):
        super().__init__(directory)
        self.smtp_port, = free_ports(1)

    def start(self):
        user = ["-u", "nobody"] if os.getuid() == 0 else []
        self.process = subprocess.Popen(["smtp-sink", *user, "-c", f"127.0.0.1:{self.smtp_port}", "1000"], stdin=subprocess.DEVNULL,
                                        stdout=open(self.directory / "count", "wb"), stderr=subprocess.DEVNULL)
        wait_port(self.smtp_port)

    def pids(self):
        return [self.process.pid]

    def count(self, user=None):
        """Messages that have come."""
        found = re.findall(rb"mesg=(\d+)", (self.directory / "count").read_bytes()[-200:])
        return int(found[-1]) if found else 0

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def now():
    return time.monotonic()
