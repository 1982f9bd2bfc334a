"""From the queue into the Maildir: names, fields, quota, retries, bounces, loops."""

import email
import email.policy
import re
import stat

from harness import ALL_SERVICES, DOMAIN, SANITIZED, OwnSuiteTest, SuiteTest, eventually, is_root

NAME = re.compile(r"^\d+\.[^,:/]+\.[^,:/]+,S=(\d+),W=(\d+)$")
SHORT_RETRIES = {"retry": "1s", "queue_lifetime": "1h"}


class Maildir(SuiteTest):
    def setUp(self):
        self.user = self.new_user()

    def test_a_file_name_carries_its_size_and_its_size_with_crlf(self):
        message, = self.suite.deliver(self.user, b"Subject: sizes\r\n\r\n" + b"line\r\n" * 10)
        path, = self.suite.messages(self.user)
        size, wire_size = map(int, NAME.match(path.name).groups())
        self.assertEqual(size, len(message))
        self.assertEqual(wire_size, len(message) + message.count(b"\n"))
        self.assertEqual(path.parent.name, "new")

    def test_line_ends_on_disk_are_lf(self):
        message, = self.suite.deliver(self.user)
        self.assertNotIn(b"\r", message)

    def test_return_path_and_delivered_to_come_first(self):
        message, = self.suite.deliver(self.user)
        lines = message.decode().splitlines()
        self.assertEqual({line.partition(":")[0] for line in lines[:2]}, {"Return-Path", "Delivered-To"})
        self.assertIn("Return-Path: <sender@example.net>", lines[:2])
        self.assertIn(f"Delivered-To: {self.user}", lines[:2])
        self.assertTrue(lines[2].startswith("Received:"))

    def test_nobody_else_may_read_a_mailbox(self):
        self.suite.deliver(self.user)
        path, = self.suite.messages(self.user)
        self.assertEqual(stat.S_IMODE(path.stat().st_mode) & 0o077, 0)
        self.assertEqual(stat.S_IMODE(self.suite.maildir(self.user).stat().st_mode) & 0o077, 0)

    def test_nothing_is_left_in_tmp(self):
        self.suite.deliver(self.user, count=20)
        self.assertEqual(list((self.suite.maildir(self.user) / "tmp").iterdir()), [])

    def test_a_message_of_many_megabytes_arrives_whole(self):
        body = b"Subject: big\r\n\r\n" + b"".join(b"%070d\r\n" % number for number in range(200000))
        message, = self.suite.deliver(self.user, body)
        self.assertTrue(message.endswith(body.replace(b"\r\n", b"\n")))

    def test_the_queue_is_empty_when_all_is_delivered(self):
        self.suite.deliver(self.user, count=10)
        files = [path for path in (self.suite.directory / "spool").rglob("*") if path.is_file()]
        self.assertEqual([path for path in files if "body" in str(path)], [])

    def test_a_message_that_carries_our_delivered_to_is_a_loop_and_comes_back(self):
        sender = self.new_user()
        with self.suite.smtp() as client:
            client.hello()
            client.message(sender, [self.user], f"Delivered-To: {self.user}\r\nSubject: loop\r\n\r\ntext\r\n".encode())
        bounce = email.message_from_bytes(self.suite.wait_messages(sender)[0], policy=email.policy.default)
        self.assertEqual(bounce.get_content_type(), "multipart/report")
        self.assertEqual(self.suite.messages(self.user), [])

    def test_a_looping_message_with_a_null_reverse_path_is_dropped(self):
        with self.suite.smtp() as client:
            client.hello()
            client.message("", [self.user], f"Delivered-To: {self.user}\r\nSubject: loop\r\n\r\ntext\r\n".encode())
        self.suite.deliver(self.user)
        self.assertEqual(len(self.suite.messages(self.user)), 1)


