"""Delivery status notifications (RFC 3461 to 3464, 6522, 6533), parsed back by Python's email package."""

import email
import email.policy
import email.utils
import re

from harness import ALL_SERVICES, DOMAIN, OwnSuiteTest, SuiteTest, eventually, free_ports
from remote import Remote

SMALL = b"Subject: small\r\nMessage-ID: <small@client.example.net>\r\nX-Mark: 4711\r\n\r\ntext\r\n"
LARGE = b"Subject: too much\r\nMessage-ID: <large@client.example.net>\r\nX-Mark: 4711\r\n\r\n" + b"%070d\r\n" % 7 * 50
ACCENT = "jörg"


class Report:
    """A report, taken apart as RFC 3464 says."""

    def __init__(self, data):
        self.raw = data
        self.message = email.message_from_bytes(data, policy=email.policy.default)
        assert self.message.get_content_type() == "multipart/report", data.decode(errors="replace")
        assert not self.message.defects, self.message.defects
        text, self.status, self.original = self.message.get_payload()
        self.text = text.get_content()
        blocks = self.status.get_payload() if self.status.get_content_type() == "message/delivery-status" else self.global_blocks()
        self.whole, self.recipients = blocks[0], blocks[1:]

    def global_blocks(self):
        """Python's parser knows nothing of message/global-delivery-status: blocks of fields in UTF-8."""
        part = re.search(rb"Content-Type: message/global-delivery-status\n.*?\n\n(.*?)\n--=_", self.raw, re.S).group(1)
        return [dict(line.split(": ", 1) for line in block.splitlines()) for block in part.decode().strip().split("\n\n")]

    @property
    def actions(self):
        return [fields["Action"] for fields in self.recipients]


def send(suite, sender, recipients, body=SMALL, mail="", rcpt=""):
    with suite.smtp() as client:
        client.hello()
        client.expect(250, f"MAIL FROM:<{sender}>" + (" " + mail if mail else ""))
        for recipient in recipients:
            client.expect(250, f"RCPT TO:<{recipient}>" + (" " + rcpt if rcpt else ""))
        reply = client.data(body)
        if reply.code != 250:
            raise AssertionError(reply)


def wait_report(suite, address, count=1):
    return Report(suite.wait_messages(address, count)[-1])


