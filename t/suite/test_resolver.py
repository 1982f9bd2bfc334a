"""From a name to its mail hosts: relayd's resolver, asked by a worker that does nothing else (t/unit/probe_resolve.c)."""

import re
import socket
import unittest

from dns import Dns, free_port
from harness import PREFIX, Suite, eventually

PROBE = PREFIX.parent / "t/unit/probe_resolve"  # a tree is installed in its build directory
TLSA = "3 1 1 " + "AB" * 32

RECORDS = f"""
    example.com.                MX    20 mx2.example.com.
    example.com.                MX    10 mx1.example.com.
    mx1.example.com.            A     127.0.0.11
    mx1.example.com.            A     127.0.0.12
    mx1.example.com.            AAAA  ::11
    mx2.example.com.            A     127.0.0.21
    _25._tcp.mx1.example.com.   TLSA  {TLSA}
    _25._tcp.mx2.example.com.   TLSA  0 1 1 {"AB" * 32}
    bare.example.com.           A     127.0.0.31
    null.example.com.           MX    0 .
    alias.example.com.          CNAME example.com.
    aliasmx.example.com.        MX    10 cname.example.com.
    cname.example.com.          CNAME mx1.example.com.
    out.example.com.            CNAME out.insecure.
    outmx.example.com.          MX    10 out.example.com.
    _25._tcp.out.example.com.   TLSA  {TLSA}
    own.example.com.            MX    10 mx1.example.com.
    own.example.com.            MX    20 mail.example.org.
    own.example.com.            MX    20 mx2.example.com.
    own.example.com.            MX    30 mx3.example.com.
    loop.example.com.           MX    10 mail.example.org.
    loop.example.com.           MX    20 mx1.example.com.
    ownalias.example.com.       MX    10 me.example.com.
    me.example.com.             CNAME mail.example.org.
    mail.example.org.           A     127.0.0.99
    literal.example.com.        MX    10 127.0.0.1.
    noaddress.example.com.      MX    10 nothing.example.com.
    nothing.example.com.        TXT   "no address"
    forgedmx.example.com.       MX    10 mx1.example.com.
    forgeda.example.com.        A     127.0.0.41
    twomx.example.com.          MX    10 forgeda.example.com.
    twomx.example.com.          MX    20 mx2.example.com.
    forgedtlsa.example.com.     A     127.0.0.42
    _25._tcp.forgedtlsa.example.com. TLSA {TLSA}
    brokentlsa.example.com.     A     127.0.0.43
    _25._tcp.brokentlsa.example.com. CNAME tlsa.broken.
    brokenmx.example.com.       MX    10 mx.broken.
    there.insecure.             MX    10 mx.insecure.
    mx.insecure.                A     127.0.0.51
    _25._tcp.mx.insecure.       TLSA  {TLSA}
    out.insecure.               A     127.0.0.52
    xn--bcher-kva.example.com.  A     127.0.0.61
"""
# Too much for a datagram.
RECORDS += "".join(f"long.example.com. MX {10 + i} h{i}.example.com.\n" for i in range(100))
RECORDS += "".join(f"h{i}.example.com. A 127.0.1.{i}\n" for i in range(16))
FORGED = [("forgedmx.example.com.", "MX"), ("forgeda.example.com.", "A"), ("_25._tcp.forgedtlsa.example.com.", "TLSA")]


class Answer:
    """What the probe logged."""

    def __init__(self, line):
        fields = dict(re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)', line))
        fields = {key: value.strip('"') for key, value in fields.items()}
        self.number = int(fields["number"])
        self.result, self.text, self.canonical = (fields.get(key, "") for key in ("result", "text", "canonical"))
        self.secure = fields["secure"] == "yes"
        self.hosts = [Host(text) for text in fields["hosts"].split(";")[:-1]]  # the log cuts long fields

    def __repr__(self):
        return str(vars(self))


class Host:
    def __init__(self, text):
        self.name, preference, secure, addresses, self.tlsa, self.base, self.records = text.split(",")
        self.preference, self.secure, self.addresses = int(preference), secure == "secure", addresses.split("+")

    def __repr__(self):
        return str(vars(self))


