"""What was promised to senders and what has come, by digest: the ledger of the tests that kill, and of those with sick disks."""

import collections
import hashlib
import re
import threading
import time

SENDER = "s@example.net"
LINE = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ -- .:!?\r\n"
# What this server, and before it delivery, put before a message; nothing else may stand there.
RECEIVED = rb"Received: from [^\n]*\n\tby [^\n]* id (\w{13})(?:\n\tfor <[^\n]*>)?; [^\n]*\n"
RELAYED = re.compile(RECEIVED)
DELIVERED = re.compile(rb"Return-Path: <" + re.escape(SENDER.encode()) + rb">\nDelivered-To: [^\n]*\n" + RECEIVED)
CONTENT = re.compile(rb"Subject: crash\nX-Digest: (\w{64})\n\n")


def digest_of(body):
    return hashlib.sha256(body).hexdigest()


def compose(body):
    """A message with BODY that carries its own digest, and the digest. Without a body it is empty, and has none."""
    digest = digest_of(body.replace(b"\r\n", b"\n"))
    return (b"Subject: crash\r\nX-Digest: " + digest.encode() + b"\r\n\r\n" + body, digest) if body else (b"", "")


class Ledger:
    """What was promised, and what has come. Of both, whatever was wrong is kept as text."""

    def __init__(self):
        self.lock = threading.Lock()
        self.promised = {}                                # queue id: (digest, recipients)
        self.arrived = collections.defaultdict(list)      # (queue id, recipient): digests
        self.times = collections.defaultdict(list)        # (queue id, recipient): when they were seen (time.monotonic)
        self.faults = []
        self.bytes = 0

    def promise(self, queue_id, digest, recipients, size):
        with self.lock:
            if queue_id in self.promised:
                self.faults.append(f"queue id {queue_id} was given twice")
            self.promised[queue_id] = (digest, recipients)
            self.bytes += size

    def count(self):
        return len(self.promised)

    def arrive(self, recipient, text, where, form=DELIVERED):
        """TEXT is a whole message as it lies in RECIPIENT's mailbox, or as a remote host got it (RELAYED)."""
        prefix = form.match(text)
        if not prefix:
            self.faults.append(f"{where}: not whole: {text[:300]!r}")
            return
        content = text[prefix.end():]
        head = CONTENT.match(content)
        digest = digest_of(content[head.end():]) if head else ""
        if (content and not head) or (head and head.group(1).decode() != digest):
            self.faults.append(f"{where}: {len(content)} bytes of content that nobody sent")
            return
        with self.lock:
            self.arrived[prefix.group(1).decode(), recipient].append(digest)
            self.times[prefix.group(1).decode(), recipient].append(time.monotonic())

    def missing(self):
        with self.lock:
            return [(queue_id, recipient) for queue_id, (digest, recipients) in self.promised.items() for recipient in recipients
                    if digest not in self.arrived.get((queue_id, recipient), ())]

    def duplicates(self):
        with self.lock:
            return sum(len(copies) - 1 for copies in self.arrived.values())

    def unexplained(self, events, slack):
        """Second copies that no event fell before: none between SLACK seconds before the first copy was seen and the second one."""
        with self.lock:
            return [key for key, times in self.times.items() for first, second in zip(times, times[1:])
                    if not any(first - slack < event < second for event in events)]

    def unpromised(self):
        """Messages that came although their sender never saw the 250."""
        with self.lock:
            return len({queue_id for queue_id, _ in self.arrived} - set(self.promised))
