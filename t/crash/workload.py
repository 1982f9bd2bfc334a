"""The workload of t/crash/power: mail and changes of the table, with restarts, while every file operation is recorded."""

import hashlib
import os
import random
import re
import signal
import subprocess
import threading
import time

from harness import DOMAIN, PASSWORD, SBIN, eventually

USERS = [f"user{index}@{DOMAIN}" for index in range(6)]
LIST = "list@" + DOMAIN  # leads to the first three
FULL = "full@" + DOMAIN  # takes nothing: whoever sends to it gets a report
SENDER = USERS[0]
LINE = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ -- .:!?\r\n"
SIZES = (0, 300, 1500, 4000, 7000, 12000, 30000, 90000)  # those above inline_limit lie in files
DIRECTIVES = {"segment_size": "4M", "inline_limit": "8k", "smtp_workers": 1, "retry": "1s", "over_quota": "reject"}
SERVICES = ("tabled", "queued", "deliverd", "smtpd")
HEADER_SIZE = 4096  # of a segment (doc/queue.md)
RESULT = re.compile(rb"ANGr.{8}\x03\x00", re.DOTALL)
QUEUED_AS = re.compile(rb"250 2\.0\.0 Ok: queued as (\w{13})\r\n")


class Ledger:
    """What was promised to whom, and when."""

    def __init__(self):
        self.lock = threading.Lock()
        self.messages = {}  # queue id: (digest of the content without CRs, the users that it is for)
        self.digests = set()  # of everything that was sent
        self.changes = []   # of the table: (began, returned), nanoseconds since 1970

    def leads_to(self, address):
        return USERS[:3] if address == LIST else [address]