class Asking:
    """relayd with the probe, and name servers."""

    def __init__(self, directives, **more):
        self.suite = Suite(services=("relayd",))
        self.suite.programs["relayd"] = PROBE
        self.questions = self.suite.directory / "questions"
        self.suite.write_configuration(relay_ca_file=self.questions, relay_workers=1, **directives, **more)
        self.write("")

    def write(self, text):
        self.questions.write_text(text, encoding="utf-8")
        self.questions.chmod(0o644)

    def start(self):
        self.suite.start()

    def lines(self, event):
        return [line for line in self.suite.log("relayd").splitlines() if f"event={event} " in line]

    def ask(self, *questions, seconds=20):
        """The answers to "mx example.com" and so on, in the same order. The port is 25, and DANE is wanted."""
        lines = []
        for question in questions:
            how, name, *options = question.split()
            lines.append(" ".join([how, name, "25", *(options or ["dane"])]))
        before = len(self.lines("probe.answer"))
        self.write("\n".join(lines) + "\n")
        if self.suite.running:
            self.suite.reload("relayd")
        else:
            self.start()
        eventually(lambda: len(self.lines("probe.answer")) >= before + len(questions), f"answers to {questions}", seconds)
        answers = sorted(map(Answer, self.lines("probe.answer")[before:]), key=lambda answer: answer.number)
        return answers[0] if len(answers) == 1 else answers


@unittest.skipUnless(PROBE.exists(), "the installed tree does not lie in its build directory")
class ResolverTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dns = Dns(RECORDS, forged=FORGED)
        cls.addClassCleanup(cls.dns.stop)
        cls.asking = Asking(cls.dns.directives())
        cls.addClassCleanup(cls.asking.suite.stop)

    def ask(self, *questions):
        return self.asking.ask(*questions)

    def names(self, answer):
        return [host.name for host in answer.hosts]

    def test_hosts_come_by_preference_with_addresses_of_both_families_in_turn_and_tlsa(self):
        answer = self.ask("mx example.com")
        self.assertEqual((answer.result, answer.secure, self.names(answer)), ("ok", True, ["mx1.example.com", "mx2.example.com"]))
        one, two = answer.hosts
        self.assertEqual(one.addresses[0], "::11")
        self.assertEqual(sorted(one.addresses[1:]), ["127.0.0.11", "127.0.0.12"])
        self.assertEqual((one.preference, one.secure, one.tlsa, one.base, one.records), (10, True, "usable", "mx1.example.com", "3:1:1:32"))
        self.assertEqual((two.preference, two.secure, two.tlsa, two.records), (20, True, "unusable", ""))

    def test_a_domain_without_mx_is_its_own_host(self):
        answer = self.ask("mx bare.example.com")
        self.assertEqual((answer.result, answer.secure, self.names(answer)), ("ok", True, ["bare.example.com"]))
        self.assertEqual(answer.hosts[0].tlsa, "none")

    def test_what_takes_no_mail_does_not_exist_or_has_no_host_is_told_apart(self):
        null, missing, literal, address = self.ask("mx null.example.com", "mx missing.example.com", "mx literal.example.com", "mx noaddress.example.com")
        self.assertEqual([answer.result for answer in (null, missing, literal, address)], ["null-mx", "no-domain", "no-domain", "no-domain"])
        self.assertIn("takes no mail", null.text)
        self.assertIn("does not exist", missing.text)
        self.assertIn("name no host", literal.text)
        self.assertIn("has an address", address.text)

    def test_aliases_of_domains_and_hosts_are_followed(self):
        domain, host = self.ask("mx alias.example.com", "mx aliasmx.example.com")
        self.assertEqual((domain.result, domain.canonical, self.names(domain)), ("ok", "example.com", ["mx1.example.com", "mx2.example.com"]))
        self.assertEqual((host.result, self.names(host)), ("ok", ["cname.example.com"]))
        self.assertEqual((host.hosts[0].tlsa, host.hosts[0].base), ("usable", "mx1.example.com"))

    def test_a_secure_alias_of_an_insecure_host_has_tlsa_under_its_own_name(self):
        host = self.ask("mx outmx.example.com").hosts[0]
        self.assertEqual((host.addresses, host.secure, host.tlsa, host.base), (["127.0.0.52"], False, "usable", "out.example.com"))

    def test_we_and_all_that_is_not_better_are_dropped(self):
        own, loop, alias = self.ask("mx own.example.com", "mx loop.example.com", "mx ownalias.example.com")
        self.assertEqual((own.result, self.names(own)), ("ok", ["mx1.example.com"]))
        self.assertEqual((loop.result, loop.hosts), ("loop", []))
        self.assertEqual((alias.result, alias.hosts), ("loop", []))

    def test_a_backup_goes_to_better_hosts_only(self):
        own, other = self.ask("mx own.example.com backup", "mx example.com backup")
        self.assertEqual((own.result, self.names(own)), ("ok", ["mx1.example.com"]))
        self.assertEqual(other.result, "temporary")
        self.assertIn("not among the mail hosts", other.text)

    def test_what_is_forged_is_not_believed(self):
        mx, address, two, tlsa = self.ask("mx forgedmx.example.com", "host forgeda.example.com", "mx twomx.example.com",
                                          "host forgedtlsa.example.com")
        self.assertEqual([answer.result for answer in (mx, address)], ["temporary", "temporary"])
        self.assertEqual((two.result, self.names(two)), ("ok", ["mx2.example.com"]))
        self.assertEqual((tlsa.result, tlsa.hosts[0].tlsa), ("ok", "failed"))

    def test_servers_that_fail_are_a_temporary_failure(self):
        mx, host, tlsa = self.ask("mx what.broken", "mx brokenmx.example.com", "host brokentlsa.example.com")
        self.assertEqual([mx.result, host.result], ["temporary", "temporary"])
        self.assertEqual((tlsa.result, tlsa.hosts[0].tlsa), ("ok", "failed"))

    def test_tlsa_records_of_a_zone_that_is_not_signed_mean_nothing(self):
        answer = self.ask("mx there.insecure")
        self.assertEqual((answer.result, answer.secure, self.names(answer)), ("ok", False, ["mx.insecure"]))
        self.assertEqual((answer.hosts[0].secure, answer.hosts[0].tlsa), (False, "none"))

    def test_tlsa_is_asked_for_only_when_it_is_wanted(self):
        self.assertEqual(self.ask("mx example.com backup").result, "temporary")
        host = self.ask("host mx1.example.com nothing").hosts[0]
        self.assertEqual((host.secure, host.tlsa), (True, "none"))

    def test_addresses_and_names_of_other_scripts_are_understood(self):
        four, six, name = self.ask("mx [192.0.2.1]", "host 2001:db8::1", "mx bücher.example.com")
        self.assertEqual(four.hosts[0].addresses, ["192.0.2.1"])
        self.assertEqual(six.hosts[0].addresses, ["2001:db8::1"])
        self.assertEqual((name.result, name.hosts[0].addresses), ("ok", ["127.0.0.61"]))

    def test_long_answers_come_by_tcp(self):
        answer = self.ask("mx long.example.com")
        self.assertEqual((answer.result, answer.secure), ("ok", True))
        self.assertEqual([host.preference for host in answer.hosts[:5]], [10, 11, 12, 13, 14])

    def test_no_more_questions_are_under_way_than_allowed_and_each_is_answered(self):
        before = len(self.asking.lines("probe.flood"))
        self.asking.write("flood 9000 example.com\n")
        self.asking.suite.reload("relayd")
        line = eventually(lambda: self.asking.lines("probe.flood")[before:], "the flood is over", 60)[0]
        self.assertIn(f"refused={9000 - 8192} ", line)
        self.assertIn("no_domain=8192 ", line)


