"""Disks that are full: a clear temporary failure, nothing lost, and service again as soon as there is space."""

import os
import shutil
import subprocess

from harness import DOMAIN, OwnSuiteTest, Suite, eventually, is_root

USER = "a@" + DOMAIN
BODY = b"Subject: disk\r\n\r\n" + (b"x" * 78 + b"\r\n") * 1000 + b"end\r\n"


class FullDisk(OwnSuiteTest):
    def start_on_small_disk(self, which, size, **directives):
        """A suite with its spool, mail or table directory (WHICH) on a small file system of its own, or what DIRECTIVES put there."""
        if not is_root():
            self.skipTest("only root can mount a small file system")
        suite = Suite(**{"retry": "1s", "segment_size": "8M", "spool_reserve": 0})
        suite.write_configuration(**{name: suite.directory / value if name.endswith("_directory") else value for name, value in directives.items()})
        self.addCleanup(suite.stop)
        self.disk = suite.directory / which
        self.disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "none", self.disk], check=False).returncode:
            self.skipTest("mounting is not allowed here")
        self.addCleanup(subprocess.run, ["umount", "-l", self.disk], check=True)
        account = {"table": 64101, "spool": 64102, "mail": 64105, "disk": 0}[which]
        os.chown(self.disk, account, account)
        if which == "disk":
            self.disk.chmod(0o755)
        suite.start()
        suite.add_user(USER)
        return suite

    def resize(self, size):
        subprocess.run(["mount", "-o", f"remount,size={size}", self.disk], check=True)

    def send_until_refused(self, suite, limit):
        """Sends without deliverd until the spool is full. Returns how many messages got their 250."""
        accepted = 0
        with suite.smtp() as client:
            client.hello()
            for _ in range(limit):
                for command in ("MAIL FROM:<s@example.net>", f"RCPT TO:<{USER}>", "DATA"):
                    reply = client.command(command)
                    if reply.code >= 400:
                        break
                else:
                    client.send(BODY + b".\r\n")
                    reply = client.reply()
                if reply.code != 250:
                    self.assertIn(reply.code, (451, 452), reply)
                    return accepted
                accepted += 1
        self.fail("the disk never got full")

    def test_a_full_spool_refuses_for_the_moment_and_loses_nothing(self):
        suite = self.start_on_small_disk("spool", "24M", inline_limit="1k")
        suite.stop_service("deliverd")
        accepted = self.send_until_refused(suite, 1000)
        self.assertGreater(accepted, 10)
        self.resize("100M")
        def accepts():
            with suite.smtp() as client:
                client.hello()
                client.command("MAIL FROM:<s@example.net>")
                client.command(f"RCPT TO:<{USER}>")
                if client.command("DATA").code != 354:
                    return False
                client.send(BODY + b".\r\n")
                return client.reply().code == 250
        eventually(accepts, "mail is accepted again")
        suite.start_service("deliverd")
        for message in suite.wait_messages(USER, accepted + 1):
            self.assertTrue(message.endswith(b"\nend\n"))

    def test_a_full_spool_drains_when_deliverd_comes_back_without_more_space(self):
        suite = self.start_on_small_disk("spool", "24M")
        suite.stop_service("deliverd")
        accepted = self.send_until_refused(suite, 1000)
        suite.start_service("deliverd")
        for message in suite.wait_messages(USER, accepted):
            self.assertTrue(message.endswith(b"\nend\n"))

    def test_while_space_is_short_mail_is_refused_at_once_and_what_is_queued_is_delivered(self):
        """Spool and mailboxes share a disk: what is kept free is what delivery needs."""
        suite = self.start_on_small_disk("disk", "64M", spool_directory="disk/spool", mail_directory="disk/mail", spool_reserve="28M", delivery_workers=2)
        suite.stop_service("deliverd")
        with suite.smtp() as client:
            client.hello()
            accepted = 0
            while client.command("MAIL FROM:<s@example.net>").code == 250:
                client.expect(250, f"RCPT TO:<{USER}>")
                self.assertEqual(client.data(BODY).code, 250)
                accepted += 1
            client.expect(452, "MAIL FROM:<s@example.net>")
        self.assertGreater(accepted, 150)
        self.assertIn("event=queue.space_short", suite.log("queued"))
        space = os.statvfs(self.disk)
        self.assertGreater(space.f_bavail * space.f_frsize, (28 - 8) << 20, "more than a segment of the reserve is gone")
        suite.start_service("deliverd")
        for message in suite.wait_messages(USER, accepted):
            self.assertTrue(message.endswith(b"\nend\n"))
        shutil.rmtree(suite.maildir(USER))
        suite.wait_accepting(USER)

    def test_a_large_message_that_would_take_the_reserve_is_refused(self):
        suite = self.start_on_small_disk("spool", "64M", spool_reserve="20M", inline_limit="1k")
        with suite.smtp() as client:
            client.hello()
            client.envelope("s@example.net", [USER], f"SIZE={45 << 20}")
            reply = client.data(BODY * 600)
            self.assertEqual(reply.code, 452, reply)
            client.message("s@example.net", [USER], BODY)
        self.assertEqual(len(suite.wait_messages(USER)), 1)
        eventually(lambda: not list((self.disk / "body").iterdir()), "nothing is left of either")

    def test_a_full_mail_disk_defers_and_delivers_when_there_is_space(self):
        suite = self.start_on_small_disk("mail", "1M")
        with suite.smtp() as client:
            client.hello()
            for _ in range(30):
                client.message("s@example.net", [USER], BODY)
        eventually(lambda: "deferred" in suite.log() or "No space" in suite.log(), "a delivery is deferred")
        for path in suite.messages(USER):
            self.assertTrue(path.read_bytes().endswith(b"\nend\n"), f"{path} is not whole")
        self.resize("100M")
        for message in suite.wait_messages(USER, 30):
            self.assertTrue(message.endswith(b"\nend\n"))
        self.assertEqual(list((suite.maildir(USER) / "tmp").iterdir()), [])

    def test_a_mail_disk_that_is_read_only_for_a_while_defers_and_delivers(self):
        suite = self.start_on_small_disk("mail", "20M")
        suite.deliver(USER)
        subprocess.run(["mount", "-o", "remount,ro", self.disk], check=True)
        with suite.smtp() as client:
            client.hello()
            for _ in range(3):
                client.message("s@example.net", [USER], BODY)
        eventually(lambda: "Read-only file system" in suite.log("deliverd"), "deliverd says what is wrong")
        subprocess.run(["mount", "-o", "remount,rw", self.disk], check=True)
        for message in suite.wait_messages(USER, 4)[1:]:
            self.assertTrue(message.endswith(b"\nend\n"))
        self.assertEqual(list((suite.maildir(USER) / "tmp").iterdir()), [])

    def test_a_full_disk_of_the_table_refuses_changes_and_answers_lookups(self):
        suite = self.start_on_small_disk("table", "60M")
        self.resize("25M")
        refused = suite.dbtool("alias", "add", "b@" + DOMAIN, USER, check=False)
        self.assertEqual(refused.returncode, 75, refused)
        self.assertIn("free", refused.stderr)
        suite.deliver(USER)
        self.resize("100M")
        suite.dbtool("alias", "add", "b@" + DOMAIN, USER)
        self.assertIn("b@" + DOMAIN, suite.dbtool("alias", "list").stdout)

    def test_a_spool_whose_file_system_gave_up_loses_nothing_once_it_is_mounted_again(self):
        """ext4 that met an error: everything fails with EROFS, from one moment to the next, also for open files."""
        if not is_root():
            self.skipTest("only root can mount a small file system")
        suite = Suite(retry="1s", segment_size="4M", spool_reserve=0, inline_limit="1k")
        self.addCleanup(suite.stop)
        suite.expected_crashes = True
        image = suite.directory / "image"
        disk = suite.directory / "spool"
        disk.mkdir()
        with open(image, "wb") as file:
            file.truncate(64 * 1024 * 1024)
        mount = ["mount", "-t", "ext4", "-o", "loop", image, disk]
        if subprocess.run(["mkfs.ext4", "-q", image], check=False).returncode or subprocess.run(mount, check=False).returncode:
            self.skipTest("mounting a loop device is not allowed here")
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=False)
        subprocess.run(["chown", "64102:64102", disk], check=True)
        disk.chmod(0o700)
        suite.start()
        suite.add_user(USER)
        suite.stop_service("deliverd")
        with suite.smtp() as client:
            client.hello()
            for _ in range(5):
                client.message("s@example.net", [USER], BODY)
            subprocess.run(["mount", "-o", "remount,abort", disk], check=False)
            for _ in range(3):
                for command in ("MAIL FROM:<s@example.net>", f"RCPT TO:<{USER}>", "DATA"):
                    reply = client.command(command)
                    if reply.code >= 400:
                        break
                else:
                    client.send(BODY + b".\r\n")
                    reply = client.reply()
                self.assertIn(reply.code, (451, 452), reply)
                client.command("RSET")
        self.assertRegex(suite.log("queued"), "Read-only file system|Input/output error")
        suite.kill_service("queued")
        subprocess.run(["umount", disk], check=True)
        subprocess.run(mount, check=True)
        suite.start_service("queued")
        suite.start_service("deliverd")
        for message in suite.wait_messages(USER, 5):
            self.assertTrue(message.endswith(b"\nend\n"))
        suite.wait_accepting(USER)
