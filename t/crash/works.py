"""What a suite does while t/crash/sick lets its system calls fail: mail comes, is relayed, is fetched, the table is changed.

Each keeps in a ledger what was promised, and looks whether it holds.
"""

import pathlib
import shutil
import subprocess
import tempfile
import time

from harness import DOMAIN, PASSWORD, PATIENCE, SLOWNESS, eventually
from ledger import LINE, RELAYED, SENDER, Ledger, compose
from names import Names
from remote import Remote

ALICE = "alice@" + DOMAIN
FRESH = "fresh@" + DOMAIN  # whose mailbox is made anew each time
LIST = "list@" + DOMAIN    # leads to both
READER = "reader@" + DOMAIN  # whose mailbox is read by POP3
NEAR = "near.example"      # whose host is known
FAR = "far.example"        # whose host has a name
MAILDROP = 4               # messages in it, at least
USERS = (ALICE, FRESH)
SMALL = LINE * 100         # stands in a segment
MIDDLE = LINE * 13000      # likewise: four of these fill a segment, so that a new one is begun each time
LARGE = LINE * 16000       # lies in a body file
KILL_SECONDS = 10          # between two kills of the owner: one that dies young is started late
WAIT = PATIENCE * SLOWNESS  # seconds that a client waits for a reply


class Mail:
    """A few messages to this host's users."""

    def __init__(self, suite):
        self.suite = suite
        self.names = 0
        self.ledger = Ledger()

    def begin(self, ledger):
        """What is promised from now on stands in LEDGER."""
        self.ledger = ledger

    def run(self):
        """All of the work."""
        shutil.rmtree(self.suite.maildir(FRESH), ignore_errors=True)
        messages = [({FRESH: [FRESH]}, LINE), ({LIST: list(USERS)}, SMALL)]
        messages += [({ALICE: [ALICE]}, body) for body in (SMALL, LARGE, *[MIDDLE] * 5)]
        for recipients, body in messages:
            self.send_alone(recipients, body)

    def check(self):
        """The disk is well again: what else was promised must hold."""

    def send_alone(self, recipients, body):
        """Over a connection of its own. True when the message got its 250."""
        try:
            with self.suite.smtp() as client:
                client.socket.settimeout(WAIT)
                client.hello()
                return self.send(client, recipients, body)
        except TimeoutError:
            self.ledger.faults.append(f"a client waited {WAIT} seconds for a reply")
        except OSError:
            pass  # the connection was closed: nothing was promised
        return False

    def send(self, client, recipients, body):
        """RECIPIENTS: to whom each leads. True when the message got its 250."""
        self.names += 1
        content, digest = compose(body + b"%d\r\n" % self.names)
        for command in (f"MAIL FROM:<{SENDER}>", *(f"RCPT TO:<{address}>" for address in recipients), "DATA"):
            reply = client.command(command)
            if reply.code >= 400:
                break
        else:
            client.send(content + b".\r\n")
            reply = client.reply()
        if reply.code == 250:
            self.ledger.promise(reply.text.split()[-1], digest, [one for some in recipients.values() for one in some], len(content))
        elif not 400 <= reply.code < 500:
            self.ledger.faults.append(f"a client was told {reply}")
        return reply.code == 250

    def probe(self):
        """Whether mail is accepted again."""
        return self.send_alone({ALICE: [ALICE]}, LINE) and self.send_alone({LIST: list(USERS)}, LARGE)

    def collect(self):
        """Checks and takes away what has arrived."""
        for user in USERS:
            try:
                for path in self.suite.messages(user):
                    self.ledger.arrive(user, path.read_bytes(), path.name)
                    path.unlink()
            except FileNotFoundError:
                pass  # the mailbox is made anew, or deliverd took back what is not known to be durable


class Elsewhere:
    """Other hosts: that of NEAR, which its route names, and that of all other domains, which DNS names and which has TLS."""

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="angarium-elsewhere-")
        pair = [pathlib.Path(self.directory.name, name) for name in ("certificate", "key")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=far",
                        "-out", pair[0], "-keyout", pair[1]], check=True, capture_output=True)
        self.near = Remote()
        self.far = Remote(certificate=pair)
        self.names = Names()
        self.directives = {**self.names.directives, "relay_port": self.far.port, "relay_ca_file": "off", "relay_workers": 1}

    def stop(self):
        for one in (self.near, self.far, self.names):
            one.stop()
        self.directory.cleanup()