class Workload:
    def __init__(self, suite, ledger, seed, messages):
        self.suite = suite
        self.ledger = ledger
        self.seed = seed
        self.messages = messages  # in each phase, of each sender
        self.faults = []

    # ---- the table ----

    def change(self, *arguments, command=None, stdin=None):
        began = time.time_ns()
        result = subprocess.run([*(command or []), SBIN / "dbtool", "-q", "-c", self.suite.configuration, *arguments], input=stdin,
                                text=True, capture_output=True, check=False)
        if result.returncode:
            raise AssertionError(f"dbtool {' '.join(arguments)}: {result.stderr}{self.suite.log_end('tabled')}")
        self.ledger.changes.append((began, time.time_ns()))

    def first_changes(self):
        """Before tabled runs, dbtool makes the table itself."""
        self.change("domain", "add", DOMAIN, command=self.suite.wrapper)
        self.suite.start_service("tabled")
        for user in USERS:
            self.change("user", "add", "--password-stdin", user, stdin=PASSWORD + "\n")
        self.change("user", "add", "--no-password", "--quota", "1K", FULL)
        self.change("alias", "add", LIST, *USERS[:3])

    def more_changes(self, phase):
        for index in range(4):
            name = f"extra{phase}{index}@{DOMAIN}"
            self.change("user", "add", "--no-password", name)
            self.change("alias", "add", f"to-{name}", name, LIST)
            if index % 2:
                self.change("alias", "del", f"to-{name}")
                self.change("user", "set", name, "--quota", "7M")
        if phase % 2:
            lines = "".join(f"alias import{phase}-{index}@{DOMAIN} to={USERS[index]}\n" for index in range(5))
            self.change("import", stdin=lines)

    # ---- mail ----

    def send_all(self, number, phase):
        rng = random.Random(f"{self.seed} {number} {phase}")
        left = self.messages
        while left and not self.faults:
            try:
                with self.suite.smtp() as client:
                    client.hello()
                    while left:
                        left -= self.send(client, rng)
            except OSError:
                time.sleep(0.02)  # its server was killed
            except Exception as failure:  # a thread that ends in silence would prove nothing
                self.faults.append(f"a sender: {failure!r}")

    def send(self, client, rng, size=None, recipients=None):
        size = rng.choice(SIZES) if size is None else size
        text = LINE * (size // len(LINE)) + b"%d %d\r\n" % (size, rng.getrandbits(64))
        content = b"Subject: power\r\n\r\n" + text if size else b"Subject: %d\r\n\r\n" % rng.getrandbits(64)
        if not recipients and size > 2000 and rng.random() < 0.2:
            recipients = [FULL, USERS[1]]
        if not recipients:
            recipients = [LIST] if rng.random() < 0.2 else rng.sample(USERS, rng.choice((1, 1, 1, 2, 4)))
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
        return sum(len(self.suite.messages(user)) for user in USERS)

    def wait_arrived(self):
        wanted = sum(len(users) for _, users in self.ledger.messages.values())
        eventually(lambda: self.arrived() >= wanted, f"{wanted} messages arrive", 30)

    def send_one(self, size, user):
        """Returns the queue id. smtpd may not know yet that queued has started again."""
        before = set(self.ledger.messages)
        rng = random.Random(f"{self.seed} {size} {user}")

        def accepted():
            with self.suite.smtp() as client:
                client.hello()
                return self.send(client, rng, size, [user])
        eventually(accepted, "a message is accepted")
        return (set(self.ledger.messages) - before).pop()

    # ---- what recovery finds and nobody has synced ----

    def newest_result(self):
        """Whether the newest segment has a RESULT, synced or not."""
        newest = max((self.suite.directory / "spool" / "segment").iterdir())
        with open(newest, "rb") as segment:
            return RESULT.search(segment.read(65536), HEADER_SIZE)

    def kill_behind_result(self, size):
        """
        queued is killed when it has written the first record of a new segment, a RESULT, and the syncer, which is stopped, has not
        synced it: what recovery believes of it, it must sync before anything is removed.
        """
        self.suite.stop_service("deliverd")
        self.send_one(size, USERS[0])
        self.suite.kill_service("queued")
        self.suite.start_service("queued")
        for syncer in self.suite.roles("queued", "syncer"):
            os.kill(syncer, signal.SIGSTOP)
        self.suite.start_service("deliverd")
        written = self.waited(self.newest_result)
        self.suite.kill_service("queued")
        self.suite.start_service("queued")
        self.wait_arrived()
        return written

    @staticmethod
    def waited(condition):
        """Other messages, which want a sync first, may stand in the way."""
        try:
            return bool(eventually(condition, "", 3))
        except AssertionError:
            return False

    # ---- segments that go together ----

    def queuetool(self, verb, queue_id):
        subprocess.run([SBIN / "queuetool", "-c", self.suite.configuration, verb, queue_id], check=True, capture_output=True)

    def segments(self):
        return {path.name for path in (self.suite.directory / "spool" / "segment").iterdir()}

    def remove_two_segments(self):
        """
        A held message keeps a segment; the RESULT of another one in it lies in the next segment. Both segments go when the
        held message is delivered: in the wrong order, the other message would come back.
        """
        self.suite.stop_service("deliverd")
        held = self.send_one(300, USERS[2])
        self.queuetool("hold", held)
        other = self.send_one(300, USERS[3]).encode()
        self.suite.kill_service("queued")
        self.suite.start_service("queued")
        self.suite.start_service("deliverd")
        eventually(lambda: any(other in path.read_bytes() for path in self.suite.messages(USERS[3])) and self.newest_result(),
                   "the other message arrives, and its RESULT is written")
        self.suite.stop_service("queued")
        self.suite.start_service("queued")
        newest = max(self.segments())
        self.queuetool("release", held)
        eventually(lambda: self.segments() == {newest}, "the older segments are removed")

    # ---- all of it ----

    def phase(self, number, senders):
        threads = [threading.Thread(target=self.send_all, args=(index, number), daemon=True) for index in range(senders)]
        goal = len(self.ledger.messages) + self.messages * senders // 2
        for thread in threads:
            thread.start()
        if number != 2:
            self.more_changes(number)
        if number:
            eventually(lambda: self.faults or len(self.ledger.messages) >= goal, "half of the mail is accepted", 60)
            self.restart(number)
        for thread in threads:
            thread.join()
        self.wait_arrived()

    def restart(self, number):
        """Killed processes leave what they had written, and what follows builds on it."""
        services = {1: ("queued",), 2: ("tabled", "queued", "deliverd")}.get(number, ("queued", "deliverd"))
        for service in services:
            self.suite.kill_service(service)
        for service in services:
            self.suite.start_service(service)

    def run(self, phases=4, senders=3):
        self.first_changes()
        for service in SERVICES[1:]:
            self.suite.start_service(service)
        for number in range(phases):
            self.phase(number, senders)
        if not any([self.kill_behind_result(size) for size in (20000, 20001, 20002)]):
            raise AssertionError("queued writes no RESULT while its syncer is stopped\n" + self.suite.log_end("queued"))
        self.remove_two_segments()
        if self.faults:
            raise AssertionError(self.faults[0])


def promise_times(operations):
    """When each queue id was first sent in a 250: {id: nanoseconds}."""
    times = {}
    for operation in operations:
        if operation.kind == "send" and operation.who.startswith("smtpd"):
            for found in QUEUED_AS.findall(operation.data):
                times.setdefault(found.decode(), operation.began)
    return times
