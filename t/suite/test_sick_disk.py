"""Disks and machines that are really sick: writes that fail when they are synced, quotas, a file system that gives up, no descriptors, no memory.

t/crash/sick lets single system calls fail, one after the other; here the kernel itself fails them, as it does. What must hold is the same: a
client is told 2xx or 4xx, what got its 250 arrives whole, and service resumes by itself.
"""

import contextlib
import fcntl
import os
import pathlib
import re
import struct
import subprocess
import threading
import unittest

from harness import DOMAIN, PATIENCE, Suite, eventually, is_root, is_running

USER = "a@" + DOMAIN
LINE = b"x" * 78 + b"\r\n"
SIZES = (10, 100, 3000)  # lines; the last one is above INLINE_LIMIT
INLINE_LIMIT = "64k"
WHOLE = re.compile(rb"Subject: (\d+) (\d+)\n\n((?:x{78}\n)*)end \1\n$")
IMAGE_SIZE = 128 << 20
METADATA_SIZE = 512 << 10  # at its front
LOOP_SET_STATUS64, LOOP_GET_STATUS64 = 0x4C04, 0x4C05  # linux/loop.h
LOOP_INFO64_SIZE, LOOP_SIZE_LIMIT_AT = 232, 32
BACKING_SIZE = "200M"
EXHAUSTED = "Too many open files"
ACCOUNTS = {"table": 64101, "spool": 64102, "mail": 64105}


class Mail:
    """Numbered messages, and which of them got their 250."""

    def __init__(self, suite):
        self.suite = suite
        self.number = 0
        self.promised = set()
        self.faults = []

    def send(self, count, sizes=SIZES):
        """Returns how many were accepted. The others were told to come again."""
        before = len(self.promised)
        for _ in range(count):
            self.number += 1
            try:
                with self.suite.smtp() as client:
                    client.socket.settimeout(PATIENCE)
                    client.hello()
                    self.offer(client, sizes[self.number % len(sizes)])
            except TimeoutError:
                self.faults.append(f"the client of message {self.number} waited in vain")
            except OSError:
                pass  # the connection was closed: nothing was promised
        return len(self.promised) - before

    def offer(self, client, lines):
        for command in ("MAIL FROM:<s@example.net>", f"RCPT TO:<{USER}>", "DATA"):
            reply = client.command(command)
            if reply.code >= 400:
                break
        else:
            client.send(b"Subject: %d %d\r\n\r\n" % (self.number, lines) + LINE * lines + b"end %d\r\n.\r\n" % self.number)
            reply = client.reply()
        if reply.code == 250:
            self.promised.add(self.number)
        elif not 400 <= reply.code < 500:
            self.faults.append(f"message {self.number}: {reply}")

    def arrived(self):
        """The numbers of what lies in the mailbox; all of it must be whole."""
        numbers = set()
        for path in self.suite.messages(USER):
            try:
                found = WHOLE.search(path.read_bytes())
            except FileNotFoundError:
                continue  # deliverd took back what is not known to be durable
            if found and len(found.group(3)) == int(found.group(2)) * (len(LINE) - 1):
                numbers.add(int(found.group(1)))
            else:
                self.faults.append(f"{path.name} is not whole")
        return numbers

    def missing(self):
        return self.promised - self.arrived()

    def check(self):
        eventually(lambda: self.send(1), "mail is accepted again")
        eventually(lambda: self.faults or not self.missing(), "everything that got its 250 arrives")
        if self.faults:
            raise AssertionError(self.faults)


