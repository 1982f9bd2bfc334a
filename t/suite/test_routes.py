"""dbtool route, and the way that mail then takes: from a client through the whole suite to the next hop."""

import json
import pathlib
import tempfile

from harness import ALL_SERVICES, DOMAIN, SuiteTest, eventually, free_ports
from remote import Remote

EX_DATAERR, EX_NOHOST, EX_CANTCREAT = 65, 68, 73


class Routes(SuiteTest):
    directives = {"services": ALL_SERVICES, "relay_workers": 1, "relay_tls": "off", "dns_servers": "127.0.0.1:9", "dns_trust_anchor": "off",
                  "relay_ca_file": "off"}

    @classmethod
    def setUpClass(cls):
        sockets = tempfile.TemporaryDirectory(prefix="angarium-routes-")
        cls.addClassCleanup(sockets.cleanup)
        cls.socket = pathlib.Path(sockets.name) / "lmtp"
        cls.socket.parent.chmod(0o755)  # the role's account has to get through
        cls.directives = {**cls.directives, "relay_sockets": cls.socket}
        super().setUpClass()

    @classmethod
    def prepare(cls):
        cls.user = "sender@" + DOMAIN
        cls.suite.add_user(cls.user)

    def setUp(self):
        self.port = free_ports(1)[0]
        for record in json.loads(self.route("list", "--json").stdout):
            self.route("del", record["route"])

    def route(self, *arguments, **options):
        return self.suite.dbtool("route", *arguments, **options)

    def hop(self, address="127.0.0.1", **options):
        hop = Remote(address=address, port=self.port, **options)
        self.addCleanup(hop.stop)
        return hop

    def send(self, *recipients, sender=None):
        with self.suite.smtp() as client:
            client.hello()
            client.message(sender or self.user, recipients)

    def arrived(self, hop, recipient):
        eventually(lambda: any(recipient in message.recipients for message in hop.messages),
                   f"{recipient} reaches the hop: {hop.commands}\n{self.suite.log('queued')}")

    def test_mail_takes_the_route_of_its_domain_the_domain_above_or_the_smarthost(self):
        own, above, smart = self.hop("127.0.0.12"), self.hop("127.0.0.13"), self.hop("127.0.0.14")
        self.route("add", "far.example", f"smtp://127.0.0.12:{self.port}")
        self.route("add", ".far.example", f"smtp://127.0.0.13:{self.port}")
        self.route("add", "*", f"smtp://127.0.0.14:{self.port}")
        self.send("a@far.example", "b@deep.far.example", "c@else.example")
        for hop, recipient in (own, "a@far.example"), (above, "b@deep.far.example"), (smart, "c@else.example"):
            self.arrived(hop, recipient)
            self.assertEqual(len(hop.messages), 1)

    def test_a_relayed_domain_with_a_route_is_handed_on_inside(self):
        inside = self.hop("127.0.0.15", lmtp=True)
        self.suite.dbtool("domain", "add", "--relay", "inside.example")
        self.route("add", "inside.example", f"lmtp://127.0.0.15:{self.port}")
        self.send("a@inside.example")
        self.arrived(inside, "a@inside.example")

    def test_a_route_leads_to_a_unix_socket_that_the_configuration_names(self):
        hop = self.hop(path=self.socket, lmtp=True)
        self.route("add", "socket.example", f"lmtp:{self.socket}")
        self.assertIn("0 remarks", self.suite.dbtool("check").stdout)
        self.send("a@socket.example")
        self.arrived(hop, "a@socket.example")
        self.route("add", "other.example", "lmtp:/run/other")
        check = self.suite.dbtool("check", check=False)
        self.assertEqual(check.returncode, EX_DATAERR)
        self.assertIn("route other.example: its socket is not among those of relay_sockets", check.stdout)

    def test_an_alias_that_leads_to_elsewhere_takes_the_route_too(self):
        hop = self.hop("127.0.0.16")
        self.route("add", "far.example", f"smtp://127.0.0.16:{self.port}")
        self.suite.dbtool("alias", "add", "away@" + DOMAIN, "a@far.example", self.user)
        self.send("away@" + DOMAIN)
        self.arrived(hop, "a@far.example")

    def test_a_null_route_returns_the_mail_and_discard_throws_it_away(self):
        self.route("add", "gone.example", "discard")
        self.route("add", "never.example", "reject")
        sender = self.new_user()
        self.send("a@gone.example", "b@never.example", sender=sender)
        report, = self.suite.wait_messages(sender)
        self.assertIn(b"b@never.example", report)
        self.assertNotIn(b"a@gone.example", report)

    def test_a_domain_in_utf_8_takes_the_route_of_its_a_labels(self):
        hop = self.hop("127.0.0.17", extensions=("8BITMIME", "SMTPUTF8"))
        self.route("add", "bücher.example", f"smtp://127.0.0.17:{self.port}")
        self.assertTrue(self.route("list").stdout.startswith("xn--bcher-kva.example\t"))
        with self.suite.smtp() as client:
            client.hello()
            client.message(self.user, ["a@bücher.example"], parameters="SMTPUTF8")
        eventually(lambda: hop.messages, "the message reaches the hop")

    def test_the_password_of_a_route_is_shown_by_an_export_only(self):
        self.route("add", "*", "smtps://smart.example", "--tls=verify", "--user", "me", "--password-stdin", stdin="se cret\n")
        for shown in (self.route("show", "*"), self.route("list"), self.route("show", "--json", "*"), self.suite.dbtool("export", "--json")):
            self.assertIn("smtps://smart.example", shown.stdout)
            self.assertIn("me", shown.stdout)
            self.assertNotIn("cret", shown.stdout)
        exported = self.route("export").stdout
        self.assertEqual(exported, "route * via=smtps://smart.example tls=verify user=me password=se%20cret\n")
        self.route("del", "*")
        self.suite.dbtool("import", stdin=exported)
        self.assertEqual(self.route("export").stdout, exported)

    def test_what_makes_no_sense_is_refused_with_a_reason(self):
        for arguments, status, reason in (
                (("add", DOMAIN, "mx"), EX_DATAERR, "local domain"),
                (("add", "mail." + DOMAIN, "mx"), EX_DATAERR, "local domain"),
                (("add", "far.example", "smtp://host:port"), EX_DATAERR, "is no route"),
                (("add", "far.example", "reject", "--tls", "off"), EX_DATAERR, "no TLS"),
                (("add", "far.example", "mx", "--tls", "maybe"), EX_DATAERR, "--tls is"),
                (("add", "a@far.example", "mx"), EX_DATAERR, "no name of a route"),
                (("add", "far.example", "smtp://host", "--user", "me", "--password-stdin"), EX_DATAERR, "over TLS only"),
                (("del", "far.example"), EX_NOHOST, "no route"),
                (("set", "far.example", "mx"), EX_NOHOST, "no route")):
            with self.subTest(arguments=arguments):
                result = self.route(*arguments, stdin="secret\n", check=False)
                self.assertEqual((result.returncode, reason in result.stderr), (status, True), result.stderr)
        self.route("add", "far.example", "mx")
        self.assertEqual(self.route("add", "far.example", "mx", check=False).returncode, EX_CANTCREAT)
        self.assertEqual(self.suite.dbtool("domain", "add", "far.example", check=False).returncode, EX_DATAERR)
