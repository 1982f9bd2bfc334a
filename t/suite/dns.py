"""A name server for tests: nsd, with a root zone that is signed, so that answers can be secure, insecure, bogus or none.

    dns = Dns('''
        example.com.            MX    10 mx.example.com.
        mx.example.com.         A     127.0.0.2
        _25._tcp.mx.example.com. TLSA 3 1 1 ABCD...
        there.insecure.         A     127.0.0.3
    ''', forged=[("mx.example.com.", "A")])
    suite = Suite(**dns.directives())    # dns_servers and dns_trust_anchor
    dns.add("example.com. MX 20 other.example.com.")
    dns.stop()

All names are absolute, and stand in the signed root zone (with example.com. and so on being no zones of their own), but for two:
names below insecure. are in a zone that nobody signed, and whatever is asked below broken. is answered with SERVFAIL. The
signatures of FORGED, pairs of name and type, are wrong. Every time to live but the key's is 0, so that what is changed holds at once. (Names below
invalid. or localhost. are of no use here: a resolver never asks for them.)
"""

import base64
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import unittest

from harness import Suite, eventually

SECURE, INSECURE, BROKEN = ".", "insecure.", "broken."
SOA = 6
TOOLS = ("dnssec-keygen", "dnssec-signzone")  # bind9-utils


def program(name):
    """The path of a program of a package; skips the test when it is not there. nsd may be named by NSD: its package would start a service."""
    path = os.environ.get(name.upper()) or shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin")
    if not path:
        raise unittest.SkipTest(f"{name} is not installed")
    return path


def free_port():
    """One that is free for UDP and TCP."""
    while True:
        with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagram:
            stream.bind(("127.0.0.1", 0))
            try:
                datagram.bind(stream.getsockname())
            except OSError:
                continue
            return stream.getsockname()[1]


class Dns:
    def __init__(self, records="", forged=(), directory=None):
        self.tools = {name: program(name) for name in TOOLS + ("nsd",)}
        self.directory = pathlib.Path(directory or tempfile.mkdtemp(prefix="angarium-dns-"))
        self.own_directory = directory is None
        self.directory.chmod(0o755)
        self.records = []  # (name, type, the rest)
        self.forged = set(forged)
        self.serial = 0
        self.port = free_port()
        self.process = None
        self.anchor = self.make_key()
        self.parse(records)
        self.write()
        self.start()

    def directives(self):
        return {"dns_servers": f"127.0.0.1:{self.port}", "dns_trust_anchor": self.anchor}

    # ---- records ----

    def parse(self, text):
        for line in text.splitlines():
            words = line.split(None, 2)
            if words:
                self.records.append(tuple(words))

    def add(self, text):
        self.parse(text)
        self.reload()

    def forge(self, name, kind):
        self.forged.add((name, kind))
        self.reload()

    # ---- zones ----

    def make_key(self):
        name = subprocess.run([self.tools["dnssec-keygen"], "-q", "-a", "ECDSAP256SHA256", "-f", "KSK", "-K", self.directory, "."],
                              check=True, capture_output=True, text=True).stdout.strip()
        return self.directory / (name + ".key")

    def zone_text(self, zone):
        """The records of one zone."""
        lines = ["$TTL 0", f"{zone} SOA ns.server. hostmaster.server. {self.serial} 3600 600 86400 0", f"{zone} NS ns.server."]
        if zone == SECURE:
            lines += ["ns.server. A 127.0.0.1", f"{INSECURE} NS ns.server.", f"{BROKEN} NS ns.server.", "$TTL 3600", f"$INCLUDE {self.anchor}", "$TTL 0"]
        for name, kind, rest in self.records:
            if (name.endswith("." + INSECURE) or name == INSECURE) == (zone == INSECURE):
                lines.append(f"{name} {kind} {rest}")
        return "\n".join(lines) + "\n"

    def forge_signatures(self, text):
        def line_forged(line):
            words = line.split()
            if len(words) < 13 or words[3] != "RRSIG" or (words[0], words[4]) not in self.forged:
                return line
            signature = bytearray(base64.b64decode("".join(words[12:])))
            signature[7] ^= 1
            return " ".join(words[:12]) + " " + base64.b64encode(signature).decode()

        return "\n".join(line_forged(line) for line in text.splitlines()) + "\n"

    def write(self):
        self.serial += 1
        plain, signed = self.directory / "root.plain", self.directory / "root.signed"
        plain.write_text(self.zone_text(SECURE), encoding="ascii")
        subprocess.run([self.tools["dnssec-signzone"], "-q", "-z", "-O", "full", "-o", ".", "-f", signed, plain, self.anchor],
                       check=True, capture_output=True, cwd=self.directory)
        (self.directory / "root.zone").write_text(self.forge_signatures(signed.read_text(encoding="ascii")), encoding="ascii")
        (self.directory / "insecure.zone").write_text(self.zone_text(INSECURE), encoding="ascii")

    # ---- the server ----

    def start(self):
        conf = self.directory / "nsd.conf"
        log = self.directory / "nsd.log"
        conf.write_text(f"""server:
    ip-address: 127.0.0.1@{self.port}
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: "{self.directory}"
    database: ""
    pidfile: "{self.directory}/nsd.pid"
    zonelistfile: "{self.directory}/zone.list"
    xfrdfile: "{self.directory}/xfrd.state"
    xfrdir: "{self.directory}"
    logfile: "{log}"
remote-control:
    control-enable: no
zone:
    name: "."
    zonefile: "root.zone"
zone:
    name: "{INSECURE}"
    zonefile: "insecure.zone"
zone:
    name: "{BROKEN}"
    zonefile: "nothing.zone"
""", encoding="ascii")
        self.process = subprocess.Popen([self.tools["nsd"], "-d", "-c", conf], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, start_new_session=True)
        Suite.living.add(self)  # ended with the suites when the tests are interrupted
        self.wait_served()

    def reload(self):
        self.write()
        self.process.send_signal(signal.SIGHUP)
        self.wait_served()

    def wait_served(self):
        def served():
            if self.process.poll() is not None:
                raise AssertionError("nsd ended: " + (self.directory / "nsd.log").read_text(errors="replace"))
            return self.served_serial(b"\0") == self.served_serial(b"\x08insecure\0") == self.serial

        eventually(served, "nsd serves the zones")

    def served_serial(self, zone):
        """The serial number of a zone (its name in wire format), or None."""
        with socket.socket(type=socket.SOCK_DGRAM) as asker:
            asker.settimeout(0.2)
            try:
                asker.connect(("127.0.0.1", self.port))
                asker.send(struct.pack(">6H", 7, 0, 1, 0, 0, 0) + zone + struct.pack(">2H", SOA, 1))
                answer = asker.recv(4096)
            except OSError:
                return None
        if len(answer) < 40 or answer[7] == 0:  # no answer record
            return None
        data = answer[12 + len(zone) + 4:]
        skip = 1 if data[0] == 0 else 2  # the owner: the root, or a pointer
        length = struct.unpack(">H", data[skip + 8:skip + 10])[0]
        return struct.unpack(">I", data[skip + 10 + length - 20:][:4])[0]

    def stop(self):
        Suite.living.discard(self)
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        self.process = None
        if self.own_directory and not os.environ.get("ANGARIUM_KEEP"):
            shutil.rmtree(self.directory, ignore_errors=True)

    abandon = stop