class Bounces(OwnSuiteTest):
    """A message that was accepted and cannot be delivered goes back to its sender as an RFC 3464 report."""

    sender = "sender@" + DOMAIN
    recipient = "recipient@" + DOMAIN

    def bounce_of(self, suite, body, sender=None, parameters="", recipient_parameters=""):
        """Has a message accepted for a mailbox that is over quota for good."""
        with suite.smtp() as client:
            client.hello()
            client.expect(250, f"MAIL FROM:<{sender or self.sender}>" + (" " + parameters if parameters else ""))
            client.expect(250, f"RCPT TO:<{self.recipient}>" + (" " + recipient_parameters if recipient_parameters else ""))
            self.assertEqual(client.data(body).code, 250)
        return email.message_from_bytes(suite.wait_messages(self.sender)[0], policy=email.policy.default)

    def start(self, **directives):
        suite = self.start_suite(over_quota="reject", users=[self.sender], **directives)
        suite.add_user(self.recipient, "--quota", "1k")
        return suite

    BODY = b"Subject: too much\r\nX-Mark: 4711\r\n\r\n" + b"x" * 70 + b"\r\n" + b"y" * 3000 + b"\r\n"

    def test_a_bounce_is_a_report_that_other_programs_understand(self):
        suite = self.start()
        bounce = self.bounce_of(suite, self.BODY)
        self.assertEqual(bounce["Return-Path"].strip(), "<>")
        self.assertEqual(bounce.get_content_type(), "multipart/report")
        self.assertEqual(bounce.get_param("report-type"), "delivery-status")
        self.assertIn("MAILER-DAEMON@", str(bounce["From"]).upper())
        self.assertEqual(bounce["To"].addresses[0].addr_spec, self.sender)
        self.assertIsNotNone(bounce["Date"].datetime)
        self.assertTrue(bounce["Message-ID"])
        self.assertEqual(bounce["Auto-Submitted"], "auto-replied")
        self.assertFalse(bounce.defects)
        text, status, original = bounce.get_payload()
        self.assertEqual(text.get_content_type(), "text/plain")
        self.assertIn(self.recipient, text.get_content())
        self.assertEqual(status.get_content_type(), "message/delivery-status")
        whole, recipient = status.get_payload()
        self.assertEqual(whole["Reporting-MTA"], "dns; mail." + DOMAIN)
        self.assertEqual(recipient["Final-Recipient"].replace(" ", "").lower(), "rfc822;" + self.recipient)
        self.assertEqual(recipient["Action"], "failed")
        self.assertRegex(recipient["Status"], r"^5\.2\.2$")
        self.assertIn(original.get_content_type(), ("message/rfc822", "text/rfc822-headers"))
        self.assertIn("4711", original.as_string())

    def test_a_bounce_tells_the_envelope_id_and_the_original_recipient(self):
        """RFC 3464 2.2.1, 2.3.1."""
        suite = self.start()
        bounce = self.bounce_of(suite, self.BODY, parameters="ENVID=id+2B1", recipient_parameters="ORCPT=rfc822;other@example.net")
        whole, recipient = bounce.get_payload()[1].get_payload()
        self.assertEqual(whole["Original-Envelope-Id"], "id+1")
        self.assertEqual(recipient["Original-Recipient"].replace(" ", ""), "rfc822;other@example.net")

    def test_a_big_message_comes_back_as_its_header_alone(self):
        suite = self.start(bounce_size_limit="1k")
        original = self.bounce_of(suite, self.BODY).get_payload()[2]
        self.assertEqual(original.get_content_type(), "text/rfc822-headers")
        self.assertNotIn("yyyy", original.as_string())

    def test_no_bounce_answers_a_null_reverse_path_or_notify_never(self):
        suite = self.start()
        with suite.smtp() as client:
            client.hello()
            client.message("", [self.recipient], self.BODY)
            client.expect(250, f"MAIL FROM:<{self.sender}>")
            client.expect(250, f"RCPT TO:<{self.recipient}> NOTIFY=NEVER")
            self.assertEqual(client.data(self.BODY).code, 250)
        self.bounce_of(suite, self.BODY)
        self.assertEqual(len(suite.messages(self.sender)), 1)
        self.assertEqual(len(suite.messages("postmaster@" + DOMAIN)), 0)

    def test_a_message_that_is_too_old_comes_back(self):
        suite = self.start_suite(users=[self.sender], retry="1s", queue_lifetime="2s")
        suite.add_user(self.recipient, "--quota", "1k")
        bounce = self.bounce_of(suite, self.BODY)
        recipient = bounce.get_payload()[1].get_payload()[1]
        self.assertEqual(recipient["Action"], "failed")
        self.assertRegex(recipient["Status"], r"^[45]\.\d+\.\d+$")