class Relay(Mail):
    """A few messages to users of other hosts, some after the other over one connection."""

    def __init__(self, suite, elsewhere):
        super().__init__(suite)
        self.elsewhere = elsewhere

    def send_away(self, body):
        """To both hosts. The second domain is a new one each time, about which DNS must be asked."""
        users = "user@" + NEAR, f"user@d{self.names}.{FAR}"
        return self.send_alone({user: [user] for user in users}, body)

    def run(self):
        for body in (LINE, SMALL, LARGE, MIDDLE, SMALL):
            self.send_away(body)

    def probe(self):
        return self.send_away(LINE) and self.send_away(LARGE) and super().probe()

    def collect(self):
        super().collect()
        for host in (self.elsewhere.near, self.elsewhere.far):
            while host.messages:
                message = host.messages.pop(0)
                for recipient in message.recipients:
                    self.ledger.arrive(recipient, message.content.replace(b"\r\n", b"\n"), "the remote", RELAYED)


class Maildrop(Mail):
    """A mailbox is read by POP3, and half of it deleted."""

    def begin(self, ledger):
        super().begin(ledger)
        for body in (LINE, SMALL, MIDDLE, SMALL)[:MAILDROP - len(self.maildrop())]:
            self.names += 1
            self.suite.deliver(READER, b"Subject: %d\r\n\r\n" % self.names + body)

    def check(self):
        self.suite.wait_login(READER).close()

    def maildrop(self):
        return {path.read_bytes() for path in self.suite.messages(READER)}

    def run(self):
        """What was not deleted stays, what was is gone after the +OK to QUIT, and what is sent is whole."""
        there = self.maildrop()
        deleted = set()
        over = False
        try:
            with self.suite.pop3() as client:
                client.socket.settimeout(WAIT)
                over = self.fetch(client, there, deleted)
        except TimeoutError:
            self.ledger.faults.append(f"a POP3 client waited {WAIT} seconds for a reply")
        except OSError:
            pass  # the connection was closed
        left = self.maildrop()
        if not there - deleted <= left <= there or (over and left & deleted):
            self.ledger.faults.append(f"{len(there)} messages, {len(deleted)} deleted{' for good' if over else ''}, {len(left)} left")

    def fetch(self, client, there, deleted):
        """True when QUIT was answered by +OK."""
        if not all(client.command(line).startswith("+OK") for line in (f"USER {READER}", f"PASS {PASSWORD}")):
            return False
        count = int(client.ok("STAT").split()[1])
        if count != len(there):
            self.ledger.faults.append(f"{count} of {len(there)} messages are in the maildrop")
        for number in range(1, count + 1):
            if not client.command(f"RETR {number}").startswith("+OK"):
                continue
            content = b"".join(line + b"\n" for line in client.multiline())
            if content not in there:
                self.ledger.faults.append(f"RETR: {len(content)} bytes that are no message")
            elif number % 2 and client.command(f"DELE {number}").startswith("+OK"):
                deleted.add(content)
        return client.command("QUIT").startswith("+OK")


class Aliases(Mail):
    """The table is changed."""

    def __init__(self, suite):
        super().__init__(suite)
        self.changes = {}  # name of an alias: whether it must be there
        self.next_kill = 0

    def check(self):
        self.check_table()
        if time.monotonic() > self.next_kill:
            self.suite.kill_role("tabled", "owner")  # what is on the disk must say the same
            self.check_table()
            self.next_kill = time.monotonic() + KILL_SECONDS

    def run(self):
        for _ in range(3):
            self.names += 1
            self.change(f"alias{self.names}@{DOMAIN}", True)
        for name in [name for name, there in self.changes.items() if there][:2]:
            self.change(name, False)

    def change(self, name, there):
        result = self.suite.dbtool("alias", "add" if there else "del", name, *([ALICE] if there else []), check=False)
        if result.returncode == 0:
            self.changes[name] = there
        elif "look whether the change was made" in result.stderr:
            self.changes.pop(name, None)  # nobody was promised anything
        else:
            self.changes.setdefault(name, not there)

    def check_table(self):
        """Everything that was said to be done is, and nothing else."""
        listed = eventually(self.list_table, "the table answers")
        for name, there in self.changes.items():
            if (name in listed) != there:
                self.ledger.faults.append(f"{name} is {'not ' if there else ''}in the table, against what dbtool said")
        self.changes = {name: True for name, there in self.changes.items() if there}

    def list_table(self):
        result = self.suite.dbtool("alias", "list", check=False)
        return result.stdout.split() if result.returncode == 0 else None