class Success(SuiteTest):
    def test_nobody_is_told_of_a_delivery_without_being_asked(self):
        sender, user = self.new_user(), self.new_user()
        send(self.suite, sender, [user])
        send(self.suite, sender, [user], rcpt="NOTIFY=FAILURE,DELAY")
        send(self.suite, sender, [user], rcpt="NOTIFY=NEVER")
        send(self.suite, sender, [user], rcpt="NOTIFY=SUCCESS", body=SMALL.replace(b"small", b"asked"))
        report = wait_report(self.suite, sender)
        self.assertIn("asked", report.original.as_string())
        self.suite.wait_messages(user, 4)
        self.assertEqual(len(self.suite.messages(sender)), 1)

    def test_a_delivery_is_reported_with_the_header_only(self):
        sender, user = self.new_user(), self.new_user()
        send(self.suite, sender, [user], mail="RET=FULL ENVID=QQ+2B1", rcpt=f"NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Old+3D@{DOMAIN}")
        report = wait_report(self.suite, sender)
        self.assertEqual(report.actions, ["delivered"])
        self.assertRegex(report.recipients[0]["Status"], r"^2\.")
        self.assertEqual(report.recipients[0]["Final-Recipient"], "rfc822; " + user)
        self.assertEqual(report.recipients[0]["Original-Recipient"], f"rfc822;Old=@{DOMAIN}")
        self.assertEqual(report.whole["Original-Envelope-Id"], "QQ+1")
        self.assertEqual(report.whole["Reporting-MTA"], "dns; mail." + DOMAIN)
        self.assertEqual(report.whole["Received-From-MTA"], "dns; [127.0.0.1]")
        self.assertTrue(email.utils.parsedate_to_datetime(report.whole["Arrival-Date"]))
        self.assertTrue(email.utils.parsedate_to_datetime(report.recipients[0]["Last-Attempt-Date"]))
        self.assertEqual(report.original.get_content_type(), "text/rfc822-headers")
        self.assertIn("4711", report.original.as_string())
        self.assertNotIn("\ntext", report.original.as_string())
        self.assertEqual(report.message["In-Reply-To"], "<small@client.example.net>")
        self.assertEqual(report.message["Auto-Submitted"], "auto-replied")
        self.assertEqual(report.message["Return-Path"].strip(), "<>")
        self.assertIn("was delivered", report.text)
        self.assertTrue(report.raw.isascii())

    def test_recipients_that_are_delivered_together_are_reported_together(self):
        sender, users = self.new_user(), [self.new_user() for _ in range(5)]
        send(self.suite, sender, users, rcpt="NOTIFY=SUCCESS")
        for user in users:
            self.suite.wait_messages(user)
        found = []
        def all_told():
            found[:] = [fields["Final-Recipient"] for data in self.suite.messages(sender)
                        for fields in Report(data.read_bytes()).recipients]
            return len(found) >= len(users)
        eventually(all_told, "each delivery is reported")
        self.assertEqual(sorted(found), sorted("rfc822; " + user for user in users))

    def test_an_alias_with_one_target_is_reported_as_delivered(self):
        """RFC 3461 5.2.7.2: the parameters go on with the message."""
        sender, user = self.new_user(), self.new_user()
        alias = "alias-to-one@" + DOMAIN
        self.suite.dbtool("alias", "add", alias, user)
        send(self.suite, sender, [alias], rcpt=f"NOTIFY=SUCCESS ORCPT=rfc822;{alias}")
        report = wait_report(self.suite, sender)
        self.assertEqual(report.actions, ["delivered"])
        self.assertEqual(report.recipients[0]["Original-Recipient"], "rfc822;" + alias)
        self.assertEqual(report.recipients[0]["Final-Recipient"], "rfc822; " + user)

    def test_an_alias_with_several_targets_is_reported_as_expanded_and_nothing_more_is_told(self):
        """RFC 3461 5.2.7.3 (c)."""
        sender, users = self.new_user(), [self.new_user() for _ in range(3)]
        alias = "alias-to-many@" + DOMAIN
        self.suite.dbtool("alias", "add", alias, *users)
        send(self.suite, sender, [alias], mail="ENVID=many", rcpt="NOTIFY=SUCCESS,FAILURE")
        report = wait_report(self.suite, sender)
        self.assertEqual(report.actions, ["expanded"])
        self.assertEqual(report.recipients[0]["Final-Recipient"], "rfc822; " + alias)
        self.assertEqual(report.whole["Original-Envelope-Id"], "many")
        for user in users:
            self.suite.wait_messages(user)
            self.assertNotIn(user, report.raw.decode())  # the members are nobody's business
        self.suite.deliver(sender)
        self.assertEqual(len(self.suite.messages(sender)), 2)

    def test_a_null_reverse_path_is_told_nothing(self):
        user = self.new_user()
        before = self.suite.log("queued").count("event=queue.reported")
        send(self.suite, "", [user], rcpt="NOTIFY=SUCCESS")
        self.suite.deliver(user)
        self.assertEqual(self.suite.log("queued").count("event=queue.reported"), before)

    def test_addresses_in_utf8_make_a_global_report(self):
        """RFC 6533."""
        sender, user = self.new_user(), f"{ACCENT}@{DOMAIN}"
        self.suite.add_user(user)
        body = f"Subject: für {ACCENT}\r\n\r\ntext\r\n".encode()
        send(self.suite, sender, [user], body, mail="SMTPUTF8", rcpt="NOTIFY=SUCCESS")
        report = wait_report(self.suite, sender)
        self.assertEqual(report.status.get_content_type(), "message/global-delivery-status")
        self.assertEqual(report.recipients[0]["Final-Recipient"], f"utf-8; {user}")
        self.assertEqual(report.original.get_content_type(), "message/global-headers")
        self.assertIn(user, report.text)

    def test_a_sender_in_utf8_gets_his_report(self):
        sender, user = f"sender-{ACCENT}@{DOMAIN}", self.new_user()
        self.suite.add_user(sender)
        send(self.suite, sender, [user], mail="SMTPUTF8", rcpt="NOTIFY=SUCCESS")
        report = wait_report(self.suite, sender)
        self.assertIn(f"<{sender}>".encode(), report.raw)
        self.assertEqual(report.recipients[0]["Final-Recipient"], "rfc822; " + user)


