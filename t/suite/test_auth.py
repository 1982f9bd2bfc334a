"""Logging in: mechanisms, app passwords, what a user may send as, and what guessing meets."""

import base64
import hashlib
import hmac
import os
import pathlib
import poplib
import shutil
import smtplib
import socket
import ssl
import subprocess
import tempfile
import time

from harness import DOMAIN, PASSWORD, SANITIZED, SLOWNESS, OwnSuiteTest, Suite, SuiteTest, command_line, free_ports, is_root
from test_tls import connect, context, holds, make_pair


def b64(text):
    return base64.b64encode(text.encode()).decode()


def plain(login, password=PASSWORD):
    return b64(f"\0{login}\0{password}")


class Programs(SuiteTest):
    """With programs of others."""

    def run_program(self, *command, stdin="", status=0):
        if not shutil.which(command[0]):
            self.skipTest(f"{command[0]} is not installed")
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.suite.directory), "LC_ALL": "C.UTF-8"}
        result = subprocess.run(command, input=stdin, text=True, capture_output=True, timeout=60 * SLOWNESS, env=environment, check=False)
        self.assertEqual(result.returncode, status, f"{command}: {result.stdout}{result.stderr}")
        return result.stdout + result.stderr

    def gsasl_answers(self, mechanism, user, password, converse):
        """CONVERSE gets the first message (None: the server begins) and a function that answers challenges, and says whether the login succeeded."""
        if not shutil.which("gsasl"):
            self.skipTest("gsasl is not installed")
        command = ["gsasl", "--quiet", "--client", "--no-cb", f"--mechanism={mechanism}", f"--authentication-id={user}", f"--password={password}"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as program:
            self.assertEqual(program.stdout.readline().strip(), mechanism)

            def answer(challenge):
                program.stdin.write(challenge + "\n")
                program.stdin.flush()
                return program.stdout.readline().strip()

            try:
                return converse(None if mechanism == "LOGIN" else program.stdout.readline().strip(), answer)
            finally:
                program.stdin.close()
                program.kill()

    def pop3_login(self, mechanism, user, password=PASSWORD):
        """True when gsasl logs in by POP3."""
        def converse(first, answer):
            with self.suite.pop3() as client:
                reply = client.command(f"AUTH {mechanism}")
                while reply.startswith("+ "):
                    if first is None:
                        reply = client.command(answer(reply[2:]))
                    else:
                        self.assertEqual(reply, "+ ")
                        reply = client.command(first)
                        first = None
                if reply.startswith("+OK"):
                    client.quit()
                    return True
                self.assertTrue(reply.startswith("-ERR [AUTH] "), reply)
                return False
        return self.gsasl_answers(mechanism, user, password, converse)


class Pop3(Programs):
    def test_gsasl_logs_in_by_each_mechanism(self):
        user = self.new_user()
        for mechanism in ("SCRAM-SHA-256", "PLAIN", "LOGIN"):
            with self.subTest(mechanism):
                self.assertTrue(self.pop3_login(mechanism, user))
                self.assertFalse(self.pop3_login(mechanism, user, password="wrong"))

    def test_scram_of_an_unknown_user_looks_like_that_of_any_other_and_stays_the_same(self):
        user = self.new_user()
        salts = []
        for login in (user, "nobody@" + DOMAIN, "nobody@" + DOMAIN):
            with self.suite.pop3() as client:
                reply = client.command("AUTH SCRAM-SHA-256 " + b64(f"n,,n={login},r=abc"))
                challenge = dict(part.split("=", 1) for part in base64.b64decode(reply[2:]).decode().split(","))
                salts.append(challenge["s"])
                self.assertEqual(challenge["i"], "10000")
                self.assertTrue(client.command("*").startswith("-ERR"))
        self.assertEqual(salts[1], salts[2])
        self.assertEqual({len(salt) for salt in salts}, {24})

    def test_a_user_with_a_foreign_hash_gets_scram_by_the_first_right_password(self):
        user = "foreign@" + DOMAIN
        self.suite.add_domain()
        sha512 = "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/"  # of "password"
        self.suite.dbtool("user", "add", "--hash-stdin", user, stdin=sha512 + "\n")
        self.assertFalse(self.pop3_login("SCRAM-SHA-256", user, password="password"))
        with self.suite.pop3(user, "password") as client:
            client.quit()
        self.assertIn("SCRAM:    yes", self.suite.dbtool("user", "show", user).stdout)
        self.assertTrue(self.pop3_login("SCRAM-SHA-256", user, password="password"))

    def test_a_password_is_the_same_however_its_letters_were_composed(self):
        """SASLprep (RFC 4013)."""
        composed, decomposed = "p\u00e4ss\u00a0wort", "pa\u0308ss wort"
        for given in (composed, decomposed):
            user = self.new_user()
            self.suite.dbtool("user", "passwd", "--password-stdin", user, stdin=given + "\n")
            for mechanism in ("PLAIN", "LOGIN", "SCRAM-SHA-256"):
                for sent in (composed, decomposed):
                    with self.subTest(given=given, mechanism=mechanism, sent=sent):
                        self.assertTrue(self.pop3_login(mechanism, user, password=sent))
                self.assertFalse(self.pop3_login(mechanism, user, password="pass wort"))
            with self.suite.pop3() as client:
                client.ok(f"AUTH PLAIN {plain(user, decomposed)}")  # from a client that prepares nothing

    def test_a_password_that_cannot_be_prepared_is_compared_as_it_is(self):
        user = self.new_user()
        strange = "\ue000\U0001f600\u06271"
        self.suite.dbtool("user", "passwd", "--password-stdin", user, stdin=strange + "\n")
        with self.suite.pop3() as client:
            client.ok(f"AUTH PLAIN {plain(user, strange)}")

    def test_a_login_is_found_however_its_letters_were_composed(self):
        self.suite.add_user("j\u00fcrgen@" + DOMAIN)
        for login in ("j\u00fcrgen@", "ju\u0308rgen@"):
            with self.suite.pop3() as client:
                client.ok(f"AUTH PLAIN {plain(login + DOMAIN)}")
            self.assertTrue(self.pop3_login("SCRAM-SHA-256", login + DOMAIN))

    def test_app_passwords_work_until_they_are_removed(self):
        user = self.new_user()
        phone = self.suite.dbtool("app-password", "add", user, "phone").stdout.strip()
        self.suite.dbtool("app-password", "add", "--password-stdin", user, "laptop", stdin="chosen one\n")
        listed = self.suite.dbtool("app-password", "list", user).stdout
        self.assertEqual([line.split("\t")[0] for line in listed.splitlines()], ["phone", "laptop"])
        for password in (phone, "chosen one", PASSWORD):
            for mechanism in ("PLAIN", "SCRAM-SHA-256"):
                self.assertTrue(self.pop3_login(mechanism, user, password=password))
        self.suite.dbtool("app-password", "del", user, "phone")
        for mechanism in ("PLAIN", "SCRAM-SHA-256"):
            self.assertFalse(self.pop3_login(mechanism, user, password=phone))
            self.assertTrue(self.pop3_login(mechanism, user, password="chosen one"))

    def test_a_disabled_user_cannot_log_in_by_any_mechanism(self):
        user = self.new_user()
        self.suite.dbtool("user", "disable", user)
        for mechanism in ("SCRAM-SHA-256", "PLAIN", "LOGIN"):
            self.assertFalse(self.pop3_login(mechanism, user))

    def test_curl_and_mpop_log_in_by_sasl(self):
        user = self.new_user()
        self.suite.deliver(user)
        url = f"pop3://127.0.0.1:{self.suite.pop3_port}/1"
        for mechanism in ("PLAIN", "LOGIN"):
            self.assertIn("Subject: test", self.run_program("curl", "-sS", "--login-options", f"AUTH={mechanism}", "-u", f"{user}:{PASSWORD}", url))
        for mechanism in ("plain", "login", "scram-sha-256"):
            self.run_program("mpop", "--serverinfo", "--host=127.0.0.1", f"--port={self.suite.pop3_port}", f"--auth={mechanism}", "--tls=off")

    def test_capa_lists_what_is_there(self):
        client = poplib.POP3("127.0.0.1", self.suite.pop3_port, timeout=30)
        self.assertEqual(client.capa()["SASL"], ["SCRAM-SHA-256", "PLAIN", "LOGIN"])
        client.quit()


class Smtp(Programs):
    """Submission. Clients on this host may relay by default: here they must log in."""

    directives = {"relay_networks": "off"}

    def session(self, user=None, password=PASSWORD):
        client = self.suite.smtp(self.suite.submission_port)
        self.addCleanup(client.close)
        client.hello()
        if user:
            client.expect(235, f"AUTH PLAIN {plain(user, password)}")
        return client

    def smtp_login(self, mechanism, user, password=PASSWORD):
        def converse(first, answer):
            with self.suite.smtp(self.suite.submission_port) as client:
                client.hello()
                reply = client.command(f"AUTH {mechanism}" + (f" {first}" if first else ""))
                while reply.code == 334:
                    reply = client.command(answer(reply.text))
                self.assertIn(reply.code, (235, 535))
                return reply.code == 235
        return self.gsasl_answers(mechanism, user, password, converse)

    def test_gsasl_logs_in_by_each_mechanism(self):
        user = self.new_user()
        for mechanism in ("SCRAM-SHA-256", "PLAIN", "LOGIN"):
            with self.subTest(mechanism):
                self.assertTrue(self.smtp_login(mechanism, user))
                self.assertFalse(self.smtp_login(mechanism, user, "wrong"))

    def test_a_submission_needs_a_login(self):
        self.assertEqual(self.session().expect(530, "MAIL FROM:<a@example.net>").status, "5.7.0")

    def test_port_25_offers_no_login(self):
        with self.suite.smtp() as client:
            client.hello()
            self.assertNotIn("AUTH", client.capabilities)
            client.expect(502, "AUTH PLAIN")

    def test_a_user_sends_and_received_says_so(self):
        user = self.new_user()
        client = self.session(user)
        client.message(user, [user], f"From: Me <{user}>\r\nSubject: mine\r\n\r\ntext\r\n".encode())
        message, = self.suite.wait_messages(user)
        self.assertIn(b" with ESMTPA id ", message)

    def test_a_user_may_send_to_other_domains(self):
        user = self.new_user()
        client = self.session(user)
        client.envelope(user, ["a@elsewhere.example"])

    def test_a_user_may_send_as_its_own_addresses_only(self):
        user, other = self.new_user(), self.new_user()
        self.suite.dbtool("alias", "add", f"alias.{user}", user)
        self.suite.dbtool("user", "set", user, "--send-as", "me@elsewhere.example")
        client = self.session(user)
        for sender in (user, user.upper(), user.replace("@", "+tag@"), f"alias.{user}", "me@elsewhere.example", ""):
            client.expect(250, f"MAIL FROM:<{sender}>")
            client.expect(250, "RSET")
        for sender in (other, "you@elsewhere.example", "postmaster@" + DOMAIN):
            self.assertEqual(client.expect(553, f"MAIL FROM:<{sender}>").status, "5.7.1")
        client.envelope(user, [user])
        reply = client.data(f"From: {other}\r\n\r\ntext\r\n".encode())
        self.assertEqual((reply.code, reply.status), (550, "5.7.1"))

    def test_a_password_is_not_taken_from_elsewhere_without_tls(self):
        # The address of this host in another network, if it has one.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(("192.0.2.1", 9))
                address = probe.getsockname()[0]
            except OSError:
                self.skipTest("there is no network but the loopback")
        if address.startswith("127."):
            self.skipTest("there is no network but the loopback")
        suite = Suite(relay_networks="off")
        self.addCleanup(suite.stop)
        suite.write_configuration(submission_listen=f"*:{suite.submission_port}")
        suite.start()
        with socket.create_connection((address, suite.submission_port), timeout=30) as raw:
            file = raw.makefile("rb")
            file.readline()
            raw.sendall(b"EHLO client.example.net\r\n")
            lines = []
            while not lines or lines[-1][3:4] == b"-":
                lines.append(file.readline())
            self.assertIn(b"250-AUTH SCRAM-SHA-256\r\n", lines)
            raw.sendall(b"AUTH PLAIN " + plain("a@" + DOMAIN).encode() + b"\r\n")
            self.assertTrue(file.readline().startswith(b"538 5.7.11 "))
            file.close()

    def test_programs_log_in_and_send(self):
        user = self.new_user()
        port = str(self.suite.submission_port)
        mail = self.suite.directory / "mail.txt"
        mail.write_text(f"From: {user}\nSubject: curl\n\ntext\n")
        for mechanism in ("PLAIN", "LOGIN"):
            self.run_program("curl", "-sS", "--crlf", f"smtp://127.0.0.1:{port}/client", "--mail-from", user, "--mail-rcpt", user,
                             "--login-options", f"AUTH={mechanism}", "-u", f"{user}:{PASSWORD}", "--upload-file", str(mail))
            self.run_program("swaks", "--server", "127.0.0.1", "--port", port, "--from", user, "--to", user, "--auth", mechanism,
                             "--auth-user", user, "--auth-password", PASSWORD)
        with smtplib.SMTP("127.0.0.1", int(port), timeout=30) as client:
            client.login(user, PASSWORD)
            client.sendmail(user, [user], f"From: {user}\r\n\r\n")
        self.suite.wait_messages(user, 5)

    def test_msmtp_logs_in_by_each_mechanism(self):
        user = self.new_user()
        for mechanism in ("plain", "login", "scram-sha-256"):
            self.run_program("msmtp", "--host=127.0.0.1", f"--port={self.suite.submission_port}", "--tls=off", f"--auth={mechanism}",
                             f"--user={user}", f"--passwordeval=echo '{PASSWORD}'", f"--from={user}", user, stdin=f"From: {user}\n\ntext\n")
        self.suite.wait_messages(user, 3)


class Guessing(OwnSuiteTest):
    def test_too_many_wrong_passwords_are_refused_for_all_services_and_logged_for_a_ban_tool(self):
        user, login = "alice@" + DOMAIN, 'x" client=192.0.2.99 login='
        suite = self.start_suite([user], auth_failures_per_address=5, relay_networks="off")
        for number in range(5):
            with suite.smtp(suite.submission_port) as client:
                client.hello()
                client.expect(535, "AUTH PLAIN " + plain(login if number else user, "wrong"))
        with suite.pop3() as client:
            self.assertIn("[SYS/TEMP]", client.command(f"AUTH PLAIN {plain(user)}"))
        with suite.smtp(suite.submission_port) as client:
            client.hello()
            self.assertEqual(client.expect(454, f"AUTH PLAIN {plain(user)}").status, "4.7.0")
        lines = [line for line in suite.log("tabled").splitlines() if "event=tabled.auth " in line]
        self.assertEqual(["failed"] * 5 + ["refused"] * 2, [line.partition("result=")[2].split()[0] for line in lines])
        self.fail2ban(suite, lines)

    def fail2ban(self, suite, lines):
        program = os.environ.get("FAIL2BAN_REGEX") or shutil.which("fail2ban-regex")
        if not program:
            self.skipTest("fail2ban is not installed")
        log = suite.directory / "mail.log"
        event = [line[line.index("event="):] for line in lines]
        # As syslog, the journal and a file have it; and what must not be taken for it.
        shapes = ("host tabled: ", "host tabled[4711]: tabled[4712] ", "tabled[4712] ")
        other = ["host other: tabled: " + event[0], "host tabled: event=tabled.auth role=owner result=ok service=pop3 client=192.0.2.1 mechanism=x login=x"]
        log.write_text("".join(f"Nov 22 12:00:{number:02} {shapes[number % 3]}{text}\n" for number, text in enumerate(event))
                       + "".join(f"Nov 22 12:01:00 {text}\n" for text in other))
        filter_file = pathlib.Path(__file__).resolve().parents[2] / "etc/fail2ban/filter.d/angarium.conf"
        text = self.run_fail2ban(program, "--out", "ip", str(log), str(filter_file))
        self.assertEqual(text.split(), ["127.0.0.1"] * len(lines))

    @staticmethod
    def run_fail2ban(program, *arguments):
        return subprocess.run([*program.split(), *arguments], text=True, capture_output=True, timeout=60 * SLOWNESS, check=True).stdout

    def test_an_account_is_refused_to_strangers_and_opens_to_whom_it_knows(self):
        user = "alice@" + DOMAIN
        suite = self.start_suite([user], auth_failures_per_account=3)
        for _ in range(3):
            with suite.pop3() as client:
                self.assertIn("[AUTH]", client.command(f"AUTH PLAIN {plain(user, 'wrong')}"))
        with suite.pop3() as client:
            self.assertIn("[SYS/TEMP]", client.command(f"AUTH PLAIN {plain(user)}"))

    def test_a_wrong_password_is_answered_late(self):
        user = "alice@" + DOMAIN
        suite = self.start_suite([user], auth_failure_delay="1s")
        began = time.monotonic()
        with suite.pop3() as client:
            client.ok(f"USER {user}")
            self.assertIn("[AUTH]", client.command("PASS wrong"))
        self.assertGreater(time.monotonic() - began, 0.9)
        with suite.pop3(user) as client:
            client.quit()


def scram_keys(password, challenge):
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(challenge["s"]), int(challenge["i"]))
    return (hmac.digest(salted, b"Client Key", "sha256"), hmac.digest(salted, b"Server Key", "sha256"))


