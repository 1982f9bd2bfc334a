"""What the workloads of t/crash/power have in common: how each changes the table and sends mail, and what it was promised."""

import hashlib
import random
import re
import signal
import subprocess
import threading
import time

from harness import DOMAIN, SBIN, eventually

USERS = [f"user{index}@{DOMAIN}" for index in range(6)]
LIST = "list@" + DOMAIN  # leads to the first three
FULL = "full@" + DOMAIN  # takes nothing: whoever sends to it gets a report
SENDER = USERS[0]
ELSEWHERE = "elsewhere.example"  # whose mailboxes lie on a file system of their own
FAR = [f"far{index}@{ELSEWHERE}" for index in range(2)]
LINE = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ -- .:!?\r\n"
QUEUED_AS = re.compile(rb"250 2\.0\.0 Ok: queued as (\w{13})\r\n")


class Ledger:
    """What was promised to whom, and when (nanoseconds since 1970)."""

    def __init__(self):
        self.lock = threading.Lock()
        self.messages = {}  # queue id: (digest of the content without CRs, the users that it is for)
        self.digests = set()  # of everything that was sent
        self.changes = []   # of the table: (began, ended, whether it returned)
        self.orders = []    # of queuetool: (began, returned or None, verb, queue ids)
        self.relayed = {}   # (queue id, address): when another host had it

    def leads_to(self, address):
        return USERS[:3] if address == LIST else [address]


class Workload:
    """SERVICES are started in this order, with DIRECTIVES. run() does it all; the caller stops what is running then."""

    name = ""
    share = 0.0  # of all states
    services = ()
    directives = {}

    def __init__(self, suite, ledger, seed, messages):
        self.suite = suite
        self.ledger = ledger
        self.seed = seed
        self.messages = messages  # how many, where that may be chosen
        self.faults = []

    def prepare(self):
        """What is to be there when the record begins; nothing runs at its end. False: nothing is."""
        return False

    def close(self):
        """What else is to be put away in the end."""

    def killed_at(self, call, number):
        """The command under which a process dies when it asks for a sync for the NUMBERth time."""
        return [*self.suite.wrapper, "-e", f"inject={call}:signal=SIGKILL:when={number}"]

    # ---- the table ----

    def change(self, *arguments, command=None, stdin=None, may_die=False):
        """Returns whether it died."""
        began = time.time_ns()
        result = subprocess.run([*(command or []), SBIN / "dbtool", "-q", "-c", self.suite.configuration, *arguments], input=stdin,
                                text=True, capture_output=True, check=False)
        died = may_die and result.returncode == -signal.SIGKILL
        if result.returncode and not died:
            raise AssertionError(f"dbtool {' '.join(arguments)}: {result.stderr}{self.suite.log_end('tabled')}")
        self.ledger.changes.append((began, time.time_ns(), not died))
        return died

    # ---- mail ----

    def send(self, client, rng, size, recipients):
        """Returns how many messages were accepted."""
        text = LINE * (size // len(LINE)) + b"%d %d\r\n" % (size, rng.getrandbits(64))
        content = b"Subject: power\r\n\r\n" + text if size else b"Subject: %d\r\n\r\n" % rng.getrandbits(64)
        digest = hashlib.sha256(content.replace(b"\r", b"")).hexdigest()
        with self.ledger.lock:
            self.ledger.digests.add(digest)
        if client.command(f"MAIL FROM:<{SENDER}>").code != 250:
            return 0
        taken = [address for address in recipients if client.command(f"RCPT TO:<{address}>").code == 250]
        if not taken or client.command("DATA").code != 354:
            client.command("RSET")
            return 0
        client.send(content + b".\r\n")
        reply = client.reply()
        if reply.code == 250:
            users = sorted({user for address in taken for user in self.ledger.leads_to(address)})
            with self.ledger.lock:
                self.ledger.messages[reply.text.split()[-1]] = (digest, users)
            return 1
        time.sleep(0.02)
        return 0

    def arrived(self):
        return sum(len(self.suite.messages(user)) for user in USERS + FAR)

    def wait_arrived(self):
        wanted = sum(len(users) for _, users in self.ledger.messages.values())
        eventually(lambda: self.arrived() >= wanted, f"{wanted} messages arrive", 120)

    def send_one(self, size, *users):
        """Returns the queue id. smtpd may not know yet that queued has started again."""
        before = set(self.ledger.messages)
        rng = random.Random(f"{self.seed} {len(before)}")

        def accepted():
            with self.suite.smtp() as client:
                client.hello()
                return self.send(client, rng, size, users)
        eventually(accepted, "a message is accepted")
        return (set(self.ledger.messages) - before).pop()

    # ---- the queue ----

    def queuetool(self, verb, *queue_ids, may_fail=False):
        began = time.time_ns()
        result = subprocess.run([SBIN / "queuetool", "-c", self.suite.configuration, verb, *queue_ids], check=False, capture_output=True)
        if result.returncode and not may_fail:
            raise AssertionError(f"queuetool {verb}: {result.stderr}{self.suite.log_end('queued')}")
        self.ledger.orders.append((began, None if result.returncode else time.time_ns(), verb, queue_ids))

    def segments(self):
        return {path.name for path in (self.suite.directory / "spool" / "segment").glob("[0-9a-f]*")}


def promise_times(operations):
    """When each queue id was first sent in a 250: {id: nanoseconds}."""
    times = {}
    for operation in operations:
        if operation.kind == "send" and operation.who.startswith("smtpd"):
            for found in QUEUED_AS.findall(operation.data):
                times.setdefault(found.decode(), operation.began)
    return times