class Failure(OwnSuiteTest):
    sender = "sender@" + DOMAIN
    full = "full@" + DOMAIN

    def start(self, **directives):
        suite = self.start_suite(users=[self.sender], **directives)
        suite.add_user(self.full, "--quota", "1k")
        return suite

    def test_ret_decides_what_comes_back(self):
        suite = self.start(over_quota="reject")
        for parameter, kind in (("", "message/rfc822"), ("RET=FULL", "message/rfc822"), ("RET=HDRS", "text/rfc822-headers")):
            before = len(suite.messages(self.sender))
            send(suite, self.sender, [self.full], LARGE, mail=parameter)
            report = wait_report(suite, self.sender, before + 1)
            reports = [Report(path.read_bytes()) for path in suite.messages(self.sender)]
            self.assertEqual([one.original.get_content_type() for one in reports].count(kind),
                             2 if parameter == "RET=FULL" else 1)
            self.assertEqual(report.actions, ["failed"])
            self.assertIn("mailbox is full", " ".join(report.text.split()))

    def test_notify_never_and_success_alone_keep_a_failure_quiet(self):
        suite = self.start(over_quota="reject")
        send(suite, self.sender, [self.full], LARGE, rcpt="NOTIFY=NEVER")
        send(suite, self.sender, [self.full], LARGE, rcpt="NOTIFY=SUCCESS")
        send(suite, self.sender, [self.full], LARGE, rcpt="NOTIFY=FAILURE", mail="ENVID=loud")
        report = wait_report(suite, self.sender)
        eventually(lambda: suite.log("queued").count("event=queue.removed") >= 4, "the queue is empty")
        self.assertEqual(report.whole["Original-Envelope-Id"], "loud")
        self.assertEqual(len(suite.messages(self.sender)), 1)

    def test_a_report_that_cannot_be_delivered_goes_to_the_postmaster(self):
        suite = self.start(over_quota="reject")
        suite.add_user("nospace@" + DOMAIN, "--quota", "1k")
        send(suite, "nospace@" + DOMAIN, [self.full], LARGE)
        report = wait_report(suite, "postmaster@mail." + DOMAIN)
        self.assertEqual(report.recipients[0]["Final-Recipient"], "rfc822; nospace@" + DOMAIN)
        self.assertEqual(report.actions, ["failed"])
        self.assertIn("postmaster", report.text)
        self.assertEqual(report.message["To"].addresses[0].addr_spec, "postmaster@mail." + DOMAIN)
        self.assertIn("MAILER-DAEMON", report.original.as_string())
        eventually(lambda: suite.log("queued").count("event=queue.removed") >= 3, "the queue is empty")

    def test_a_double_bounce_that_fails_ends(self):
        suite = self.start(over_quota="reject", double_bounce_to="full2@" + DOMAIN)
        suite.add_user("full2@" + DOMAIN, "--quota", "1k")
        send(suite, "", [self.full], LARGE)
        eventually(lambda: "the report of a report that failed" in suite.log("queued"), "the last report is dropped")
        eventually(lambda: suite.log("queued").count("event=queue.removed") >= 2, "the queue is empty")
        self.assertEqual(suite.log("queued").count("event=queue.accepted"), 1)
        self.assertEqual(suite.log("queued").count("event=queue.double_bounced"), 1)

    def test_nobody_gets_double_bounces_when_they_are_off(self):
        suite = self.start(over_quota="reject", double_bounce_to="off")
        send(suite, "", [self.full], LARGE)
        eventually(lambda: "event=queue.not_bounced" in suite.log("queued"), "the message is dropped")
        self.assertEqual(suite.messages("postmaster@mail." + DOMAIN), [])


