"""TLS: STARTTLS, TLS from the start, certificates and keys, tickets, and reload (RFC 3207, 2595, 8314)."""

import json
import os
import pathlib
import poplib
import re
import select
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess

from harness import PASSWORD, SANITIZED, SBIN, SLOWNESS, OwnSuiteTest, Suite, SuiteTest, command_line, eventually, free_ports, is_root

HOST = "mail.example.org"


def make_pair(directory, name, host=HOST, kind="ec", days="30"):
    """A self-signed certificate; returns the paths of certificate and key."""
    directory.mkdir(exist_ok=True)
    certificate, key = directory / f"{name}.crt", directory / f"{name}.key"
    new_key = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if kind == "ec" else ["rsa:2048"]
    subprocess.run(["openssl", "req", "-x509", "-newkey", *new_key, "-nodes", "-days", days, "-subj", f"/CN={host}",
                    "-addext", f"subjectAltName=DNS:{host}", "-keyout", key, "-out", certificate],
                   check=True, capture_output=True)
    return certificate, key


def directive(*pairs):
    """The value of tls_certificate for several lines of it."""
    return "\ntls_certificate ".join(f"{certificate} {key}" for certificate, key in pairs)


def tls_directives():
    smtps, pop3s = free_ports(2)
    return smtps, pop3s, {"smtps_listen": f"127.0.0.1:{smtps}", "pop3s_listen": f"127.0.0.1:{pop3s}"}


def context(certificate=None, version=None):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = certificate is not None
    made.verify_mode = ssl.CERT_REQUIRED if certificate else ssl.CERT_NONE
    if certificate:
        made.load_verify_locations(certificate)
    if version:
        made.minimum_version = made.maximum_version = version
    return made


def connect(port, with_context=None, name=HOST, session=None):
    plain = socket.create_connection(("127.0.0.1", port), timeout=30 * SLOWNESS)
    return (with_context or context()).wrap_socket(plain, server_hostname=name, session=session)


def key_bytes(key):
    """The private number of an ECDSA key, as it may lie in memory: big-endian, and as OpenSSL's words."""
    text = subprocess.run(["openssl", "ec", "-in", key, "-noout", "-text"], check=True, capture_output=True, text=True).stdout
    digits = re.search(r"priv:\s*([0-9a-f:\s]+)pub:", text).group(1)
    number = bytes.fromhex(re.sub(r"[^0-9a-f]", "", digits)).lstrip(b"\0").rjust(32, b"\0")
    return number, number[::-1]


def memory_of(pid):
    """All that a process can read and write, in pieces."""
    maps = pathlib.Path(f"/proc/{pid}/maps").read_text(encoding="ascii").splitlines()
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            span, mode = line.split()[:2]
            if not mode.startswith("r") or "[v" in line:
                continue
            first, last = (int(part, 16) for part in span.split("-"))
            try:
                memory.seek(first)
                yield memory.read(last - first)
            except (OSError, ValueError):
                continue


def holds(pid, needles):
    return any(needle in piece for piece in memory_of(pid) for needle in needles)


class TlsSuite(SuiteTest):
    """A running suite with an ECDSA and an RSA certificate for one name, and an ECDSA one for another."""

    @classmethod
    def setUpClass(cls):
        cls.smtps_port, cls.pop3s_port, directives = tls_directives()
        cls.suite = Suite(**directives)
        files = cls.suite.directory / "tls"
        cls.pairs = [make_pair(files, "one"), make_pair(files, "rsa", kind="rsa"), make_pair(files, "two", "*.example.net")]
        for _, key in cls.pairs:
            key.chmod(0o600)
        cls.suite.write_configuration(tls_certificate=directive(*cls.pairs))
        try:
            cls.suite.start()
            cls.suite.add_domain()
        except BaseException:
            cls.suite.stop()
            raise

    def setUp(self):
        self.user = self.new_user()
        self.home = self.suite.directory / "home" / self.user
        self.home.mkdir(parents=True)

    def run_program(self, *command, stdin="", status=0):
        if not shutil.which(command[0]):
            self.skipTest(f"{command[0]} is not installed")
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LC_ALL": "C.UTF-8"}
        result = subprocess.run(command, input=stdin, text=True, capture_output=True, timeout=60 * SLOWNESS, env=environment,
                                check=False)
        self.assertEqual(result.returncode, status, f"{command}: {result.stdout}{result.stderr}")
        return result.stdout

    def s_client(self, *options, port=None, stdin="QUIT\r\n", check=True):
        result = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port or self.smtps_port}", "-ign_eof", *options],
                                input=stdin, text=True, capture_output=True, timeout=60 * SLOWNESS, check=False)
        if check:
            self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result.stdout + result.stderr


