"""A queue with little that lives in much that is over: live messages are copied forward, relayed, held, released, returned and deleted."""

import hashlib
import re
import time

from harness import DOMAIN, PASSWORD, eventually, free_ports
from remote import Remote
from workload import LIST, USERS, Workload

REMOTE = "remote.example"
LATER = "later@" + REMOTE  # is told to come again, until it is not
NOW = "now@" + REMOTE
SMALL, BULKY, FILLER, HUGE = 300, 120000, 900000, 1200000  # bytes of messages; the last one lies in a file
SEGMENTS = 5  # full ones: then they are more than 4 and what is spared for the live messages
MEGABYTE = 1024 * 1024
# What the host gets: what smtpd puts before a message, and the message.
RELAYED = re.compile(rb"Received: from [^\n]*\n\tby [^\n]* id (\w{13})(?:\n\tfor <[^\n]*>)?; [^\n]*\n(.*)", re.DOTALL)


class Host(Remote):
    """Another host; it enters into the ledger what it has, before it says so."""

    def __init__(self, ledger, **options):
        self.ledger = ledger
        self.had = {}  # of a session: when the last message was whole
        super().__init__(answers={"RCPT": {LATER: "451 4.3.0 Later"}, "END": self.enter}, **options)

    def enter(self, session):
        self.had[session.number] = time.time_ns()

    def keep(self, message):
        found = RELAYED.fullmatch(message.content.replace(b"\r", b""))
        if found and hashlib.sha256(found.group(2)).hexdigest() in self.ledger.digests:
            for address in message.recipients:
                self.ledger.relayed.setdefault((found.group(1).decode(), address), self.had[message.session])
        super().keep(message)


class QueueWorkload(Workload):
    name = "queue"
    share = 0.04
    services = ("tabled", "queued", "deliverd", "relayd", "smtpd")
    segment = 4  # MiB
    directives = {"segment_size": "4M", "inline_limit": "1M", "smtp_workers": 1, "retry": "1s", "relay_workers": 1, "relay_tls": "off",
                  "dns_servers": "127.0.0.1:9", "dns_trust_anchor": "off", "relay_ca_file": "off"}

    # ---- what is there before the record begins ----

    def prepare(self):
        self.host = Host(self.ledger, port=free_ports(1)[0])
        self.suite.dbtool("domain", "add", DOMAIN)
        for service in self.services:
            self.suite.start_service(service)
        for user in USERS:
            self.suite.dbtool("user", "add", "--password-stdin", user, stdin=PASSWORD + "\n")
        self.suite.dbtool("alias", "add", LIST, *USERS[:3])
        self.suite.dbtool("route", "add", REMOTE, self.host.route)
        self.begun = self.send_one(SMALL, LIST, USERS[5], NOW, LATER)
        eventually(lambda: self.arrived() == 4 and len(self.host.messages) == 1, "all but one recipient have the message")
        for service in "relayd", "deliverd":
            self.suite.stop_service(service)
        self.waiting = [self.send_one(size, *users) for size, users in ((SMALL, [LIST]), (HUGE, USERS[1:2]), (SMALL, [LATER, USERS[4]]))]
        self.held = [self.send_one(BULKY, USERS[2]) for _ in range(6)]
        self.queuetool("hold", *self.held)
        self.fillers = [self.send_one(FILLER, USERS[3]) for _ in range(SEGMENTS * self.segment * MEGABYTE // FILLER)]
        for service in "smtpd", "queued", "tabled":
            self.suite.stop_service(service)
        return True

    # ---- the record ----

    def start_queue(self, call=None, number=0):
        """With a CALL, one of its processes dies at the NUMBERth of these, and so does each successor."""
        wrapper = self.suite.wrapper
        if call:
            self.suite.wrapper = self.killed_at(call, number)
        self.suite.start_service("queued")
        self.suite.wrapper = wrapper

    def copy_forward(self):
        """A first part of the fillers goes while syncers die; the second while the queue dies in the midst of copying; then the rest."""
        oldest = min(self.segments())
        self.start_queue("fdatasync", 2)
        self.queuetool("delete", *self.fillers[:3])
        self.suite.kill_service("queued")
        self.start_queue("pwritev", 3)
        self.queuetool("delete", *self.fillers[3:], may_fail=True)
        self.suite.kill_service("queued")
        self.start_queue()
        self.queuetool("delete", *self.fillers, may_fail=True)
        eventually(lambda: oldest not in self.segments(), "the oldest segment goes")
        self.suite.kill_service("queued")
        self.start_queue()

    def run(self):
        self.suite.start_service("tabled")
        self.copy_forward()
        self.queuetool("hold", self.waiting[0])
        self.queuetool("bounce", self.held[0])
        self.queuetool("delete", self.held[1])
        for service in "deliverd", "relayd", "smtpd":
            self.suite.start_service(service)
        self.queuetool("release", self.held[2], self.held[3], self.waiting[0])
        self.queuetool("bounce", self.held[4])
        eventually(lambda: self.arrived() == 4 + 3 + 1 + 1 + 2 + 2, "what was released, and reports of what was returned, arrive")
        self.suite.kill_service("queued")
        self.host.answers.pop("RCPT")
        self.start_queue()
        self.send_one(SMALL, NOW, USERS[4])
        self.queuetool("retry", self.waiting[2], self.begun, may_fail=True)
        eventually(lambda: sum(LATER in message.recipients for message in self.host.messages) >= 2, "the other host has the rest")
        self.queuetool("release", self.held[5])
        eventually(lambda: self.arrived() >= 15, "all the rest arrives")

    def close(self):
        self.host.stop()


class LargeQueueWorkload(QueueWorkload):
    """The same with segments of the usual size."""

    name = "large"
    share = 0.01
    segment = 64
    directives = {**QueueWorkload.directives, "segment_size": "64M"}