def scram(command, user, header, binding, password=PASSWORD, mechanism="SCRAM-SHA-256-PLUS"):
    """A login by SMTP with the gs2-header and the channel binding given; COMMAND sends a line and returns the reply. True when it succeeds."""
    bare = f"n={user},r=abcdef"
    reply = command(f"AUTH {mechanism} " + b64(header + bare))
    if not reply.startswith("334 "):
        return False
    first = base64.b64decode(reply[4:]).decode()
    challenge = dict(part.split("=", 1) for part in first.split(","))
    bound = base64.b64encode(header.encode() + binding).decode()
    final = f"c={bound},r={challenge['r']}"
    message = f"{bare},{first},{final}".encode()
    client, server = scram_keys(password, challenge)
    signature = hmac.digest(hashlib.sha256(client).digest(), message, "sha256")
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(client, signature))).decode()
    reply = command(b64(f"{final},p={proof}"))
    if not reply.startswith("334 "):
        return False
    if base64.b64decode(reply[4:]) != b"v=" + base64.b64encode(hmac.digest(server, message, "sha256")):
        raise AssertionError(f"the server's signature is wrong: {reply}")
    return command("").startswith("235 ")


class Secrets(SuiteTest):
    def test_no_process_keeps_a_password_after_it_was_checked(self):
        if not is_root():
            self.skipTest("reading a confined process's memory needs root")
        if SANITIZED:
            self.skipTest("the memory of a sanitized process has no end")
        user = self.new_user()
        for password in (PASSWORD, "Wr0ng-but-quite-long-Passw0rd"):
            answer = "235 " if password == PASSWORD else "535 "
            for _ in range(3):
                for last in (f"PASS {password}", f"AUTH PLAIN {plain(user, password)}"):
                    with self.suite.pop3() as client:
                        client.command(f"USER {user}")
                        client.command(last)
                        client.quit()
                with socket.create_connection(("127.0.0.1", self.suite.submission_port), timeout=30) as client, client.makefile("rb") as file:
                    def command(line, to=client, replies=file):
                        to.sendall(line.encode() + b"\r\n")
                        while (reply := replies.readline().decode())[3:4] == "-":
                            pass
                        return reply
                    file.readline()
                    command("EHLO client.example.net")
                    if password != PASSWORD:
                        self.assertEqual(command(f"AUTH PLAIN {plain(user, password)}")[:4], answer)
                    self.assertTrue(command("AUTH LOGIN").startswith("334 "))
                    self.assertTrue(command(b64(user)).startswith("334 "))
                    self.assertEqual(command(b64(password))[:4], answer)
            needles = (password.encode(), b64(password).encode(), plain(user, password).encode())
            for service in ("smtpd", "pop3d", "tabled"):
                for pid in self.suite.roles(service):
                    self.assertFalse(holds(pid, needles), (service, pid, command_line(pid), password))


