"""Relaying by SMTP and LMTP: results of recipients, refusals and drops at every step, lies about extensions, sizes, conversion, DSN, TLS and logins."""

import base64
import email
import email.policy
import shlex
import shutil
import subprocess
import time

from harness import ALL_SERVICES, DOMAIN, SANITIZED, SLOWNESS, SmtpClient, SuiteTest, command_line, eventually, free_ports, is_root
from peers import Exim, Postfix
from peers import DOMAIN as PEER_DOMAIN
from remote import DROP, EXTENSIONS, RESET, SILENCE, Endless, Remote, Slow, Then
from test_tls import holds, make_pair

SENDER = "sender@" + DOMAIN
TEXT = b"Subject: test\r\n\r\ntext\r\n"
STEPS = ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "END")
BASIC = ("PIPELINING", "SIZE 10240000", "8BITMIME")  # nothing that a message could go by but DATA


class RelaySuite(SuiteTest):
    """A running suite with relayd. Each test has a domain of its own, with a remote server that its route leads to."""

    directives = {"services": ALL_SERVICES, "retry": "1s", "queue_lifetime": "1h", "relay_command_timeout": "2s", "relay_data_timeout": "2s",
                  "relay_end_timeout": "2s", "relay_tls": "may", "relay_workers": 1}  # so that sessions are used again for certain

    @classmethod
    def prepare(cls):
        cls.suite.add_user(SENDER)

    def route(self, route, *options, password=None):
        """A new domain for which ROUTE is taken."""
        type(self).counter += 1
        domain = f"remote{self.counter}.example"
        self.suite.dbtool("route", "add", domain, route, *options, stdin=password and password + "\n")
        return domain

    def remote(self, *options, password=None, **arguments):
        """A remote server, and the domain that leads there. Each has an address of its own: what is wrong with TLS at one is remembered."""
        address = f"127.1.{self.counter // 250}.{self.counter % 250 + 1}"
        remote = Remote(**{"address": address, **arguments})
        self.addCleanup(remote.stop)
        return remote, self.route(remote.route, *options, password=password)

    def send(self, *recipients, body=TEXT, sender=SENDER, mail="", rcpt=""):
        """Returns the queue id."""
        with self.suite.smtp() as client:
            client.hello()
            client.expect(250, f"MAIL FROM:<{sender}>" + (" " + mail if mail else ""))
            for recipient in recipients:
                client.expect(250, f"RCPT TO:<{recipient}>" + (" " + rcpt if rcpt else ""))
            reply = client.data(body)
            self.assertEqual(reply.code, 250, reply)
            return reply.text.split()[-1]

    def outcomes(self, queue_id, address):
        """What the queue has logged of the recipient: (event, status, text) in order."""
        found = []
        logged = address if address.isascii() else "".join(f"\\x{byte:02x}" if byte > 127 else chr(byte) for byte in address.encode())
        for line in self.suite.log("queued").splitlines():
            if f" id={queue_id} " not in line:
                continue
            fields = dict(word.partition("=")[::2] for word in shlex.split(line))
            if fields.get("to") == logged:
                found.append((fields["event"], fields["status"], fields["text"]))
        return found

    def wait_outcome(self, queue_id, address, event):
        """Waits for the first outcome of that kind; returns status and text."""
        def there():
            return [one for one in self.outcomes(queue_id, address) if one[0] == "queue." + event]
        try:
            return eventually(there, f"{address} is {event}")[0][1:]
        except AssertionError as failure:
            raise AssertionError(f"{failure}: {self.outcomes(queue_id, address)}\n{self.suite.log_ends()}") from None

    def tries(self, answers, event, **arguments):
        """One message to a remote with such answers: its first outcome of that kind, and the remote."""
        return list(self.try_all([answers], event, **arguments))[0]

    def try_all(self, cases, event, **arguments):
        """The same for several remotes at once."""
        started = []
        for answers in cases:
            remote, domain = self.remote(answers=answers, **arguments)
            started.append((remote, "a@" + domain, self.send("a@" + domain)))
        for remote, address, queue_id in started:
            with self.subTest(remote.answers):
                yield (*self.wait_outcome(queue_id, address, event), remote)