class TlsOfSmtp(TlsSuite):
    def test_openssl_verifies_the_certificate_with_starttls_and_from_the_start(self):
        trusted = ["-CAfile", self.pairs[0][0], "-verify_return_error", "-verify_hostname", HOST, "-servername", HOST]
        self.assertIn("Verify return code: 0 (ok)", self.s_client(*trusted))
        for port in (self.suite.smtp_port, self.suite.submission_port):
            self.assertIn("Verify return code: 0 (ok)", self.s_client("-starttls", "smtp", *trusted, port=port))

    def test_curl_sends_with_tls_required(self):
        mail = self.home / "mail"
        mail.write_text("Subject: curl\n\nGood day.\n")
        for url in (f"smtp://127.0.0.1:{self.suite.submission_port}/client", f"smtps://127.0.0.1:{self.smtps_port}/client"):
            self.run_program("curl", "-sS", "-k", "--ssl-reqd", "--crlf", url, "--mail-from", "sender@example.net",
                             "--mail-rcpt", self.user, "--upload-file", str(mail))
        messages = self.suite.wait_messages(self.user, 2)
        self.assertIn(b" with ESMTPS id ", messages[0])
        self.assertRegex(messages[1], rb"\n\ttls TLS_\w+ group \w+ \(TLSv1\.3, \d+ bits\); ")

    def test_swaks_sends_with_tls(self):
        self.run_program("swaks", "-tls", "--server", f"127.0.0.1:{self.suite.smtp_port}", "--from", "sender@example.net",
                         "--to", self.user)
        self.run_program("swaks", "--tls-on-connect", "--server", f"127.0.0.1:{self.smtps_port}", "--from", "sender@example.net",
                         "--to", self.user)
        self.suite.wait_messages(self.user, 2)

    def test_smtplib_sends_a_large_message_with_tls_1_2_and_1_3(self):
        body = "Subject: large\r\n\r\n" + ("x" * 76 + "\r\n") * 20000
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with smtplib.SMTP("127.0.0.1", self.suite.smtp_port, timeout=60) as client:
                client.starttls(context=context(version=version))
                client.sendmail("sender@example.net", [self.user], body)
        for message in self.suite.wait_messages(self.user, 2):
            self.assertEqual(message.count(b"x" * 76), 20000)

    def test_what_was_said_before_starttls_is_forgotten_and_not_offered_again(self):
        with self.suite.smtp() as client:
            client.hello()
            self.assertIn("STARTTLS", client.capabilities)
            client.envelope("sender@example.net", [self.user])
            client.expect(220, "STARTTLS")
            secure = context().wrap_socket(client.socket, server_hostname=HOST)
            client.socket, client.file = secure, secure.makefile("rb")
            client.expect(503, f"RCPT TO:<{self.user}>")
            client.hello()
            self.assertNotIn("STARTTLS", client.capabilities)
            client.expect(503, "STARTTLS")
            client.expect(503, f"RCPT TO:<{self.user}>")
            client.message("sender@example.net", [self.user])

    def test_plaintext_sent_with_starttls_is_never_run(self):
        """CVE-2011-0411: what a third party adds to the plaintext must not count as said by the client."""
        with self.suite.smtp() as client:
            client.hello()
            client.send(b"STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@example.net>\r\n")
            self.assertEqual(client.reply().code, 220)
            secure = context().wrap_socket(client.socket, server_hostname=HOST)
            client.socket, client.file = secure, secure.makefile("rb")
            client.expect(503, "RCPT TO:<postmaster>")  # neither EHLO nor MAIL was heard
            client.expect(250, "EHLO client.example.net")
            client.expect(503, "RCPT TO:<postmaster>")

    def test_the_name_chooses_the_certificate_and_the_client_its_kind(self):
        def subject(*options):
            return re.search(r"subject=CN\s*=\s*(\S+)", self.s_client(*options)).group(1)

        self.assertEqual(subject("-servername", HOST), HOST)
        self.assertEqual(subject("-servername", "a.example.net"), "*.example.net")
        self.assertEqual(subject("-servername", "elsewhere.example"), HOST)
        self.assertEqual(subject("-noservername"), HOST)
        self.assertIn("Peer signature type: ECDSA", self.s_client("-servername", HOST))
        self.assertIn("Peer signature type: RSA-PSS", self.s_client("-servername", HOST, "-sigalgs", "RSA-PSS+SHA256"))
        self.assertIn("Peer signature type: RSA", self.s_client("-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"))

    def test_weak_protocols_and_ciphers_are_refused(self):
        for options in (("-tls1",), ("-tls1_1",), ("-tls1_2", "-cipher", "AES128-GCM-SHA256"), ("-tls1_2", "-cipher", "AES256-SHA"),
                        ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"), ("-tls1_2", "-cipher", "aNULL"),
                        ("-tls1_2", "-sigalgs", "ECDSA+SHA1:RSA+SHA1")):
            output = self.s_client(*options, "-cipher", options[-1] + ":@SECLEVEL=0" if "-cipher" in options else "DEFAULT:@SECLEVEL=0",
                                   check=False)
            self.assertNotIn("BEGIN SSL SESSION", output.replace("New, (NONE)", ""), options)
            self.assertTrue("New, (NONE), Cipher is (NONE)" in output or "error" in output, output)

    def test_testssl_finds_nothing_above_low(self):
        if not shutil.which("testssl"):
            self.skipTest("testssl is not installed")
        report = self.home / "testssl.json"
        subprocess.run(["testssl", "--warnings", "batch", "--color", "0", "-p", "-s", "-f", "-P", "-U", "--jsonfile", report,
                        f"127.0.0.1:{self.smtps_port}"], stdin=subprocess.DEVNULL, capture_output=True, timeout=300 * SLOWNESS, check=False)
        findings = json.loads(report.read_text())
        self.assertTrue(any(finding["id"] == "TLS1_3" for finding in findings), findings)
        bad = [finding for finding in findings if finding["severity"] in ("MEDIUM", "HIGH", "CRITICAL", "FATAL")]
        self.assertEqual(bad, [])

    def test_there_is_no_renegotiation_and_no_compression(self):
        self.assertIn("Compression: NONE", self.s_client("-tls1_2"))
        # Its input stays open, since at the end of that it would not wait for the answer.
        with subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{self.smtps_port}", "-tls1_2"], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as client:
            def read_until(words):
                output = b""
                while words not in output and select.select([client.stdout], [], [], 30 * SLOWNESS)[0]:
                    read = os.read(client.stdout.fileno(), 65536)
                    output += read
                    if not read:
                        break
                return output

            self.assertIn(b"220 ", read_until(b"220 "))  # a greeting during its handshake would confuse the client
            client.stdin.write(b"R\n")
            client.stdin.flush()
            output = read_until(b"no renegotiation")
            client.kill()
        self.assertIn(b"no renegotiation", output)

    def resumed(self, port, with_context, session):
        with connect(port, with_context, session=session) as client:
            client.recv(1000)
            return client.session_reused

    def test_sessions_resume_in_every_worker(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            shared = context(version=version)
            with connect(self.smtps_port, shared) as client:
                client.recv(1000)
                session = client.session
            results = [self.resumed(self.smtps_port, shared, session) for _ in range(16)]
            self.assertEqual(results, [True] * 16, version)
        workers = {pid for pid in re.findall(r"smtpd\[(\d+)\] event=smtp\.tls [^\n]*resumed=1", self.suite.log("smtpd"))}
        self.assertEqual(len(workers), 2)

    def test_a_client_that_says_nothing_or_nonsense_holds_up_nobody(self):
        silent = [socket.create_connection(("127.0.0.1", self.smtps_port), timeout=30) for _ in range(50)]
        for client in silent[:25]:
            client.sendall(b"\x16\x03\x01\x02\x00\x01")
        for client in silent[25:40]:
            client.sendall(b"EHLO plaintext\r\n")
        with connect(self.smtps_port) as client:
            self.assertTrue(client.recv(1000).startswith(b"220 "))
        for client in silent:
            client.close()


class TlsOfPop3(TlsSuite):
    def test_openssl_verifies_the_certificate_with_stls_and_from_the_start(self):
        trusted = ["-CAfile", self.pairs[0][0], "-verify_return_error", "-verify_hostname", HOST, "-servername", HOST]
        self.assertIn("Verify return code: 0 (ok)", self.s_client(*trusted, port=self.pop3s_port))
        self.assertIn("Verify return code: 0 (ok)", self.s_client("-starttls", "pop3", *trusted, port=self.suite.pop3_port))

    def test_curl_reads_with_tls_required(self):
        self.suite.deliver(self.user)
        for url in (f"pop3://127.0.0.1:{self.suite.pop3_port}/1", f"pop3s://127.0.0.1:{self.pop3s_port}/1"):
            output = self.run_program("curl", "-sS", "-k", "--ssl-reqd", "-u", f"{self.user}:{PASSWORD}", url)
            self.assertIn("Subject: test", output)

    def test_mpop_reads_with_tls(self):
        self.suite.deliver(self.user, count=2)
        for port, starttls in ((self.suite.pop3_port, "on"), (self.pop3s_port, "off")):
            target = self.home / f"inbox-{starttls}"
            configuration = self.home / "mpoprc"
            configuration.write_text(f"account test\nhost 127.0.0.1\nport {port}\nuser {self.user}\npassword {PASSWORD}\nauth user\n"
                                     f"tls on\ntls_starttls {starttls}\ntls_certcheck off\nkeep on\nuidls_file {target}.uidls\n"
                                     f"delivery mbox {target}\n")
            configuration.chmod(0o600)
            self.run_program("mpop", "-C", str(configuration), "test")
            self.assertEqual(target.read_text().count("Subject: test"), 2)

    def test_poplib_reads_a_large_message_and_deletes(self):
        text = "Subject: large\r\n\r\n" + ("y" * 76 + "\r\n") * 30000
        self.suite.deliver(self.user, text.encode())
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            client = poplib.POP3("127.0.0.1", self.suite.pop3_port, timeout=60)
            self.assertIn("STLS", client.capa())
            client.stls(context(version=version))
            self.assertNotIn("STLS", client.capa())
            client.user(self.user)
            client.pass_(PASSWORD)
            self.assertNotIn("STLS", client.capa())
            lines = client.retr(1)[1]
            self.assertEqual(lines.count(b"y" * 76), 30000)
            client.quit()
        client = poplib.POP3_SSL("127.0.0.1", self.pop3s_port, context=context(), timeout=60)
        client.user(self.user)
        client.pass_(PASSWORD)
        client.dele(1)
        client.quit()
        eventually(lambda: not self.suite.messages(self.user), "the message is gone")

    def test_a_client_that_does_not_read_holds_up_nobody(self):
        self.suite.deliver(self.user, b"Subject: large\r\n\r\n" + (b"z" * 76 + b"\r\n") * 60000)
        slow = connect(self.pop3s_port)
        slow.sendall(f"USER {self.user}\r\nPASS {PASSWORD}\r\n".encode() + b"RETR 1\r\n" * 20 + b"QUIT\r\n")
        other = self.new_user()
        with connect(self.pop3s_port) as client:
            client.sendall(f"USER {other}\r\nPASS {PASSWORD}\r\nQUIT\r\n".encode())
            received = b""
            while piece := client.recv(1000):
                received += piece
        self.assertEqual(received.count(b"+OK"), 4)
        received = 0
        while piece := slow.recv(100000):
            received += piece.count(b"z")
        self.assertEqual(received, 20 * 60000 * 76)
        slow.close()

    def test_plaintext_sent_with_stls_is_never_run(self):
        client = self.suite.pop3()
        client.send(f"STLS\r\nUSER {self.user}\r\n".encode())
        self.assertTrue(client.line().startswith(b"+OK"))
        secure = context().wrap_socket(client.socket, server_hostname=HOST)
        client.socket, client.file = secure, secure.makefile("rb")
        client.refused(f"PASS {PASSWORD}")  # no USER was heard
        client.refused("STLS")
        client.login(self.user)
        client.refused("STLS")
        client.quit()

    def test_a_user_named_before_stls_is_forgotten(self):
        with self.suite.pop3() as client:
            client.ok(f"USER {self.user}")
            client.ok("STLS")
            secure = context().wrap_socket(client.socket, server_hostname=HOST)
            client.socket, client.file = secure, secure.makefile("rb")
            client.refused(f"PASS {PASSWORD}")

    def test_a_client_that_vanishes_leaves_its_maildrop_free(self):
        def served():
            client = connect(self.pop3s_port)
            client.sendall(f"USER {self.user}\r\nPASS {PASSWORD}\r\n".encode())
            received = b""
            while received.count(b"\r\n") < 3:
                received += client.recv(1000)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.close()
            return b"-ERR [IN-USE]" not in received

        for _ in range(3):
            eventually(served, "the maildrop is free again")


class TlsKeys(OwnSuiteTest):
    """Keys, reload and lost keepers: each changes its suite."""

    def start_tls_suite(self, pairs=None, **directives):
        self.smtps_port, self.pop3s_port, ports = tls_directives()
        suite = Suite(**ports, **directives)
        self.addCleanup(suite.stop)
        self.files = suite.directory / "tls"
        self.pairs = pairs(self.files) if pairs else [make_pair(self.files, "one")]
        suite.write_configuration(tls_certificate=directive(*self.pairs))
        return suite.start()

    def serial(self, port=None):
        with connect(port or self.smtps_port) as client:
            return client.getpeercert(True)

    def serial_or_none(self, port=None):
        try:
            return self.serial(port)
        except (ssl.SSLError, OSError):
            return None

    def test_no_worker_ever_holds_a_private_key(self):
        if not is_root():
            self.skipTest("reading a confined process's memory needs root")
        if SANITIZED:
            self.skipTest("the memory of a sanitized process has no end")
        suite = self.start_tls_suite()
        for _ in range(20):
            self.serial()
            self.serial(self.pop3s_port)
        needles = key_bytes(self.pairs[0][1])
        text = self.pairs[0][1].read_bytes().splitlines()[1]
        keepers = suite.roles("smtpd", "keeper") + suite.roles("pop3d", "keeper")
        self.assertEqual(len(keepers), 2)
        for keeper in keepers:
            self.assertTrue(holds(keeper, needles), "the search finds a key where there is one")
        for service in suite.services:
            for pid in suite.roles(service):
                if pid not in keepers:
                    self.assertFalse(holds(pid, (*needles, text)), command_line(pid))

    def test_a_reload_changes_the_certificate_and_no_session(self):
        suite = self.start_tls_suite()
        before = self.serial()
        session = connect(self.smtps_port)
        session.recv(1000)
        for old, new in zip(self.pairs[0], make_pair(self.files, "new")):
            shutil.copyfile(new, old)
        for service in ("smtpd", "pop3d"):
            suite.reload(service)
        eventually(lambda: self.serial() != before, "the new certificate")
        eventually(lambda: self.serial(self.pop3s_port) == self.serial(), "the new certificate of pop3d")
        session.sendall(b"NOOP\r\n")
        self.assertTrue(session.recv(1000).startswith(b"250 "))
        session.close()

    def test_an_unusable_pair_is_logged_and_the_old_one_kept(self):
        suite = self.start_tls_suite()
        before = self.serial()
        certificate, key = self.pairs[0]
        good = key.read_bytes()
        other, other_key = make_pair(self.files, "other")
        for content, why in ((b"nonsense\n", "holds no private key"), (other_key.read_bytes(), "does not belong to the certificate"),
                             (None, "No such file"), (b"x" * 100000, "File too large")):
            key.unlink(missing_ok=True)
            if content is not None:
                key.write_bytes(content)
            suite.reload("smtpd")
            eventually(lambda: why in suite.log("smtpd"), f"a complaint: {why}")
            line, = [line for line in suite.log("smtpd").splitlines() if why in line]
            self.assertIn(str(key), line)
            self.assertEqual(self.serial(), before)
        key.write_bytes(good)
        certificate.write_bytes(other.read_bytes() + b"-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n")
        suite.reload("smtpd")
        eventually(lambda: "in its chain that cannot be read" in suite.log("smtpd"), "a complaint about the chain")
        self.assertEqual(self.serial(), before)

    def test_a_service_with_an_unusable_pair_does_not_start(self):
        suite = self.start_tls_suite()
        suite.stop_service("smtpd")
        self.pairs[0][1].write_text("nonsense\n")
        with self.assertRaises(AssertionError) as failure:
            suite.start_service("smtpd")
        self.assertIn(f"tls_certificate: {self.pairs[0][1]} holds no private key", str(failure.exception))

    def test_a_check_of_the_configuration_looks_at_certificates_and_keys(self):
        suite = Suite(services=())
        self.addCleanup(suite.stop)
        files = suite.directory / "tls"
        (certificate, key), (_, other_key) = make_pair(files, "one"), make_pair(files, "other")
        nothing, nonsense = files / "nothing", files / "nonsense"
        nonsense.write_text("nonsense\n")
        mistakes = {(nothing, key): f"{nothing} No such file", (certificate, nothing): f"{nothing} No such file",
                    (nonsense, key): f"{nonsense} holds no certificate", (certificate, nonsense): f"{nonsense} holds no private key",
                    (certificate, other_key): f"{other_key} does not belong to the certificate", (files, key): f"{files} is not a regular file"}
        for service in ("smtpd", "pop3d"):
            for pair, what in {**mistakes, (certificate, key): None}.items():
                suite.write_configuration(tls_certificate=directive((certificate, key), pair))
                lines = suite.configuration.read_text(encoding="ascii").splitlines()
                number = lines.index(f"tls_certificate {pair[0]} {pair[1]}") + 1
                result = subprocess.run([SBIN / service, "-n", "-c", suite.configuration], capture_output=True, text=True, timeout=30, check=False)
                if what is None:
                    self.assertEqual((result.returncode, result.stderr), (0, ""))
                else:
                    self.assertEqual(result.returncode, 78, pair)
                    self.assertIn(f"{suite.configuration}:{number}: tls_certificate: {what}", result.stderr)

    def test_a_lost_keeper_comes_back_and_takes_no_session_with_it(self):
        suite = self.start_tls_suite()
        session = connect(self.smtps_port)
        session.recv(1000)
        suite.kill_role("smtpd", "keeper")
        eventually(self.serial_or_none, "handshakes with the new keeper")
        session.sendall(b"NOOP\r\n")
        self.assertTrue(session.recv(1000).startswith(b"250 "))
        session.close()

    def test_a_keeper_that_hangs_costs_handshakes_and_nothing_else(self):
        suite = self.start_tls_suite(smtp_workers=1)
        keeper, = suite.roles("smtpd", "keeper")
        os.kill(keeper, signal.SIGSTOP)
        try:
            with self.assertRaises((ssl.SSLError, OSError)):
                self.serial()
            with suite.smtp() as client:
                client.hello()
                client.expect(250, "NOOP")
        finally:
            os.kill(keeper, signal.SIGCONT)
        eventually(self.serial_or_none, "handshakes again")

    def test_only_tls_1_3_when_the_configuration_says_so(self):
        self.start_tls_suite(tls_min_version="1.3")
        with self.assertRaises((ssl.SSLError, OSError)):
            connect(self.smtps_port, context(version=ssl.TLSVersion.TLSv1_2))
        connect(self.smtps_port, context(version=ssl.TLSVersion.TLSv1_3)).close()

    def test_without_a_certificate_nothing_is_offered_and_nobody_listens(self):
        smtps_port, pop3s_port, ports = tls_directives()
        suite = self.start_suite(**ports)
        with suite.smtp() as client:
            client.hello()
            self.assertNotIn("STARTTLS", client.capabilities)
            client.expect(502, "STARTTLS")
        for port in (smtps_port, pop3s_port):
            with self.assertRaises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), timeout=5)

    def test_the_first_certificate_comes_with_a_reload(self):
        self.smtps_port, self.pop3s_port, ports = tls_directives()
        suite = self.start_suite(**ports)
        with suite.smtp() as early:
            early.hello()
            nothing = make_pair(suite.directory / "tls", "one")
            nothing[1].rename(suite.directory / "tls" / "away")
            suite.write_configuration(tls_certificate=directive(nothing))
            for service in ("smtpd", "pop3d"):
                suite.reload(service)
                eventually(lambda name=service: "event=tls.unusable" in suite.log(name), "a complaint about the key")
            early.expect(502, "STARTTLS")
            (suite.directory / "tls" / "away").rename(nothing[1])
            for service, port in (("smtpd", self.smtps_port), ("pop3d", self.pop3s_port)):
                suite.reload(service)

                eventually(lambda at=port: self.serial_or_none(at), "the first handshake")
                for _ in range(20):
                    self.assertTrue(self.serial(port))
            early.expect(250, "NOOP")
            early.expect(220, "STARTTLS")
        suite.kill_role("smtpd", "worker")
        eventually(lambda: self.serial() is not None, "a handshake of a new worker")

    def test_the_last_certificate_goes_with_a_reload_and_takes_no_session_along(self):
        suite = self.start_tls_suite()
        pair = suite.directives["tls_certificate"]
        ports = {"smtpd": self.smtps_port, "pop3d": self.pop3s_port}
        sessions = {port: connect(port, context()) for port in ports.values()}
        for session in sessions.values():
            session.recv(1000)
        with suite.smtp() as client:
            client.hello()
            self.assertIn("STARTTLS", client.capabilities)
            suite.write_configuration(tls_certificate="off")
            for service in ports:
                suite.reload(service)
                eventually(lambda name=service: "event=tls.ended" in suite.log(name), "the end of TLS")
            eventually(lambda: not self.listens(self.smtps_port) and not self.listens(self.pop3s_port), "nobody listens")
            client.expect(502, "STARTTLS")
            client.hello()
            self.assertNotIn("STARTTLS", client.capabilities)
        for session in sessions.values():
            session.sendall(b"NOOP\r\n")
            self.assertTrue(session.recv(1000))
            session.close()
        suite.kill_role("smtpd", "worker")
        suite.kill_role("smtpd", "keeper")
        suite.write_configuration(tls_certificate=pair)
        for service, port in ports.items():
            suite.reload(service)
            eventually(lambda at=port: self.serial_or_none(at), "a handshake after the return of the certificate")

    @staticmethod
    def listens(port):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except ConnectionRefusedError:
            return False
        return True