class Retries(OwnSuiteTest):
    user = "full@" + DOMAIN

    def test_a_full_mailbox_defers_and_the_message_arrives_once_there_is_space(self):
        suite = self.start_suite(**SHORT_RETRIES)
        suite.add_user(self.user, "--quota", "6k")
        suite.deliver(self.user, b"Subject: first\r\n\r\n" + b"x" * 4000 + b"\r\n")
        with suite.smtp() as client:
            client.hello()
            client.message("a@example.net", [self.user], b"Subject: second\r\n\r\n" + b"y" * 4000 + b"\r\n")
        eventually(lambda: re.search(r"4\.2\.2|quota|full", suite.log("queued") + suite.log("deliverd")), "the delivery is deferred")
        with suite.pop3(self.user) as client:
            client.ok("DELE 1")
            client.quit()
        message, = suite.wait_messages(self.user)
        self.assertIn(b"Subject: second", message)

    def test_one_full_mailbox_does_not_hold_up_another_recipient_of_the_message(self):
        suite = self.start_suite(users=["free@" + DOMAIN], **SHORT_RETRIES)
        suite.add_user(self.user, "--quota", "1k")
        with suite.smtp() as client:
            client.hello()
            client.message("a@example.net", [self.user, "free@" + DOMAIN], b"Subject: s\r\n\r\n" + b"y" * 4000 + b"\r\n")
        suite.wait_messages("free@" + DOMAIN)
        eventually(lambda: re.search(r"4\.2\.2|quota|full", suite.log("queued") + suite.log("deliverd")), "the delivery is deferred")
        suite.dbtool("user", "set", self.user, "--quota", "1M")
        suite.wait_messages(self.user)
        self.assertEqual(len(suite.messages("free@" + DOMAIN)), 1)

    def test_mail_waits_for_deliverd_and_arrives_when_it_is_back(self):
        suite = self.start_suite(users=["a@" + DOMAIN], **SHORT_RETRIES)
        suite.stop_service("deliverd")
        with suite.smtp() as client:
            client.hello()
            for _ in range(10):
                client.message("s@example.net", ["a@" + DOMAIN])
        self.assertEqual(suite.messages("a@" + DOMAIN), [])
        suite.start_service("deliverd")
        suite.wait_messages("a@" + DOMAIN, 10)

    def test_mail_is_kept_over_a_restart_of_everything(self):
        suite = self.start_suite(users=["a@" + DOMAIN], **SHORT_RETRIES)
        suite.stop_service("deliverd")
        with suite.smtp() as client:
            client.hello()
            client.message("s@example.net", ["a@" + DOMAIN])
            client.message("s@example.net", ["a@" + DOMAIN], b"Subject: large\r\n\r\n" + (b"z" * 70 + b"\r\n") * 5000)
        for service in ("pop3d", "smtpd", "queued", "tabled"):
            suite.stop_service(service)
        suite.start()
        messages = suite.wait_messages("a@" + DOMAIN, 2)
        self.assertEqual(max(message.count(b"z" * 70 + b"\n") for message in messages), 5000)

    def test_a_mailbox_that_cannot_be_written_defers(self):
        suite = self.start_suite(users=["a@" + DOMAIN], **SHORT_RETRIES)
        suite.deliver("a@" + DOMAIN)
        suite.stop_service("deliverd")
        new = suite.maildir("a@" + DOMAIN) / "new"
        new.rename(new.with_name("moved"))
        new.write_text("a file where a directory belongs")
        suite.start_service("deliverd")
        with suite.smtp() as client:
            client.hello()
            client.message("s@example.net", ["a@" + DOMAIN])
        eventually(lambda: "deferred" in suite.log() or "4.3" in suite.log("queued"), "the delivery is deferred")
        new.unlink()
        new.with_name("moved").rename(new)
        suite.wait_messages("a@" + DOMAIN, 2)


class Accounts(OwnSuiteTest):
    def test_each_role_runs_as_its_own_account(self):
        if not is_root():
            self.skipTest("only root can change accounts")
        suite = self.start_suite(services=ALL_SERVICES)
        expected = {"tabled": {64101}, "queued": {64102}, "smtpd": {64103, 64106}, "deliverd": {64105}, "pop3d": {64104, 64105, 64106},
                    "relayd": {64107, 64108}}
        for service, accounts in expected.items():
            found = set()
            for pid in suite.roles(service):
                with open(f"/proc/{pid}/status", encoding="ascii") as file:
                    status = file.read()
                uids = set(re.search(r"Uid:\s+(.*)", status).group(1).split())
                gids = set(re.search(r"Gid:\s+(.*)", status).group(1).split())
                self.assertEqual((len(uids), uids), (1, gids), f"{service}: {status}")
                self.assertEqual(re.search(r"Groups:[ \t]*(.*)", status).group(1).strip(), "")
                self.assertIn("NoNewPrivs:\t1", status)
                self.assertTrue(SANITIZED or "Seccomp:\t2" in status, status)
                self.assertIn("CapEff:\t0000000000000000", status)
                self.assertIn("CapPrm:\t0000000000000000", status)
                found.add(int(uids.pop()))
            self.assertEqual(found, accounts, service)

    def test_the_directories_belong_to_their_accounts_alone(self):
        suite = self.start_suite()
        for name, account in (("table", 64101), ("spool", 64102), ("mail", 64105)):
            status = (suite.directory / name).stat()
            self.assertEqual(stat.S_IMODE(status.st_mode), 0o700, name)
            if is_root():
                self.assertEqual((status.st_uid, status.st_gid), (account, account), name)