class RelaySmtp(RelaySuite):
    # ---- results ----

    def test_results_of_recipients_are_kept_apart(self):
        remote, domain = self.remote()
        ok, gone, later = (f"{name}@{domain}" for name in ("ok", "gone", "later"))
        remote.answers["RCPT"] = {gone: "550-5.1.1 There is nobody\r\n550 5.1.1 of that name", later: ["452 4.2.2 Full"]}
        queue_id = self.send(ok, gone, later)
        self.assertEqual(self.wait_outcome(queue_id, gone, "failed"), ("5.1.1", "550 5.1.1 There is nobody of that name"))
        self.assertEqual(self.wait_outcome(queue_id, later, "deferred"), ("4.2.2", "452 4.2.2 Full"))
        first, second = remote.wait_messages(2)
        self.assertEqual([list(first.recipients), list(second.recipients)], [[ok], [later]])
        self.assertEqual(first.content, second.content)
        self.assertTrue(first.content.endswith(TEXT))

    def test_a_refusal_for_good_at_any_step_returns_the_message(self):
        answer = "554 5.7.1 Not you"
        for status, text, remote in self.try_all([{step: answer, "HELO": answer} for step in STEPS], "failed", extensions=BASIC):
            self.assertEqual((status, text), ("5.7.1", answer))
            self.assertEqual(remote.messages, [])

    def test_a_refusal_for_now_at_any_step_is_tried_again(self):
        answer = "450 4.7.1 Later"
        for extensions in (BASIC, ()):
            for status, text, remote in self.try_all([{step: [answer] * 2} for step in STEPS], "deferred", extensions=extensions):
                self.assertEqual((status, text), ("4.7.1", answer))
                self.assertEqual(len(remote.wait_messages(1)), 1)

    def test_a_421_at_any_step_is_tried_again(self):
        for _, text, remote in self.try_all([{step: [Then("421 4.3.2 Going down", DROP)] * 2} for step in STEPS], "deferred", extensions=BASIC):
            self.assertEqual(text, "421 4.3.2 Going down")
            remote.wait_messages(1)

    def test_a_drop_at_any_step_is_tried_again(self):
        for status, _, remote in self.try_all([{step: [way] * 2} for step in STEPS for way in (DROP, RESET)], "deferred", extensions=BASIC):
            self.assertEqual(status[0], "4")
            self.assertTrue(remote.wait_messages(1)[0].content.endswith(TEXT))

    def test_a_remote_that_stalls_at_any_step_is_left_and_tried_again(self):
        for _, text, remote in self.try_all([{step: [SILENCE] * 2} for step in STEPS], "deferred", extensions=BASIC):
            self.assertIn("imeout", text)
            remote.wait_messages(1)

    def test_a_reply_without_end_is_given_up(self):
        for status, text, remote in self.try_all([{step: [Endless("250-" + "x" * 100)] * 2} for step in STEPS], "deferred", extensions=BASIC):
            self.assertEqual(status, "4.5.0", text)
            remote.wait_messages(1)

    def test_replies_of_many_lines_and_slow_ones_are_understood(self):
        lines = "\r\n".join(["250-2.0.0 line"] * 100 + ["250 2.0.0 last"])
        remote, domain = self.remote(answers={"CONNECT": Slow("220-slow\r\n220 ESMTP"), "MAIL": lines, "RCPT": Slow("250 Ok"), "END": lines}, extensions=BASIC)
        self.send("a@" + domain)
        remote.wait_messages(1)

    def test_helo_is_said_where_ehlo_is_unknown(self):
        remote, domain = self.remote(answers={"EHLO": "500 5.5.1 What"})
        self.send("a@" + domain, body=b"Subject: x\r\n\r\n..dots\r\n...\r\n")
        self.assertTrue(remote.wait_messages(1)[0].content.endswith(b"\r\n\r\n.dots\r\n..\r\n"))
        self.assertIn("HELO mail." + DOMAIN, remote.commands)

    def test_words_of_a_remote_stand_printable_in_log_and_report(self):
        self.tries({"RCPT": "550 5.1.1 \x1b[2J\x07no"}, "failed")
        report = eventually(lambda: [one for one in self.suite.wait_messages(SENDER) if b"[2J" in one], "a report")[0]
        self.assertIn(b"?[2J?no", report)
        self.assertNotIn("\x1b", self.suite.log())

    # ---- extensions ----

    def test_all_leaves_at_once_where_pipelining_and_chunking_are_offered(self):
        remote, domain = self.remote()
        self.send("a@" + domain, "b@" + domain)
        message = remote.wait_messages(1)[0]
        self.assertEqual(message.chunks, 1)
        self.assertEqual(list(message.recipients), ["a@" + domain, "b@" + domain])
        self.assertRegex(message.parameters, r"^SIZE=\d+$")

    def test_a_lie_about_chunking_costs_nothing_but_another_connection(self):
        def unknown(session):
            session.remote.extensions = EXTENSIONS
            return Then("500 5.5.1 Unknown command", DROP)
        remote, domain = self.remote(answers={"BDAT": unknown})
        queue_id = self.send("a@" + domain)
        self.assertEqual(remote.wait_messages(1)[0].chunks, 0)
        self.wait_outcome(queue_id, "a@" + domain, "relayed")
        self.assertEqual(len(self.outcomes(queue_id, "a@" + domain)), 1)

    def test_when_all_recipients_are_refused_the_next_message_goes_over_the_same_session(self):
        remote, domain = self.remote()
        remote.answers["RCPT"] = {"gone@" + domain: "550 5.1.1 No"}
        queue_id = self.send("gone@" + domain)
        self.wait_outcome(queue_id, "gone@" + domain, "failed")
        self.send("a@" + domain)
        self.assertEqual(remote.wait_messages(1)[0].session, 1)
        self.assertIn("RSET", remote.commands)

    def test_large_messages_arrive_as_they_were(self):
        body = b"Subject: large\r\n\r\n" + b"".join(b".%070d\r\n" % number for number in range(40000))
        for extensions in (EXTENSIONS, BASIC, ()):
            with self.subTest(extensions):
                remote, domain = self.remote(extensions=extensions)
                self.send("a@" + domain, body=body.replace(b"\r\n.", b"\r\n.."))
                message = remote.wait_messages(1)[0]
                self.assertTrue(message.content.endswith(body))
                self.assertEqual(message.chunks, 3 if "CHUNKING" in extensions else 0)

    def test_a_message_over_the_announced_size_is_returned_unsent(self):
        remote, domain = self.remote(extensions=("SIZE 1000",))
        queue_id = self.send("a@" + domain, body=TEXT + b"x" * 900 + b"\r\n")
        self.assertEqual(self.wait_outcome(queue_id, "a@" + domain, "failed")[0], "5.3.4")
        self.assertFalse([line for line in remote.commands if line.startswith("MAIL")])

    def test_dsn_is_passed_on(self):
        remote, domain = self.remote()
        self.send("a@" + domain, mail="RET=HDRS ENVID=a+2Bb", rcpt="NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;o+2Bp@elsewhere.example")
        message = remote.wait_messages(1)[0]
        self.assertIn("RET=HDRS ENVID=a+2Bb", message.parameters)
        self.assertEqual(message.recipients["a@" + domain], "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;o+2Bp@elsewhere.example")

    def test_dsn_is_not_said_where_it_is_not_offered(self):
        remote, domain = self.remote(extensions=BASIC)
        self.send("a@" + domain, mail="RET=HDRS ENVID=x", rcpt="NOTIFY=NEVER ORCPT=rfc822;o@elsewhere.example")
        message = remote.wait_messages(1)[0]
        self.assertRegex(message.parameters, r"^SIZE=\d+$")
        self.assertEqual(message.recipients["a@" + domain], "")

    def test_a_remote_without_8bitmime_gets_7_bits(self):
        words = "Grüße – 你好\r\n" * 2000
        header = "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        for count in (1, 20):  # in memory, and in a file
            with self.subTest(count):
                remote, domain = self.remote(extensions=("PIPELINING", "CHUNKING"))
                self.send("a@" + domain, body=(header + words * count).encode(), mail="BODY=8BITMIME")
                content = remote.wait_messages(1)[0].content
                self.assertTrue(content.isascii())
                parsed = email.message_from_bytes(content, policy=email.policy.SMTP)
                self.assertEqual(parsed.get_content().replace("\n", "\r\n") if "\r\n" not in parsed.get_content() else parsed.get_content(), words * count)

    def test_a_signed_part_of_8_bits_is_returned_rather_than_broken(self):
        body = ("Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=b; protocol=\"a/b\"; micalg=x\r\n\r\n--b\r\n"
                "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n--b\r\nContent-Type: a/b\r\n\r\nx\r\n--b--\r\n")
        remote, domain = self.remote(extensions=())
        queue_id = self.send("a@" + domain, body=body.encode(), mail="BODY=8BITMIME")
        self.assertEqual(self.wait_outcome(queue_id, "a@" + domain, "failed")[0], "5.6.3")
        self.assertEqual(remote.messages, [])

    def test_smtputf8_goes_where_it_is_offered_and_is_returned_where_not(self):
        remote, domain = self.remote()
        self.send("jürgen@" + domain, mail="SMTPUTF8")
        message = remote.wait_messages(1)[0]
        self.assertIn("SMTPUTF8", message.parameters)
        self.assertEqual(list(message.recipients), ["jürgen@" + domain])
        remote, domain = self.remote(extensions=BASIC)
        queue_id = self.send("jürgen@" + domain, mail="SMTPUTF8")
        self.assertEqual(self.wait_outcome(queue_id, "jürgen@" + domain, "failed")[0], "5.6.7")
        self.send("a@" + domain, mail="SMTPUTF8")  # declared, and not needed
        self.assertNotIn("SMTPUTF8", remote.wait_messages(1)[0].parameters)

    # ---- sessions ----

    def test_a_session_serves_one_message_after_the_other(self):
        remote, domain = self.remote()
        for _ in range(5):
            self.wait_outcome(self.send("a@" + domain), "a@" + domain, "relayed")
        self.assertEqual((len(remote.messages), remote.sessions), (5, 1))

    def test_a_session_that_the_remote_closed_meanwhile_costs_nothing(self):
        remote, domain = self.remote(answers={"MAIL": [None, DROP]})
        first = self.send("a@" + domain)
        self.wait_outcome(first, "a@" + domain, "relayed")
        second = self.send("a@" + domain)
        self.wait_outcome(second, "a@" + domain, "relayed")
        self.assertEqual(len(self.outcomes(second, "a@" + domain)), 1)
        self.assertEqual(len(remote.messages), 2)

    # ---- LMTP ----

    def test_lmtp_has_a_result_for_each_recipient(self):
        for extensions in (EXTENSIONS, BASIC, ()):
            with self.subTest(extensions):
                remote, domain = self.remote(lmtp=True, extensions=extensions)
                ok, full = "ok@" + domain, "full@" + domain
                remote.answers["END"] = {full: ["452 4.2.2 Full"]}
                queue_id = self.send(ok, full)
                self.wait_outcome(queue_id, ok, "relayed")
                self.assertEqual(self.wait_outcome(queue_id, full, "deferred"), ("4.2.2", "452 4.2.2 Full"))
                first, second = remote.wait_messages(2)
                self.assertEqual([list(first.recipients), list(second.recipients)], [[ok], [full]])
                self.assertIn("LHLO mail." + DOMAIN, remote.commands)

    # ---- TLS and logins ----

    def certificate(self):
        return make_pair(self.suite.directory / "certificates", "remote", "127.0.0.1")

    def test_tls_is_used_where_it_is_offered(self):
        remote, domain = self.remote(certificate=self.certificate())
        self.send("a@" + domain)
        self.assertEqual(remote.wait_messages(1)[0].tls, "TLSv1.3")

    def test_broken_starttls_leads_to_the_clear(self):
        def no_tls(session):
            session.send("220 Go on")
            session.socket.recv(1)
            return Then("220 this is no TLS, nothing like it", DROP)
        for answer in ("454 4.7.0 Not now", "500 5.5.1 What", Then("220 Go on", DROP), no_tls):
            with self.subTest(answer):
                remote, domain = self.remote(certificate=self.certificate(), answers={"STARTTLS": answer})
                queue_id = self.send("a@" + domain)
                self.assertEqual(remote.wait_messages(1)[0].tls, "")
                self.wait_outcome(queue_id, "a@" + domain, "relayed")

    def test_what_is_put_behind_starttls_in_the_clear_is_no_reply(self):
        injected = "220 Go on\r\n250-remote\r\n250 AUTH PLAIN"
        status, _, remote = self.tries({"STARTTLS": [injected, injected]}, "deferred", certificate=self.certificate())
        self.assertEqual(status, "4.5.0")
        self.assertEqual(remote.wait_messages(1)[0].tls, "TLSv1.3")

    def test_where_tls_is_required_nothing_goes_in_the_clear(self):
        for arguments in ({}, {"certificate": self.certificate(), "answers": {"STARTTLS": "454 4.7.0 Not now"}}):
            remote, domain = self.remote("--tls", "required", **arguments)
            queue_id = self.send("a@" + domain)
            self.assertEqual(self.wait_outcome(queue_id, "a@" + domain, "deferred")[0], "4.7.5")
            self.assertFalse([line for line in remote.commands if line.startswith("MAIL")])

    def test_tls_from_the_start(self):
        remote, domain = self.remote(certificate=self.certificate(), tls_at_once=True)
        self.send("a@" + domain)
        self.assertEqual(remote.wait_messages(1)[0].tls, "TLSv1.3")
        self.assertNotIn("STARTTLS", remote.commands)

    def test_a_login_at_a_smarthost(self):
        for mechanisms in ("AUTH PLAIN LOGIN", "AUTH LOGIN"):
            with self.subTest(mechanisms):
                remote, domain = self.remote("--tls", "required", "--user", "relay user", "--password-stdin", password="pass wörd",
                                             certificate=self.certificate(), extensions=(*EXTENSIONS, mechanisms))
                self.send("a@" + domain)
                self.assertEqual(remote.wait_messages(1)[0].login, ("relay user", "pass wörd"))
        self.assertNotIn("pass w", self.suite.log())

    def test_a_password_of_a_route_is_wiped_when_it_was_used(self):
        if not is_root():
            self.skipTest("reading a confined process's memory needs root")
        if SANITIZED:
            self.skipTest("the memory of a sanitized process has no end")
        password = "needle%d in the hay" % time.monotonic_ns()
        for mechanism in ("AUTH PLAIN", "AUTH LOGIN"):
            remote, domain = self.remote("--tls", "required", "--user", "user", "--password-stdin", password=password,
                                         certificate=self.certificate(), extensions=(*EXTENSIONS, mechanism))
            for _ in range(3):
                queue_id = self.send("a@" + domain)
                self.wait_outcome(queue_id, "a@" + domain, "relayed")
            self.assertEqual(remote.wait_messages(3)[0].login, ("user", password))
        needles = [password.encode(), base64.b64encode(password.encode()).rstrip(b"="), base64.b64encode(b"\0user\0" + password.encode())]
        for service in ("queued", "relayd"):
            for pid in self.suite.roles(service):
                eventually(lambda at=pid: not holds(at, needles), f"nothing of it is left in {command_line(pid)}")

    def test_a_wrong_login_keeps_the_mail_here(self):
        remote, domain = self.remote("--tls", "required", "--user", "user", "--password-stdin", password="secret",
                                     certificate=self.certificate(), extensions=(*EXTENSIONS, "AUTH PLAIN"), answers={"AUTH": ["535 5.7.8 Wrong"]})
        queue_id = self.send("a@" + domain)
        self.assertEqual(self.wait_outcome(queue_id, "a@" + domain, "deferred"), ("4.7.0", "535 5.7.8 Wrong"))
        remote.wait_messages(1)