class Delay(OwnSuiteTest):
    sender = "sender@" + DOMAIN
    full = "full@" + DOMAIN

    def start(self):
        suite = self.start_suite(users=[self.sender], retry="1s", delay_warning="1s", queue_lifetime="1h")
        suite.add_user(self.full, "--quota", "1k")
        return suite

    def test_the_sender_is_warned_once(self):
        suite = self.start()
        send(suite, self.sender, [self.full], LARGE, mail="RET=FULL")
        report = wait_report(suite, self.sender)
        self.assertEqual(report.actions, ["delayed"])
        self.assertRegex(report.recipients[0]["Status"], r"^4\.2\.2$")
        until = email.utils.parsedate_to_datetime(report.recipients[0]["Will-Retry-Until"])
        since = email.utils.parsedate_to_datetime(report.whole["Arrival-Date"])
        self.assertEqual((until - since).total_seconds(), 3600)
        self.assertIn("ONLY A WARNING", report.text)
        self.assertEqual(report.original.get_content_type(), "text/rfc822-headers")
        warned = suite.log("queued").count("event=queue.deferred")
        eventually(lambda: suite.log("queued").count("event=queue.deferred") >= warned + 2, "it is tried again")
        self.assertEqual(len(suite.messages(self.sender)), 1)

    def test_a_restart_does_not_warn_again(self):
        suite = self.start()
        send(suite, self.sender, [self.full], LARGE)
        wait_report(suite, self.sender)
        suite.kill_service("queued")
        suite.start_service("queued")
        warned = suite.log("queued").count("event=queue.deferred")
        eventually(lambda: suite.log("queued").count("event=queue.deferred") >= warned + 2, "it is tried again")
        self.assertEqual(suite.log("queued").count("event=queue.warned"), 1)

    def test_lists_programs_and_those_who_do_not_want_to_know_are_not_warned(self):
        suite = self.start()
        for field in (b"List-Id: <a.example>", b"Precedence: bulk", b"Auto-Submitted: auto-generated"):
            send(suite, self.sender, [self.full], field + b"\r\n" + LARGE)
        send(suite, self.sender, [self.full], LARGE, rcpt="NOTIFY=NEVER")
        send(suite, self.sender, [self.full], LARGE, rcpt="NOTIFY=FAILURE,SUCCESS")
        send(suite, "", [self.full], LARGE)
        send(suite, self.sender, [self.full], b"Auto-Submitted: no\r\n" + LARGE, rcpt="NOTIFY=DELAY", mail="ENVID=person")
        report = wait_report(suite, self.sender)
        self.assertEqual(report.whole["Original-Envelope-Id"], "person")
        warned = suite.log("queued").count("event=queue.deferred")
        eventually(lambda: suite.log("queued").count("event=queue.deferred") >= warned + 14, "all are tried again")
        self.assertEqual(len(suite.messages(self.sender)), 1)


