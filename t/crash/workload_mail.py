"""Mail and changes of the table, with restarts, while every file operation is recorded."""

import os
import random
import re
import signal
import subprocess
import threading
import time

from harness import DOMAIN, PASSWORD, eventually
from workload import ELSEWHERE, FAR, FULL, LIST, USERS, Workload

SIZES = (0, 300, 1500, 4000, 7000, 12000, 30000, 90000)  # those above inline_limit lie in files
SYNCS_OF_PARENT = 20  # at most, until it has made its directories
HEADER_SIZE = 4096  # of a segment (doc/queue.md)
RESULT = re.compile(rb"ANGr.{8}\x03\x00", re.DOTALL)


class MailWorkload(Workload):
    name = "mail"
    share = 0.75
    services = ("tabled", "queued", "deliverd", "smtpd")
    directives = {"segment_size": "4M", "inline_limit": "8k", "smtp_workers": 1, "retry": "1s", "over_quota": "reject"}

    # ---- the table ----

    def first_changes(self):
        """Before tabled runs, dbtool makes the table itself."""
        self.change("domain", "add", DOMAIN, command=self.suite.wrapper)
        self.suite.start_service("tabled")
        for user in USERS:
            self.change("user", "add", "--password-stdin", user, stdin=PASSWORD + "\n")
        self.change("user", "add", "--no-password", "--quota", "1K", FULL)
        self.change("alias", "add", LIST, *USERS[:3])
        self.change("domain", "add", ELSEWHERE)
        for user in FAR:
            self.change("user", "add", "--no-password", user)

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

    # ---- starting ----

    mounted = None

    def mount(self):
        """A domain's mailboxes are on another file system than the others."""
        place = self.suite.directory / "mail" / ELSEWHERE
        place.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=700", "none", place], capture_output=True, check=False).returncode:
            place.rmdir()
            return
        self.mounted = place
        above = place.parent.stat()
        os.chown(place, above.st_uid, above.st_gid)

    def close(self):
        if self.mounted:
            subprocess.run(["umount", "-l", self.mounted], check=True)

    def kill_parent(self, service, directory):
        """The service's parent is killed when it has made DIRECTORY and is about to sync its name."""
        wrapper = self.suite.wrapper
        for number in range(1, SYNCS_OF_PARENT):
            self.suite.wrapper = self.killed_at("fsync", number)
            try:
                self.suite.start_service(service)
            except AssertionError:
                pass  # as it should be
            finally:
                self.suite.wrapper = wrapper
            if service in self.suite.running:
                self.suite.kill_service(service)
            if (self.suite.directory / directory).exists():
                break

    # ---- mail ----

    def choose(self, rng):
        """A size and recipients."""
        size = rng.choice(SIZES)
        if size > 2000 and rng.random() < 0.2:
            return size, [FULL, USERS[1]]
        if self.mounted and rng.random() < 0.2:
            return size, [rng.choice(FAR), *rng.sample(USERS + FAR[:1], rng.choice((0, 0, 1)))]
        return size, [LIST] if rng.random() < 0.2 else rng.sample(USERS, rng.choice((1, 1, 1, 2, 4)))

    def send_all(self, number, phase):
        rng = random.Random(f"{self.seed} {number} {phase}")
        left = self.messages
        while left and not self.faults:
            try:
                with self.suite.smtp() as client:
                    client.hello()
                    while left:
                        left -= self.send(client, rng, *self.choose(rng))
            except OSError:
                time.sleep(0.02)  # its server was killed
            except Exception as failure:  # a thread that ends in silence would prove nothing
                self.faults.append(f"a sender: {failure!r}")

    # ---- what recovery finds and nobody has synced ----

    def newest_result(self):
        """Whether the newest segment has a RESULT, synced or not."""
        newest = self.suite.directory / "spool" / "segment" / max(self.segments())
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
            return bool(eventually(condition, "", 10))
        except AssertionError:
            return False

    # ---- segments that go together ----

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
        eventually(lambda: min(self.segments()) >= newest, "the older segments are removed")

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
        for service, directory in ("queued", "spool"), ("deliverd", "mail"), ("smtpd", None):
            if directory:
                self.kill_parent(service, directory)
            self.suite.start_service(service)
        self.mount()
        for number in range(phases):
            self.phase(number, senders)
        if not any([self.kill_behind_result(size) for size in (20000, 20001, 20002)]):
            raise AssertionError("queued writes no RESULT while its syncer is stopped\n" + self.suite.log_end("queued"))
        self.remove_two_segments()
        if self.faults:
            raise AssertionError(self.faults[0])
