"""Processes that die: whoever got a 250 finds the message, whoever waits gets a temporary failure, and all comes back by itself."""

import os
import signal
import subprocess
import threading

from harness import DOMAIN, PASSWORD, SBIN, SLOWNESS, OwnSuiteTest, eventually, is_running

USER = "a@" + DOMAIN


class Tabled(OwnSuiteTest):
    def test_a_recipient_gets_451_while_tabled_is_gone_and_250_when_it_is_back(self):
        suite = self.start_suite(users=[USER])
        with suite.smtp() as client:
            client.hello()
            client.expect(250, "MAIL FROM:<s@example.net>")
            suite.kill_service("tabled")
            self.assertEqual(client.command(f"RCPT TO:<{USER}>").code, 451)
            suite.start_service("tabled")
            eventually(lambda: client.command(f"RCPT TO:<{USER}>").code == 250, "the recipient is accepted")
            self.assertEqual(client.data(b"Subject: after all\r\n\r\n").code, 250)
        suite.wait_messages(USER)

    def test_a_tabled_that_is_stopped_hangs_no_client_for_ever(self):
        suite = self.start_suite(users=[USER])
        with suite.smtp() as client:
            client.hello()
            client.expect(250, "MAIL FROM:<s@example.net>")
            owner = suite.roles("tabled", "owner")
            for pid in owner:
                os.kill(pid, signal.SIGSTOP)
            client.send(f"RCPT TO:<{USER}>\r\n".encode())
            for pid in owner:
                os.kill(pid, signal.SIGKILL)
            self.assertIn(client.reply().code, (250, 451))
            eventually(lambda: client.command(f"RCPT TO:<{USER}>").code == 250, "the recipient is accepted")

    def test_a_killed_owner_is_started_again_and_nothing_committed_is_lost(self):
        suite = self.start_suite(users=[USER])
        for number in range(5):
            suite.add_user(f"user{number}@{DOMAIN}")
            suite.kill_role("tabled", "owner")
            eventually(lambda n=number: suite.dbtool("user", "show", f"user{n}@{DOMAIN}", check=False).returncode == 0, "the user is there")
        suite.dbtool("domain", "check")

    def test_a_kill_in_the_middle_of_an_import_leaves_a_whole_table(self):
        suite = self.start_suite(services=("tabled",), users=[USER])
        line, = [line for line in suite.dbtool("user", "export").stdout.splitlines() if USER in line]
        path = suite.directory / "users"
        path.write_text("".join(line.replace("a@", f"user{number}@").replace("example.org/a", f"example.org/user{number}") + "\n" for number in range(20000)))
        with subprocess.Popen([SBIN / "dbtool", "-c", suite.configuration, "user", "import", path],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL) as importer:
            table = suite.directory / "table"
            before = sum(self.size(file) for file in table.rglob("*"))
            eventually(lambda: importer.poll() is not None or
                       sum(self.size(file) for file in table.rglob("*")) > before + 100000, "the import writes")
            suite.kill_role("tabled", "owner")
            importer.communicate(timeout=60 * SLOWNESS)
        eventually(lambda: suite.dbtool("user", "show", USER, check=False).returncode == 0, "tabled is back")
        suite.dbtool("domain", "check")
        suite.dbtool("user", "import", "--if-not-exists", str(path), timeout=120)
        self.assertEqual(len(suite.dbtool("user", "list").stdout.splitlines()), 20001)

    @staticmethod
    def size(path):
        try:
            return path.stat().st_size
        except FileNotFoundError:
            return 0

    def test_a_login_during_the_death_of_a_hash_worker_is_answered(self):
        suite = self.start_suite(users=[USER], password_cache_time=0)
        suite.kill_role("tabled", "hash")

        def opens():
            with suite.pop3() as client:
                client.ok(f"USER {USER}")
                reply = client.command(f"PASS {PASSWORD}")
                self.assertRegex(reply, r"^\+OK|^-ERR \[SYS/TEMP\]")
                return reply.startswith("+OK")
        eventually(opens, "the login succeeds")

    def test_a_login_while_tabled_is_gone_gets_sys_temp(self):
        """RFC 3206 4."""
        suite = self.start_suite(users=[USER])
        suite.kill_service("tabled")
        with suite.pop3() as client:
            client.ok(f"USER {USER}")
            self.assertIn("[SYS/TEMP]", client.refused(f"PASS {PASSWORD}"))
        suite.start_service("tabled")