class Binding(Programs):
    """SCRAM-SHA-256-PLUS: the login is bound to the TLS channel."""

    @classmethod
    def setUpClass(cls):
        cls.certificates = pathlib.Path(tempfile.mkdtemp(prefix="angarium-certificates-"))
        cls.certificate, key = make_pair(cls.certificates, "one")
        cls.smtps, = free_ports(1)
        cls.directives = {"tls_certificate": f"{cls.certificate} {key}", "smtps_listen": f"127.0.0.1:{cls.smtps}",
                          "pop3s_listen": "off", "relay_networks": "off"}
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree(cls.certificates)

    def setUp(self):
        self.user = self.new_user()

    def connect(self, version):
        made = context(version=version)
        connection = connect(self.smtps, made)
        self.addCleanup(connection.close)
        file = connection.makefile("rb")
        self.addCleanup(file.close)

        def command(line):
            connection.sendall(line.encode() + b"\r\n")
            reply = file.readline()
            while reply[3:4] == b"-":
                self.capabilities.append(reply.decode().strip())
                reply = file.readline()
            return reply.decode().strip()

        self.capabilities = []
        file.readline()
        command("EHLO client.example.net")
        return command, hashlib.sha256(connection.getpeercert(True)).digest()

    def test_plus_is_offered_under_tls(self):
        self.connect(ssl.TLSVersion.TLSv1_3)
        self.assertIn("250-AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN", self.capabilities)

    def test_a_login_is_bound_to_the_certificate(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            command, digest = self.connect(version)
            self.assertFalse(scram(command, self.user, "p=tls-server-end-point,,", b"x" * 32))
            self.assertFalse(scram(command, self.user, "p=tls-server-end-point,,", digest, password="wrong"))
            self.assertTrue(scram(command, self.user, "p=tls-server-end-point,,", digest))

    def test_a_client_that_is_told_that_there_is_no_binding_is_refused(self):
        command, _ = self.connect(ssl.TLSVersion.TLSv1_3)
        self.assertFalse(scram(command, self.user, "y,,", b"", mechanism="SCRAM-SHA-256"))
        self.assertTrue(scram(command, self.user, "n,,", b"", mechanism="SCRAM-SHA-256"))

    def test_gsasl_binds_its_login_to_the_channel(self):
        for priority, mechanism in (("NORMAL", "SCRAM-SHA-256-PLUS"), ("NORMAL", "PLAIN")):
            text = self.run_program("gsasl", "--client", "--smtp", f"--connect=127.0.0.1:{self.suite.submission_port}",
                                    "--x509-ca-file=", f"--priority={priority}", f"--mechanism={mechanism}",
                                    f"--authentication-id={self.user}", f"--password={PASSWORD}", "--no-client-first", stdin="QUIT\n")
            self.assertIn("235 2.7.0", text)

    def test_received_says_that_it_was_a_user_over_tls(self):
        with smtplib.SMTP_SSL("127.0.0.1", self.smtps, timeout=30, context=context()) as client:
            client.login(self.user, PASSWORD)
            client.sendmail(self.user, [self.user], f"From: {self.user}\r\n\r\n")
        message, = self.suite.wait_messages(self.user)
        self.assertIn(b" with ESMTPSA id ", message)