class SickMachine(unittest.TestCase):
    def setUp(self):
        if not is_root():
            self.skipTest("only root can mount a small file system, and limit other processes")

    def new_suite(self, **directives):
        suite = Suite(**{"retry": "1s", "segment_size": "4M", "spool_reserve": 0, "inline_limit": INLINE_LIMIT, "smtp_workers": 1, "delivery_workers": 1} | directives)
        self.addCleanup(suite.stop)
        return suite

    def start(self, suite):
        suite.start()
        suite.add_user(USER)
        return Mail(suite)

    # ---- file systems ----

    def run_or_skip(self, *command):
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            self.skipTest(f"{command[0]} is not possible here: {result.stderr.strip()}")

    def mount(self, directory, *arguments):
        directory.mkdir(exist_ok=True)
        self.run_or_skip("mount", *arguments, directory)
        self.addCleanup(subprocess.run, ["umount", "-l", directory], check=False, stderr=subprocess.DEVNULL)

    def make_image(self, suite, *command):
        """An image with a file system on a disk of its own, which has as much space as it is given."""
        self.backing = suite.directory / "backing"
        self.mount(self.backing, "-t", "tmpfs", "-o", f"size={BACKING_SIZE}", "none")
        self.image = self.backing / "image"
        with open(self.image, "wb") as file:
            file.truncate(IMAGE_SIZE)
        self.run_or_skip(*command, self.image)
        with open(self.image, "r+b") as file:
            os.posix_fallocate(file.fileno(), 0, METADATA_SIZE)

    def mount_image(self, suite, which):
        disk = suite.directory / which
        self.mount(disk, "-o", "loop", self.image)
        os.chown(disk, ACCOUNTS[which], ACCOUNTS[which])
        disk.chmod(0o700)
        return disk

    def suite_on_ext4(self, which, journal=False):
        """A suite whose directory WHICH lies on an image of which only the metadata, at its front, has its space for sure."""
        suite = self.new_suite()
        features = ("-O", "^resize_inode", "-J", "size=4") if journal else ("-O", "^has_journal,^resize_inode")
        self.make_image(suite, "mkfs.ext4", "-q", "-F", "-b", "4096", "-N", "1024", *features,
                        "-E", "packed_meta_blocks=1,lazy_itable_init=0,lazy_journal_init=0,nodiscard")
        report = subprocess.run(["dumpe2fs", self.image], check=True, capture_output=True, text=True).stdout
        self.front = int(re.search(r"^  Free blocks: (\d+)", report, re.MULTILINE).group(1)) * 4096
        self.disk = self.mount_image(suite, which)
        return suite

    def resize_backing(self, size):
        subprocess.run(["mount", "-o", f"remount,size={size}", self.backing], check=True)

    @contextlib.contextmanager
    def nothing_reaches_the_disk(self):
        """What is written to blocks that are new goes into the kernel's memory, and fails when it is synced; then the kernel forgets that it must."""
        space = os.statvfs(self.backing)
        self.resize_backing((space.f_blocks - space.f_bfree) * space.f_frsize)
        try:
            yield
        finally:
            self.resize_backing(BACKING_SIZE)

    @contextlib.contextmanager
    def only_metadata_reaches_the_disk(self):
        """Each write behind the metadata and the journal fails as a whole, whether its blocks are new or not: the disk ends there."""
        device = subprocess.run(["findmnt", "-n", "-o", "SOURCE", self.disk], check=True, capture_output=True, text=True).stdout.strip()
        self.limit_device(device, self.front)
        try:
            yield
        finally:
            self.limit_device(device, 0)

    @staticmethod
    def limit_device(device, size):
        with open(device, "rb") as file:
            info = bytearray(LOOP_INFO64_SIZE)
            fcntl.ioctl(file, LOOP_GET_STATUS64, info)
            info[LOOP_SIZE_LIMIT_AT:LOOP_SIZE_LIMIT_AT + 8] = struct.pack("=Q", size)
            fcntl.ioctl(file, LOOP_SET_STATUS64, bytes(info))

    def forget_memory(self, suite, *services):
        """Kills SERVICES and mounts the disk anew: what is there now is what is on the disk."""
        for service in services:
            suite.kill_service(service)
        eventually(lambda: subprocess.run(["umount", self.disk], check=False, stderr=subprocess.DEVNULL).returncode == 0, "the disk is given back")
        subprocess.run(["mount", "-o", "loop", self.image, self.disk], check=True)
        for service in services:
            suite.start_service(service)

    # ---- syncs that fail ----

    def test_what_a_failed_sync_left_of_mailboxes_in_memory_counts_as_not_delivered(self):
        suite = self.suite_on_ext4("mail")
        mail = self.start(suite)
        mail.send(1)
        mail.check()
        with self.nothing_reaches_the_disk():
            self.assertEqual(mail.send(9), 9)
            eventually(lambda: "event=deliver.deferred" in suite.log("deliverd"), "a sync fails")
        mail.check()
        self.forget_memory(suite, "deliverd", "pop3d")
        mail.check()
        self.assertEqual(list((suite.maildir(USER) / "tmp").iterdir()), [])

    def test_syncs_of_the_log_that_fail_take_nothing_that_was_confirmed_before(self):
        self.fail_syncs_of_the_log(self.suite_on_ext4("spool"))

    def test_syncs_of_the_log_that_fail_beside_a_journal_take_nothing_that_was_confirmed_before(self):
        self.fail_syncs_of_the_log(self.suite_on_ext4("spool", journal=True))

    def fail_syncs_of_the_log(self, suite):
        mail = self.start(suite)
        suite.stop_service("deliverd")
        for turn in range(5):
            self.assertEqual(mail.send(turn + 1), turn + 1)
            with self.only_metadata_reaches_the_disk():
                self.assertEqual(mail.send(3), 0)
            eventually(lambda: mail.send(1), "mail is accepted again")
        self.assertIn("event=queue.store_failed role=queue doing=sync", suite.log("queued"))
        self.forget_memory(suite, "queued", "smtpd")
        suite.start_service("deliverd")
        mail.check()

    # ---- quota ----

    def suite_with_quota(self, which):
        """Its directory WHICH is a subvolume of btrfs with a quota of 16 MiB."""
        suite = self.new_suite()
        self.make_image(suite, "mkfs.btrfs", "-q", "-f")
        top = suite.directory / "btrfs"
        self.mount(top, "-o", "loop", self.image)
        self.run_or_skip("btrfs", "-q", "quota", "enable", top)
        self.volume = top / which
        self.run_or_skip("btrfs", "-q", "subvolume", "create", self.volume)
        self.limit_volume("16M")
        self.mount(suite.directory / which, "--bind", self.volume)
        os.chown(self.volume, ACCOUNTS[which], ACCOUNTS[which])
        self.volume.chmod(0o700)
        return suite

    def limit_volume(self, size):
        subprocess.run(["btrfs", "qgroup", "limit", size, self.volume], check=True, stdout=subprocess.DEVNULL)

    def test_a_quota_on_the_spool_refuses_for_the_moment(self):
        suite = self.suite_with_quota("spool")
        mail = self.start(suite)
        suite.stop_service("deliverd")
        eventually(lambda: not mail.send(1), "the quota is reached", 60)
        self.assertIn("Disk quota exceeded", suite.log())
        self.limit_volume("none")
        suite.start_service("deliverd")
        mail.check()

    def test_a_quota_on_the_mailboxes_defers(self):
        suite = self.suite_with_quota("mail")
        mail = self.start(suite)

        def reached():
            mail.send(20)
            return "Disk quota exceeded" in suite.log("deliverd")
        eventually(reached, "the quota is reached", 60)
        self.limit_volume("none")
        mail.check()

    # ---- a file system that gives up ----

    def test_a_table_whose_file_system_gave_up_answers_and_loses_nothing(self):
        """ext4 that met an error is read-only from one moment to the next, also for open files, until it is mounted anew."""
        suite = self.suite_on_ext4("table")
        suite.expected_crashes = True
        mail = self.start(suite)
        suite.dbtool("alias", "add", "before@" + DOMAIN, USER)
        subprocess.run(["mount", "-o", "remount,abort", self.disk], check=False)
        refused = suite.dbtool("alias", "add", "meanwhile@" + DOMAIN, USER, check=False)
        self.assertNotEqual(refused.returncode, 0)
        mail.send(3)
        self.forget_memory(suite, "tabled")
        self.assertEqual(suite.dbtool("alias", "add", "after@" + DOMAIN, USER).returncode, 0)
        listed = suite.dbtool("alias", "list").stdout.split()
        self.assertIn("before@" + DOMAIN, listed)
        self.assertNotIn("meanwhile@" + DOMAIN, listed)
        mail.check()

    # ---- limits ----

    def strike(self, mail, pids, what, limit, told):
        """
        While PIDS have no more of WHAT than LIMIT gives them, mail is sent; whoever cannot be served waits until they have. TOLD: whether the log
        says so, or need not.
        """
        sender = threading.Thread(target=mail.send, args=(6,), daemon=True)
        before = {pid: self.limit_of(pid, what) for pid in pids}
        for pid in pids:
            self.set_limit(pid, what, limit(pid))
        sender.start()
        sender.join(3)
        eventually(lambda: told() or not sender.is_alive(), "the log says what is wrong")
        for pid in pids:
            try:
                self.set_limit(pid, what, before[pid])
            except (OSError, subprocess.CalledProcessError):
                self.assertFalse(is_running(pid))  # a role ends when it cannot take a descriptor that it is sent, and is started again
        sender.join(2 * PATIENCE)
        self.assertFalse(sender.is_alive(), "a client waits for ever")
        mail.check()

    @staticmethod
    def limit_of(pid, what):
        title = {"nofile": "Max open files", "as": "Max address space"}[what]
        return re.search(rf"^{title} +(\S+)", pathlib.Path(f"/proc/{pid}/limits").read_text(encoding="ascii"), re.MULTILINE).group(1)

    @staticmethod
    def set_limit(pid, what, limit):
        """Sets a soft limit. A process's own account may always do that, and root not everywhere."""
        account = re.search(r"^Uid:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii"), re.MULTILINE).group(1)
        subprocess.run(["setpriv", "--reuid", account, "--regid", account, "--clear-groups",
                        "prlimit", "--pid", str(pid), f"--{what}={limit}:"], check=True)

    def strike_each(self, what, limit):
        suite = self.new_suite()
        suite.expected_crashes = what == "nofile"
        mail = self.start(suite)
        mail.send(3)
        for service, role in (("queued", "queue"), ("queued", "syncer"), ("deliverd", "worker"), ("smtpd", "worker"), ("tabled", "owner")):
            with self.subTest(service=service, role=role):
                said = suite.log(service).count(EXHAUSTED)
                self.strike(mail, suite.roles(service, role), what, limit, lambda: what != "nofile" or suite.log(service).count(EXHAUSTED) > said)
        return suite

    def test_without_descriptors_nothing_is_lost(self):
        suite = self.strike_each("nofile", lambda pid: 3)
        for service in ("queued", "deliverd", "smtpd"):
            self.assertIn(EXHAUSTED, suite.log(service))

    def test_without_memory_nothing_is_lost(self):
        def present(pid):
            with open(f"/proc/{pid}/statm", encoding="ascii") as file:
                return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        self.strike_each("as", present)