class Relayed(SuiteTest):
    """What goes to other hosts (RFC 3461 5.2), and what they say."""

    directives = {"services": ALL_SERVICES, "relay_workers": 1, "relay_tls": "off", "dns_servers": "127.0.0.1:9", "dns_trust_anchor": "off",
                  "relay_ca_file": "off", "retry": "1s", "delay_warning": "1s", "queue_lifetime": "1h"}
    route = "127.0.0.21"

    @classmethod
    def prepare(cls):
        cls.port = free_ports(1)[0]
        cls.suite.dbtool("route", "add", "far.example", f"smtp://{cls.route}:{cls.port}")

    def hop(self, *extensions, **answers):
        hop = Remote(address=self.route, port=self.port, extensions=("PIPELINING", "8BITMIME", *extensions),
                     answers={verb.upper(): answer for verb, answer in answers.items()})
        self.addCleanup(hop.stop)
        return hop

    def commands(self, hop, verb):
        return [command for command in hop.commands if command.upper().startswith(verb)]

    def test_relaying_is_reported_when_the_next_host_has_no_dsn(self):
        sender = self.new_user()
        hop = self.hop()
        send(self.suite, sender, ["a@far.example"], rcpt="NOTIFY=SUCCESS")
        report = wait_report(self.suite, sender)
        self.assertEqual(report.actions, ["relayed"])
        self.assertEqual(report.recipients[0]["Remote-MTA"].split(";")[0], "dns")
        self.assertRegex(report.recipients[0]["Diagnostic-Code"], r"^smtp; 250 ")
        self.assertIn("sends no reports of success", " ".join(report.text.split()))
        self.assertNotIn("NOTIFY", self.commands(hop, "RCPT")[0])

    def test_a_host_with_dsn_gets_the_parameters_and_reports_itself(self):
        sender = self.new_user()
        hop = self.hop("DSN")
        send(self.suite, sender, ["b@far.example"], mail="RET=HDRS ENVID=x+2By", rcpt="NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b+2Bc@far.example")
        eventually(lambda: hop.messages, "the message has left")
        self.assertRegex(self.commands(hop, "MAIL")[0], r"\bRET=HDRS\b")
        self.assertRegex(self.commands(hop, "MAIL")[0], r"\bENVID=x\+2By\b")
        self.assertRegex(self.commands(hop, "RCPT")[0], r"\bNOTIFY=SUCCESS,DELAY\b")
        self.assertRegex(self.commands(hop, "RCPT")[0], r"\bORCPT=rfc822;b\+2Bc@far.example")
        self.suite.deliver(sender)
        self.assertEqual(len(self.suite.messages(sender)), 1)

    def test_notify_that_was_not_given_is_not_made_up(self):
        """RFC 3461 5.2.1"""
        sender = self.new_user()
        hop = self.hop("DSN")
        send(self.suite, sender, ["c@far.example"])
        eventually(lambda: hop.messages, "the message has left")
        self.assertNotIn("NOTIFY", self.commands(hop, "RCPT")[0])
        self.assertNotIn("ORCPT", self.commands(hop, "RCPT")[0])

    def test_members_of_an_alias_do_not_inherit_success(self):
        sender, member = self.new_user(), self.new_user()
        hop = self.hop("DSN")
        self.suite.dbtool("alias", "add", "team@" + DOMAIN, member, "d@far.example")
        send(self.suite, sender, ["team@" + DOMAIN], mail="ENVID=team", rcpt=f"NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;team@{DOMAIN}")
        eventually(lambda: hop.messages, "the message has left")
        self.assertRegex(self.commands(hop, "RCPT")[0], r"\bNOTIFY=FAILURE( |$)")
        self.assertRegex(self.commands(hop, "RCPT")[0], rf"\bORCPT=rfc822;team@{DOMAIN}")
        self.assertRegex(self.commands(hop, "MAIL")[0], r"\bENVID=team\b")
        self.assertEqual(wait_report(self.suite, sender).actions, ["expanded"])

    def test_what_a_host_says_comes_back_in_its_words(self):
        sender = self.new_user()
        self.hop(rcpt="550 5.1.1 No such user here")
        send(self.suite, sender, ["e@far.example"])
        report = wait_report(self.suite, sender)
        self.assertEqual(report.actions, ["failed"])
        self.assertEqual(report.recipients[0]["Status"], "5.1.1")
        self.assertEqual(report.recipients[0]["Diagnostic-Code"], "smtp; 550 5.1.1 No such user here")
        self.assertEqual(report.recipients[0]["Remote-MTA"], f"dns; [{self.route}]")
        self.assertIn("> 550 5.1.1 No such user here", report.text)
        self.assertIn("There is no such address.", report.text)

    def test_a_host_that_defers_is_named_in_the_warning(self):
        sender = self.new_user()
        hop = self.hop(rcpt="450 4.2.1 Come back later")
        send(self.suite, sender, ["f@far.example"])
        report = wait_report(self.suite, sender)
        self.assertEqual(report.actions, ["delayed"])
        self.assertEqual(report.recipients[0]["Diagnostic-Code"], "smtp; 450 4.2.1 Come back later")
        self.assertIn(self.route, report.text)
        hop.answers.clear()
        eventually(lambda: hop.messages, "the message has left", 30)