class Sender(threading.Thread):
    """Sends numbered messages in one session after another, and keeps the numbers that got their 250."""

    def __init__(self, suite, name):
        super().__init__(daemon=True)
        self.suite = suite
        self.mark = name
        self.accepted = []
        self.stopping = threading.Event()

    def run(self):
        number = 0
        while not self.stopping.is_set():
            try:
                with self.suite.smtp() as client:
                    client.hello()
                    while not self.stopping.is_set():
                        number += 1
                        client.command("MAIL FROM:<s@example.net>")
                        if client.command(f"RCPT TO:<{USER}>").code != 250 or client.command("DATA").code != 354:
                            client.command("RSET")
                            continue
                        size = (0, 100, 4000, 70000, 200000)[number % 5]
                        lines = (b"x" * 78 + b"\r\n") * (size // 80)
                        client.send(f"Subject: {self.mark}-{number}-\r\n\r\n".encode() + lines + b"end\r\n.\r\n")
                        if client.reply().code == 250:
                            self.accepted.append(f"Subject: {self.mark}-{number}-".encode())
            except OSError:
                self.stopping.wait(0.005)


class UnderLoad(OwnSuiteTest):
    def under_load(self, kill, rounds, **directives):
        """Calls KILL again and again while messages come in; then every message that got a 250 has to be there, whole."""
        suite = self.start_suite(users=[USER], retry="1s", **directives)
        senders = [Sender(suite, f"sender{index}") for index in range(3)]
        for sender in senders:
            sender.start()
        try:
            for _ in range(rounds):
                before = sum(len(sender.accepted) for sender in senders)
                eventually(lambda goal=before + 20: sum(len(sender.accepted) for sender in senders) >= goal, "mail is accepted", 30)
                kill(suite)
        finally:
            for sender in senders:
                sender.stopping.set()
            for sender in senders:
                sender.join(60)
        accepted = [subject for sender in senders for subject in sender.accepted]
        found = set()
        seen = set()

        def all_there():
            for path in suite.messages(USER):
                if path.name.partition(":")[0] not in seen:
                    text = path.read_bytes()
                    self.assertTrue(text.endswith(b"\nend\n"), f"{path} is not whole")
                    found.add(next(line for line in text.split(b"\n") if line.startswith(b"Subject: ")))
                    seen.add(path.name)
            return found.issuperset(accepted)
        try:
            eventually(all_there, "everything that got its 250 arrives", 180)
        except AssertionError as failure:
            raise AssertionError(f"{failure}: of {len(accepted)} are missing {sorted(set(accepted) - found)[:5]}\n" + suite.log_ends()) from None

    def test_whatever_got_a_250_arrives_when_queued_is_killed_under_load(self):
        self.under_load(lambda suite: suite.kill_role("queued", "queue"), 5)

    def test_whatever_got_a_250_arrives_when_the_syncer_is_killed_under_load(self):
        self.under_load(lambda suite: suite.kill_role("queued", "syncer"), 5)

    def test_whatever_got_a_250_arrives_when_deliverd_is_killed_under_load(self):
        self.under_load(lambda suite: suite.kill_role("deliverd", "worker"), 5)

    def test_whatever_got_a_250_arrives_when_smtpd_is_killed_under_load(self):
        self.under_load(lambda suite: suite.kill_role("smtpd", "worker"), 5)

    def test_whatever_got_a_250_arrives_when_the_whole_suite_is_killed_under_load(self):
        def kill(suite):
            for service in suite.services:
                suite.kill_service(service)
            suite.start()
        self.under_load(kill, 3)


class Parents(OwnSuiteTest):
    def test_roles_do_not_outlive_a_killed_parent_and_the_service_starts_again(self):
        suite = self.start_suite(users=[USER])
        for service in suite.services:
            roles = suite.roles(service)
            os.kill(suite.pid(service), signal.SIGKILL)
            suite.running.pop(service).wait()
            eventually(lambda pids=roles: not any(map(is_running, pids)), f"the roles of {service} end")
        suite.start()
        suite.wait_accepting(USER)
        suite.wait_messages(USER)

    def test_a_service_whose_parent_was_killed_starts_again_at_once(self):
        """What still ends, of its roles, holds sockets and directories: the successor waits for that."""
        suite = self.start_suite()
        for _ in range(15):
            for service in ("pop3d", "smtpd", "deliverd"):
                process = suite.running.pop(service)
                process.kill()
                process.wait()
                suite.start_service(service)

    def test_a_killed_session_worker_is_replaced_and_deletes_nothing(self):
        suite = self.start_suite(users=[USER])
        suite.deliver(USER)
        client = suite.pop3(USER)
        client.ok("DELE 1")
        suite.kill_role("pop3d", "session")
        self.assertTrue(client.closed())
        client.close()
        with suite.wait_login(USER) as again:
            self.assertEqual(again.ok("STAT").split()[1], "1")