@unittest.skipUnless(PROBE.exists(), "the installed tree does not lie in its build directory")
class ServersTest(unittest.TestCase):
    def start(self, directives, **more):
        asking = Asking(directives, **more)
        self.addCleanup(asking.suite.stop)
        return asking

    def test_without_a_trust_anchor_nothing_is_secure_and_all_is_found(self):
        dns = Dns(RECORDS, forged=FORGED)
        self.addCleanup(dns.stop)
        asking = self.start(dns.directives() | {"dns_trust_anchor": "off"})
        answer = asking.ask("mx forgedmx.example.com")
        self.assertEqual((answer.result, answer.secure, answer.hosts[0].secure, answer.hosts[0].tlsa), ("ok", False, False, "none"))

    def test_other_servers_are_asked_after_a_reload(self):
        first, second = Dns("a.test. MX 1 one.test.\none.test. A 127.0.0.1"), Dns("a.test. MX 1 two.test.\ntwo.test. A 127.0.0.2")
        self.addCleanup(first.stop)
        self.addCleanup(second.stop)
        asking = self.start(first.directives())
        self.assertEqual(asking.ask("mx a.test").hosts[0].name, "one.test")
        asking.suite.write_configuration(**second.directives())
        self.assertEqual(asking.ask("mx a.test").hosts[0].name, "two.test")

    def test_dead_servers_beside_a_good_one_hold_up_nothing_for_long(self):
        dns = Dns(RECORDS)
        self.addCleanup(dns.stop)
        with socket.socket(type=socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            servers = f"127.0.0.1:{silent.getsockname()[1]} [::1]:{free_port()} 127.0.0.1:{dns.port}"
            asking = self.start(dns.directives() | {"dns_servers": servers})
            self.assertEqual(asking.ask("mx example.com").result, "ok")

    def test_a_wrong_trust_anchor_stops_the_service(self):
        asking = self.start({"dns_servers": "127.0.0.1:53"})
        anchor = asking.suite.directory / "anchor"
        anchor.write_text(". IN DNSKEY 257 3 nonsense\n", encoding="ascii")
        asking.suite.write_configuration(dns_trust_anchor=anchor)
        asking.suite.expected_crashes = True
        with self.assertRaisesRegex(AssertionError, "event=resolver.servers"):
            asking.start()
