"""queued's place for tests of relayd: gives it jobs one by one and gets its replies (common/ipc/proto_jobs.h and proto_relay.h).

    queue = RelayQueue(suite)             # before relayd is started
    suite.start()
    queue.accept()
    reply = queue.relay("example.com")    # or give() now, and wait() for the reply later
    reply.results[0].kind, reply.remote
"""

import array
import os
import re
import socket
import struct
import tempfile
import time

from harness import SLOWNESS

READY, JOB, JOB_FILE, REPLY, ALIVE = range(1, 6)
UP, DOWN, FULL, UNKNOWN = range(4)
DONE, TEMPORARY, PERMANENT, DAMAGED = range(4)
TLS_WORDS = {"standard": 0, "off": 1, "required": 2, "verified": 3}
HEADER = struct.Struct("<IHHI")
BODY = b"Subject: test\r\n\r\ntext\r\n"


def crc32c_table():
    table = []
    for crc in range(256):
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return table


CRC32C = crc32c_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC32C[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def string(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<I", len(data)) + data


def route_fields(words, tls, login=("", "")):
    """The fields of common/mail/route.h."""
    kind, at_once, port, host = 0, 0, 0, ""
    if words.startswith("lmtp:/") and not words.startswith("lmtp://"):
        kind, host = 3, words[len("lmtp:"):]
    elif words in ("reject", "discard"):
        kind = 4 if words == "reject" else 5
    elif words != "mx":
        scheme, host, number = re.fullmatch(r"(mx|smtp|smtps|lmtp)://(.*?)(?::(\d+))?", words).groups()
        kind, at_once, port = {"mx": 0, "smtp": 1, "smtps": 1, "lmtp": 2}[scheme], int(scheme == "smtps"), int(number or 0)
    return struct.pack("<BBBI", kind, TLS_WORDS[tls], at_once, port) + string(host) + string(login[0]) + string(login[1])


class Result:
    def __init__(self, kind, status, text):
        self.kind, self.status, self.text = kind, status, text

    def __repr__(self):
        return f"{('DONE', 'TEMPORARY', 'PERMANENT', 'DAMAGED')[self.kind]} {self.status} {self.text}"


class Reply:
    """JOBS_REPLY of a relay worker."""

    def __init__(self, payload):
        self.payload = payload
        self.at = 0
        self.destination = self.number("B")
        self.remote = self.text()
        self.dsn = self.number("B")
        self.results = [Result(self.number("B"), self.text(), self.text()) for _ in range(self.number("I"))]
        self.kind = self.results[0].kind
        if self.at != len(payload):
            raise AssertionError("bytes are left over in a reply")

    def __repr__(self):
        return f"{('UP', 'DOWN', 'FULL', 'UNKNOWN')[self.destination]} {self.remote!r} {self.results}"

    def number(self, kind):
        value = struct.unpack_from("<" + kind, self.payload, self.at)[0]
        self.at += struct.calcsize("<" + kind)
        return value

    def text(self):
        length = self.number("I")
        self.at += length
        return self.payload[self.at - length:self.at].decode()


class RelayQueue:
    def __init__(self, suite):
        directory = suite.directory / "run"
        directory.mkdir(mode=0o755, exist_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(directory / "queued-relayd.sock"))
        (directory / "queued-relayd.sock").chmod(0o666)
        self.listener.listen(8)
        self.listener.settimeout(20 * SLOWNESS)
        self.channel = None
        self.input = b""
        self.replies = {}
        self.last = 0
        self.credit = 0

    def accept(self):
        """Waits for a worker, which takes the place of the one before."""
        if self.channel:
            self.channel.close()
        self.input = b""
        self.channel = self.listener.accept()[0]
        self.channel.settimeout(30 * SLOWNESS)
        kind, _, payload = self.frame()
        if kind != READY:
            raise AssertionError(f"READY was expected, not {kind}")
        self.credit = struct.unpack("<I", payload)[0]
        return self

    def close(self):
        if self.channel:
            self.channel.close()
        self.listener.close()

    def frame(self):
        while True:
            if len(self.input) >= HEADER.size:
                length, kind, _, request = HEADER.unpack_from(self.input)
                if len(self.input) >= HEADER.size + length:
                    payload = self.input[HEADER.size:HEADER.size + length]
                    self.input = self.input[HEADER.size + length:]
                    return kind, request, payload
            data = self.channel.recv(1 << 20)
            if not data:
                raise ConnectionError("the worker closed its channel")
            self.input += data

    def give(self, domain, route="mx", tls="standard", recipients=None, body=BODY, sender="sender@example.net", login=("", ""), backup=0,
             flags=1, in_file=False, checksum=None):
        """Gives a job, and returns its request id. Its queue id is the same number."""
        if checksum is None:
            checksum = crc32c(body) if in_file else 0
        self.last += 1
        recipients = recipients or [f"user@{domain}"]
        payload = struct.pack("<QQ", self.last, int(time.time())) + string(domain) + route_fields(route, tls, login)
        payload += struct.pack("<BB", backup, flags) + string(sender) + string("") + struct.pack("<QI", len(body), checksum)
        payload += string(b"" if in_file else body) + struct.pack("<I", len(recipients))
        for recipient in recipients:
            payload += string(recipient) + string("") + b"\0"
        frame = HEADER.pack(len(payload), JOB_FILE if in_file else JOB, 1 if in_file else 0, self.last) + payload
        if in_file:
            with tempfile.TemporaryFile() as file:
                file.write(body)
                file.flush()
                descriptor = os.open(f"/proc/self/fd/{file.fileno()}", os.O_RDONLY)
                self.channel.sendmsg([frame], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))])
                os.close(descriptor)
        else:
            self.channel.sendall(frame)
        return self.last

    def wait(self, request):
        while request not in self.replies:
            kind, answered, payload = self.frame()
            if kind == ALIVE:
                continue
            if kind != REPLY:
                raise AssertionError(f"a reply was expected, not {kind}")
            self.replies[answered] = Reply(payload)
        return self.replies.pop(request)

    def relay(self, domain, *arguments, **options):
        return self.wait(self.give(domain, *arguments, **options))
