"""Who may send to other domains: known clients and users; and no way around that for anybody else (RFC 5321 7.1; RFC 2505 2.1)."""

import base64

from harness import DOMAIN, PASSWORD, SmtpClient, SuiteTest

USER = "user@" + DOMAIN
OUTSIDE, INSIDE = "127.0.0.2", "127.0.0.3"
OWN = "mail." + DOMAIN  # the host's name
VICTIM = "victim.example"

SENDERS = ("", "spam@" + VICTIM, "spam@" + DOMAIN, USER, "spam@" + OWN, "spam@[127.0.0.1]", "postmaster@" + OWN, "spam@localhost")

# What open relays of the last decades let through. {own} is a domain, name or literal of ours.
AT_OWN = (
    "<x%victim.example@{own}>",
    "<x%victim.example%{own}@{own}>",
    '<"x%victim.example"@{own}>',
    "<victim.example!x@{own}>",
    '<"victim.example!x"@{own}>',
    '<"x@victim.example"@{own}>',
    '<"x\\@victim.example"@{own}>',
    '<"<x@victim.example>"@{own}>',
    "<x@victim.example@{own}>",
    "<x@victim.example%{own}>",
    "<@{own}:x@victim.example>",
    "<@{own},@{own}:x@victim.example>",
    "<{own}!x@victim.example>",
    "<x%victim.example!y@{own}>",
    "<x@{own}@victim.example>",
    "<x%{own}@victim.example>",
    '<"x@{own}"@victim.example>',
    "x%victim.example@{own}",
    "<x=victim.example@{own}>",
    "<user+x@victim.example@{own}>",
    "<user+x%victim.example@{own},x@victim.example>",
)
ELSEWHERE = (
    "<x@victim.example>",
    "<X@VICTIM.EXAMPLE>",
    "<x@victim.example.>",
    '<"x"@victim.example>',
    '<"x@victim.example">',
    '<"x%victim.example">',
    "<victim.example!x>",
    "<x%victim.example>",
    "x@victim.example",
    "<<x@victim.example>>",
    "<x@victim.example",
    "<postmaster@victim.example>",
    "<x@[192.0.2.1]>",
    "<x@[IPv6:2001:db8::1]>",
    "<x@[127.0.0.1>",
    "<x@2130706433>",
    "<@:x@victim.example>",
    "<@victim.example:x@victim.example>",
    "<x@victim.example,user@example.org>",
    "<user@example.org,x@victim.example>",
    "<user@example.org>,<x@victim.example>",
    "<x@victim.example\0@example.org>",
    "<x@victim.example\t@example.org>",
    "<x@example.org.victim.example>",
    "<x@sub.example.org>",
    "<x@victimexample.org>",
)


def attempts():
    yield from ELSEWHERE
    for own in (DOMAIN, OWN, "[127.0.0.1]", "[IPv6:::1]"):
        for attempt in AT_OWN:
            yield attempt.replace("{own}", own)


class RelayPolicy(SuiteTest):
    directives = {"relay_networks": INSIDE, "rate_exempt_networks": "127.0.0.0/8", "smtp_errors": 1000, "smtp_error_rate_per_address": "off"}

    @classmethod
    def prepare(cls):
        cls.suite.add_user(USER)
        cls.suite.add_domain("backup.example", "--relay")
        cls.suite.add_domain("catch.example")
        cls.suite.add_user("all@catch.example")
        cls.suite.dbtool("alias", "add", "@catch.example", "all@catch.example")

    def client(self, source, port=None):
        client = SmtpClient(port or self.suite.smtp_port, source)
        self.addCleanup(client.close)
        client.hello()
        return client

    def refused(self, client, attempt):
        reply = client.command(f"RCPT TO:{attempt}")
        self.assertTrue(500 <= reply.code <= 599, f"RCPT TO:{attempt} got {reply}")

    def test_no_classic_attempt_gets_through_from_outside(self):
        client = self.client(OUTSIDE)
        client.expect(250, f"MAIL FROM:<{USER}>")
        for attempt in attempts():
            with self.subTest(attempt=attempt):
                self.refused(client, attempt)
        client.expect(554, "DATA")  # there is no recipient

    def test_no_sender_opens_the_way(self):
        client = self.client(OUTSIDE)
        for sender in SENDERS:
            with self.subTest(sender=sender):
                client.expect(250, f"MAIL FROM:<{sender}>")
                for attempt in ("<x@victim.example>", f"<x%victim.example@{DOMAIN}>", f"<@{DOMAIN}:x@victim.example>"):
                    self.refused(client, attempt)
                client.expect(250, "RSET")

    def test_a_refused_recipient_gets_nothing_of_a_message_for_others(self):
        client = self.client(OUTSIDE)
        client.envelope("spam@" + VICTIM, [USER])
        client.expect(550, "RCPT TO:<x@victim.example>")
        self.assertEqual(client.data(b"Subject: one of two\r\n\r\n").code, 250)
        self.suite.wait_messages(USER)
        self.assertNotIn("x@victim.example", self.suite.log("queued"))

    def test_a_way_in_the_local_part_ends_at_the_catch_all(self):
        client = self.client(OUTSIDE)
        client.message("spam@" + VICTIM, ["x%victim.example@catch.example", '"x@victim.example"@catch.example'])
        self.suite.wait_messages("all@catch.example")
        self.assertNotIn("to=x@victim.example ", self.suite.log("queued"))

    def test_everybody_sends_to_a_relayed_domain_but_no_way_to_elsewhere(self):
        client = self.client(OUTSIDE)
        client.envelope("spam@" + VICTIM, ["x@backup.example", "@catch.example:x@backup.example"])
        for attempt in AT_OWN:
            attempt = attempt.replace("{own}", "backup.example")
            if "=" not in attempt:
                self.refused(client, attempt)

    def test_a_client_of_relay_networks_sends_everywhere(self):
        client = self.client(INSIDE)
        client.envelope("me@" + DOMAIN, ["x@victim.example", "x@[192.0.2.1]", "x%y@victim.example", "@victim.example:x@other.example"])

    def test_nobody_sends_anywhere_before_the_login(self):
        client = self.client(OUTSIDE, self.suite.submission_port)
        client.expect(530, f"MAIL FROM:<{USER}>")
        client = self.client(OUTSIDE)
        client.expect(250, f"MAIL FROM:<{USER}>")
        client.expect(550, "RCPT TO:<x@victim.example>")

    def test_a_login_that_fails_opens_nothing(self):
        client = self.client(OUTSIDE)
        secret = base64.b64encode(f"\0{USER}\0not {PASSWORD}".encode()).decode()
        self.assertNotEqual(client.command(f"AUTH PLAIN {secret}").code, 235)
        client.expect(250, f"MAIL FROM:<{USER}>")
        client.expect(550, "RCPT TO:<x@victim.example>")

    def test_vrfy_tells_a_stranger_nothing(self):
        client = self.client(OUTSIDE)
        told = {client.command(f"VRFY {name}").text for name in (USER, "nobody@" + DOMAIN, "x@victim.example", "x@backup.example")}
        self.assertEqual(len(told), 1)