class RelayLmtpSocket(RelaySuite):
    """LMTP over a UNIX socket, which the parent opens."""

    @classmethod
    def setUpClass(cls):
        cls.directives = {**RelaySuite.directives, "relay_sockets": "/nowhere"}
        super().setUpClass()

    def test_lmtp_over_a_unix_socket(self):
        path = self.suite.directory / "lmtp.sock"
        self.suite.write_configuration(relay_sockets=path)
        self.suite.stop_service("relayd")
        self.suite.start_service("relayd")
        remote, domain = self.remote(lmtp=True, path=path)
        self.send("a@" + domain)
        self.assertEqual(list(remote.wait_messages(1)[0].recipients), ["a@" + domain])


class RelayPeers(RelaySuite):
    """Postfix, Exim, and Postfix's smtp-sink."""

    def exchange(self, kind):
        peer = kind()
        self.addCleanup(peer.stop)
        self.suite.dbtool("route", "add", PEER_DOMAIN, peer.route)
        self.addCleanup(self.suite.dbtool, "route", "del", PEER_DOMAIN)
        large = b"Subject: large\r\n\r\n" + b"".join(b"%070d\r\n" % number for number in range(20000))
        eightbit = "Subject: 8\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße\r\n".encode()
        bodies = (b"Subject: dots\r\n\r\n..\r\n....\r\nx\r\n", large, eightbit)
        addresses = [f"{name}@{PEER_DOMAIN}" for name in ("a", "gone", "b")]
        queue_ids = [self.send(*addresses, body=body) for body in bodies]
        for queue_id in queue_ids:
            self.wait_outcome(queue_id, addresses[0], "relayed")
            self.wait_outcome(queue_id, addresses[2], "relayed")
            status, text = self.wait_outcome(queue_id, addresses[1], "failed")
            self.assertEqual(status, "5.1.1")
            self.assertIn("Nobody of that name", text)
        for body in bodies:
            expected = body.replace(b"\r\n..", b"\r\n.").replace(b"\r\n", b"\n").partition(b"\n\n")[2].rstrip()

            def arrived(wanted=expected):
                return sum(wanted in message.replace(b"\r\n", b"\n") for message in peer.messages()) == 2
            eventually(arrived, f"both have {body[:60]}")
        self.assertRegex(self.suite.log("relayd"), r"event=relay.done .*domain=" + PEER_DOMAIN + " .*tls=TLSv1.3")

    def test_postfix_takes_what_we_send(self):
        self.exchange(Postfix)

    def test_exim_takes_what_we_send(self):
        self.exchange(Exim)

    def test_a_peer_that_loses_patience_with_idle_sessions(self):
        peer = Postfix("smtpd_timeout = 1s")
        self.addCleanup(peer.stop)
        peer_address = "a@" + PEER_DOMAIN
        self.suite.dbtool("route", "add", PEER_DOMAIN, peer.route)
        self.addCleanup(self.suite.dbtool, "route", "del", PEER_DOMAIN)
        self.wait_outcome(self.send(peer_address), peer_address, "relayed")
        eventually(lambda: "timeout after" in peer.log(), "Postfix closes the idle session")
        second = self.send(peer_address)
        self.wait_outcome(second, peer_address, "relayed")
        self.assertEqual(len(self.outcomes(second, peer_address)), 1)

    def sink(self, *options):
        program = shutil.which("smtp-sink", path="/usr/sbin:/usr/bin:/usr/local/sbin")
        if not program:
            self.skipTest("smtp-sink is not installed")
        port, = free_ports(1)
        as_nobody = ["-u", "nobody"] if is_root() else []
        process = subprocess.Popen([program, *as_nobody, *options, f"127.0.0.1:{port}", "50"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait, 10 * SLOWNESS)
        self.addCleanup(process.terminate)

        def listens():
            try:
                SmtpClient(port).close()
                return True
            except ConnectionError:
                return False
        eventually(listens, "smtp-sink listens")
        return self.route(f"smtp://127.0.0.1:{port}")

    def test_smtp_sink_takes_what_we_send(self):
        for options in ((), ("-p",), ("-e",), ("-8",), ("-a",), ("-E",)):
            with self.subTest(options):
                domain = self.sink(*options)
                self.wait_outcome(self.send("a@" + domain, "b@" + domain), "b@" + domain, "relayed")

    def test_failures_of_smtp_sink_are_told_apart(self):
        for option, event in (("-r", "deferred"), ("-f", "failed"), ("-q", "deferred")):
            for command in ("ehlo", "mail", "rcpt", "data", "."):
                if option == "-f" and command == "ehlo":
                    continue  # HELO is answered then
                with self.subTest(option, command=command):
                    domain = self.sink(option, command)
                    queue_id = self.send("a@" + domain)
                    status, text = self.wait_outcome(queue_id, "a@" + domain, event)
                    self.assertEqual(status[0], "4" if event == "deferred" else "5", text)
