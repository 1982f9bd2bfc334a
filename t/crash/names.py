"""A name server for which each domain has one mail host, at 127.0.0.1: enough for tests of what relayd asks of the system.

Nothing is signed, and nothing may be kept, so that each message asks anew.
"""

import socket
import struct
import threading

A, SOA, MX = 1, 6, 15
HEADER = struct.Struct(">6H")
RECORD = struct.Struct(">HHHIH")  # its name, type, class, time to live, length of what follows
ANSWER = 0x8580                   # QR, AA, RD, RA (RFC 1035 4.1.1)
ASKED = 0xC00C                    # the name that was asked for (RFC 1035 4.1.4)
HOST = b"\2mx" + struct.pack(">H", ASKED)


def answer(question):
    """MX has a host, each host an address; of all else there is nothing (RFC 2308 2.2)."""
    identity = struct.unpack_from(">H", question)[0]
    end = question.index(b"\0", HEADER.size) + 5
    kind = struct.unpack_from(">H", question, end - 4)[0]
    data = {MX: struct.pack(">H", 10) + HOST, A: socket.inet_aton("127.0.0.1")}.get(kind)
    nothing = data is None
    if nothing:
        kind, data = SOA, struct.pack(">HH5I", ASKED, ASKED, 1, 3600, 600, 86400, 0)
    head = HEADER.pack(identity, ANSWER, 1, 0 if nothing else 1, 1 if nothing else 0, 0)
    return head + question[HEADER.size:end] + RECORD.pack(ASKED, kind, 1, 0, len(data)) + data


class Names:
    def __init__(self):
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.directives = {"dns_servers": "127.0.0.1:%d" % self.socket.getsockname()[1], "dns_trust_anchor": "off"}
        self.stopping = False
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            question, peer = self.socket.recvfrom(4096)
            if self.stopping:
                return
            self.socket.sendto(answer(question), peer)

    def stop(self):
        self.stopping = True
        with socket.socket(type=socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self.socket.getsockname())
        self.thread.join()
        self.socket.close()
