"""The way of mail to other hosts: which host, which address, which connection; relayd with jobs from the test (relay_queue.py)."""

import hashlib
import pathlib
import re
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

import relay_queue
from dns import Dns
from harness import ALL_SERVICES, DOMAIN, SLOWNESS, Suite, eventually, free_ports, is_root
from relay_queue import BODY, DAMAGED, DONE, DOWN, FULL, PERMANENT, TEMPORARY, UNKNOWN, UP, RelayQueue
from remote import DROP, SILENCE, Remote, Then
from test_tls import make_pair


EXTENSIONS = ("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES")


class Hold:
    """An answer of a remote that comes when the test lets it."""

    def __init__(self):
        self.event = threading.Event()

    def __call__(self, _session):
        self.event.wait(30 * SLOWNESS)

    def release(self):
        self.event.set()


def drop_all(remote):
    """Closes every connection, and nothing else."""
    for connection in list(remote.open):
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it was gone already


class RelayTest(unittest.TestCase):
    """A relayd with one worker. Port PORT of every address is free for hops."""

    dns_records = None
    directives = {}

    def setUp(self):
        self.port = free_ports(1)[0]
        self.dns = None
        directives = {"relay_workers": 1, "relay_port": self.port, "relay_ca_file": "off", "dns_trust_anchor": "off",
                      "dns_servers": "127.0.0.1:9", **self.directives}
        if self.dns_records is not None:
            self.dns = Dns(self.dns_records)
            self.addCleanup(self.dns.stop)
            directives.update(self.dns.directives())
        self.suite = Suite(services=("relayd",), **directives)
        self.addCleanup(self.suite.stop)
        self.queue = RelayQueue(self.suite)
        self.addCleanup(self.queue.close)
        self.suite.start()
        self.queue.accept()

    def hop(self, address="127.0.0.12", **options):
        hop = Remote(address=address, port=self.port, **{"extensions": EXTENSIONS, **options})
        self.addCleanup(hop.stop)
        return hop

    def wait_under_way(self, hop):
        eventually(lambda: "DATA" in hop.commands, "a transaction is under way")

    def assert_done(self, reply, address=None):
        self.assertEqual([result.kind for result in reply.results], [DONE] * len(reply.results), reply)
        self.assertEqual(reply.destination, UP)
        if address:
            self.assertIn(f"[{address}]:{self.port}", reply.remote)


class Hosts(RelayTest):
    dns_records = """
        two.example.com.    MX  20 mx2.example.com.
        two.example.com.    MX  10 mx1.example.com.
        mx1.example.com.    A   127.0.0.12
        mx2.example.com.    A   127.0.0.13
        pair.example.com.   MX  10 mx3.example.com.
        mx3.example.com.    A   127.0.0.14
        mx3.example.com.    A   127.0.0.15
        families.example.com. MX 10 mx4.example.com.
        mx4.example.com.    AAAA 100::1
        mx4.example.com.    A   127.0.0.16
        bare.example.com.   A   127.0.0.12
        null.example.com.   MX  0 .
        other.example.com.  MX  10 mx1.example.com.
    """

    def test_the_best_host_gets_the_mail(self):
        best, other = self.hop(), self.hop("127.0.0.13")
        reply = self.queue.relay("two.example.com")
        self.assert_done(reply, "127.0.0.12")
        self.assertTrue(reply.remote.startswith("mx1.example.com "), reply)
        self.assertEqual([message.content for message in best.wait_messages()], [relay_queue.BODY])
        self.assertEqual(other.sessions, 0)

    def test_a_host_that_refuses_connections_leads_to_the_next(self):
        self.hop("127.0.0.13")
        self.assert_done(self.queue.relay("two.example.com"), "127.0.0.13")

    def test_greetings_that_are_none_lead_to_the_next_host(self):
        self.hop("127.0.0.13")
        for answers in ({"CONNECT": "554 no mail here"}, {"CONNECT": "421 busy"}, {"CONNECT": "999 what is this"}, {"CONNECT": DROP}, {"EHLO": DROP}):
            with self.subTest(**answers):
                bad = self.hop(answers=answers)
                reply = self.queue.relay("two.example.com")
                bad.stop()
                self.assert_done(reply, "127.0.0.13")
                self.hop_is_not_kept()

    def hop_is_not_kept(self):
        """Jobs after this one find no connection to use again."""
        self.suite.kill_role("relayd", "worker")
        self.queue.accept()

    def tearDown(self):
        self.suite.expected_crashes = True  # hop_is_not_kept
        super().tearDown()

    def test_mail_that_one_host_defers_goes_to_the_next_and_a_recipient_does_not(self):
        first, second = self.hop(answers={"MAIL": "451 4.3.0 not now"}), self.hop("127.0.0.13")
        self.assert_done(self.queue.relay("two.example.com"), "127.0.0.13")
        first.answers = {"RCPT": "450 4.2.0 not this one"}
        self.hop_is_not_kept()
        reply = self.queue.relay("two.example.com")
        self.assertEqual((reply.kind, reply.results[0].status, reply.destination), (TEMPORARY, "4.2.0", UP), reply)
        self.assertIn("450 4.2.0 not this one", reply.results[0].text)
        self.assertEqual(len(second.wait_messages(1)), 1)

    def test_each_recipient_has_its_own_result(self):
        self.hop(answers={"END": "250 2.6.0 taken"})
        reply = self.queue.relay("bare.example.com", recipients=[f"u{n}@bare.example.com" for n in range(100)])
        self.assertEqual({(result.kind, result.status) for result in reply.results}, {(DONE, "2.6.0")})
        self.assertEqual(len(reply.results), 100)

    def test_the_second_address_of_a_host_is_tried_when_the_first_greets_badly(self):
        self.hop("127.0.0.14", answers={"CONNECT": "421 busy"})
        second = self.hop("127.0.0.15")
        for _ in range(3):  # the order of equal addresses is not ours
            self.assert_done(self.queue.relay("pair.example.com"), "127.0.0.15")
        self.assertEqual(len(second.wait_messages(3)), 3)

    def test_a_family_that_leads_nowhere_costs_no_timeout(self):
        self.hop("127.0.0.16")
        begin = time.monotonic()
        self.assert_done(self.queue.relay("families.example.com"), "127.0.0.16")
        self.assertLess(time.monotonic() - begin, 5 * SLOWNESS)

    def test_a_domain_without_mx_is_its_own_host(self):
        self.hop()
        self.assert_done(self.queue.relay("bare.example.com"), "127.0.0.12")

    def test_what_dns_says_decides_between_later_and_never(self):
        for domain, kind, status, destination in (("null.example.com", PERMANENT, "5.1.10", UNKNOWN),
                                                  ("no-such-name.example.com", PERMANENT, "5.1.2", UNKNOWN),
                                                  ("name.broken", TEMPORARY, "4.4.3", DOWN)):
            reply = self.queue.relay(domain)
            self.assertEqual((reply.kind, reply.results[0].status, reply.destination, reply.remote), (kind, status, destination, ""), reply)
            self.assertNotEqual(reply.results[0].text, "")

    def test_a_route_to_a_host_that_is_none_returns_no_mail(self):
        reply = self.queue.relay("example.com", "smtp://no-such-name.example.com:25")
        self.assertEqual((reply.kind, reply.results[0].status), (TEMPORARY, "4.1.2"), reply)

    def test_a_route_leads_to_another_domains_hosts(self):
        self.hop()
        self.assert_done(self.queue.relay("elsewhere.example.net", "mx://two.example.com"), "127.0.0.12")

    def test_a_dead_resolver_costs_no_mail(self):
        self.hop()
        self.suite.kill_role("relayd", "resolver")
        replies = [self.queue.relay("two.example.com") for _ in range(3)]
        self.assertTrue(all(reply.kind in (DONE, TEMPORARY) for reply in replies), replies)
        self.assert_done(self.queue.relay("two.example.com"))

    def test_one_destination_that_hangs_does_not_hold_up_others(self):
        hold = Hold()
        slow, fast = self.hop(answers={"END": hold}), self.hop("127.0.0.13")
        waiting = [self.queue.give("bare.example.com") for _ in range(20)]
        self.queue.relay("x.example.com", f"smtp://127.0.0.13:{self.port}")
        self.assertEqual((len(fast.wait_messages()), len(slow.messages)), (1, 0))
        hold.release()
        for request in waiting:
            self.assert_done(self.queue.wait(request))


class Connections(RelayTest):
    directives = {"relay_messages": 5, "relay_idle_timeout": "1s", "relay_command_timeout": "5s"}

    def route(self, address="127.0.0.12"):
        return f"smtp://{address}:{self.port}"

    def test_one_connection_carries_messages_one_after_the_other_and_says_quit(self):
        hop = self.hop()
        for number in range(7):
            self.assert_done(self.queue.relay(f"d{number}.example.com", self.route()))
        self.assertEqual([message.session for message in hop.wait_messages(7)], [1] * 5 + [2] * 2)
        self.assertEqual(len([line for line in hop.commands if line.startswith("EHLO")]), 2)
        eventually(lambda: hop.commands.count("QUIT") == 2, "QUIT after relay_messages, and after relay_idle_timeout")

    def test_a_kept_connection_that_the_remote_closed_costs_no_mail(self):
        hop = self.hop()
        self.assert_done(self.queue.relay("a.example.com", self.route()))
        drop_all(hop)
        self.assert_done(self.queue.relay("a.example.com", self.route()))
        self.assertEqual(len(hop.wait_messages(2)), 2)

    def test_a_remote_that_closes_with_421_between_messages_costs_no_mail(self):
        hop = self.hop(answers={"MAIL": [None, Then("421 4.3.2 that was enough", DROP)]})
        self.assert_done(self.queue.relay("a.example.com", self.route()))
        self.assert_done(self.queue.relay("a.example.com", self.route()))
        self.assertEqual((len(hop.wait_messages(2)), hop.sessions), (2, 2))

    def test_jobs_at_the_same_time_have_connections_of_their_own(self):
        hold = Hold()
        hop = self.hop(answers={"END": hold})
        requests = [self.queue.give("a.example.com", self.route()) for _ in range(20)]
        eventually(lambda: hop.sessions == 20, "20 connections")
        hold.release()
        for request in requests:
            self.assert_done(self.queue.wait(request))

    def test_a_destination_that_refuses_more_connections_is_full_and_one_that_refuses_all_is_down(self):
        hold = Hold()
        hop = self.hop(answers={"END": hold})
        waiting = self.queue.give("a.example.com", self.route())
        self.wait_under_way(hop)
        hop.answers["CONNECT"] = "421 4.7.0 too many connections"
        reply = self.queue.relay("a.example.com", self.route())
        self.assertEqual((reply.destination, reply.kind), (FULL, TEMPORARY), reply)
        hold.release()
        self.assert_done(self.queue.wait(waiting))
        eventually(lambda: "QUIT" in hop.commands, "no connection is left")
        reply = self.queue.relay("a.example.com", self.route())
        self.assertEqual((reply.destination, reply.kind), (DOWN, TEMPORARY), reply)

    def test_a_silent_address_costs_the_time_that_it_may_take(self):
        self.hop(answers={"CONNECT": Then("220-", SILENCE)})
        begin = time.monotonic()
        reply = self.queue.relay("a.example.com", self.route())
        self.assertEqual((reply.kind, reply.destination), (TEMPORARY, DOWN), reply)
        self.assertLess(time.monotonic() - begin, 5 + 5 * SLOWNESS)

    def test_a_body_in_a_file_arrives_as_it_is(self):
        hop = self.hop()
        body = b"Subject: large\r\n\r\n" + b".dots and text\r\n" * 200000
        self.assert_done(self.queue.relay("a.example.com", self.route(), body=body, in_file=True))
        self.assertEqual([message.content for message in hop.wait_messages()], [body])

    def test_a_body_in_a_file_that_is_damaged_is_not_sent_to_its_end(self):
        hop = self.hop()
        body = b"Subject: large\r\n\r\n" + b"some text\r\n" * 50000
        reply = self.queue.relay("a.example.com", self.route(), body=body, in_file=True, checksum=1)
        self.assertEqual((reply.kind, reply.destination), (DAMAGED, UP), reply)
        self.assert_done(self.queue.relay("a.example.com", self.route()))
        self.assertEqual([message.content for message in hop.wait_messages()], [BODY])

    def test_bodies_that_wait_take_bounded_memory(self):
        hold = Hold()
        hop = self.hop(answers={"END": hold})
        body = b"Subject: large\r\n\r\n" + b"0123456789abcd\r\n" * 64 * 1024
        giver = threading.Thread(target=lambda: [self.queue.give("a.example.com", self.route(), body=body) for _ in range(100)], daemon=True)
        giver.start()
        eventually(lambda: hop.sessions >= 60, "as many jobs as fit are under way")
        self.assertTrue(giver.is_alive())
        self.assertLess(hop.sessions, 70)
        hold.release()
        for request in range(1, 101):
            self.assert_done(self.queue.wait(request))
        giver.join()

    def test_routes_to_nowhere_connect_to_nobody(self):
        reply = self.queue.relay("a.example.com", "reject")
        self.assertEqual((reply.kind, reply.destination), (PERMANENT, UNKNOWN), reply)
        self.assertEqual(self.queue.relay("a.example.com", "discard").kind, DONE)

    def test_an_address_literal_is_connected_to(self):
        self.hop()
        self.assert_done(self.queue.relay("[127.0.0.12]"), "127.0.0.12")

    def test_we_do_not_send_to_ourselves(self):
        self.suite.write_configuration(smtp_listen=f"127.0.0.12:{self.port}")
        self.suite.reload("relayd")
        reply = eventually(lambda: next((reply for reply in [self.queue.relay("[127.0.0.12]")] if reply.kind == PERMANENT), None),
                           "the configuration is read again")
        self.assertEqual(reply.results[0].status, "5.4.6", reply)

    def test_a_worker_that_dies_comes_back_to_the_queue(self):
        self.suite.expected_crashes = True
        hold = Hold()
        hop = self.hop(answers={"END": hold})
        self.queue.give("a.example.com", self.route())
        self.wait_under_way(hop)
        self.suite.kill_role("relayd", "worker")
        hold.release()
        self.queue.accept()
        self.assert_done(self.queue.relay("a.example.com", self.route()))

    def test_a_queue_that_goes_away_takes_its_jobs_with_it(self):
        hold = Hold()
        hop = self.hop(answers={"END": hold})
        self.queue.give("a.example.com", self.route())
        self.wait_under_way(hop)
        self.queue.accept()
        eventually(lambda: re.search(r"event=jobs\.queue_gone .*forgotten=1", self.suite.log("relayd")), "the job is forgotten")
        hold.release()
        self.assert_done(self.queue.relay("a.example.com", self.route()))

    def test_a_stop_waits_for_what_is_being_sent(self):
        hold = Hold()
        hop = self.hop(answers={"END": hold})
        request = self.queue.give("a.example.com", self.route())
        self.wait_under_way(hop)
        threading.Timer(4, hold.release).start()
        self.suite.stop_service("relayd")
        self.assert_done(self.queue.wait(request))

    def test_one_line_of_the_log_tells_how_a_job_went(self):
        self.hop()
        self.assert_done(self.queue.relay("a.example.com", self.route()))
        line = eventually(lambda: re.search(r"event=relay\.done .*", self.suite.log("relayd")), "the line is written").group(0)
        for field in ("queue_id=0000000000001", "to=user@a.example.com", "count=1", "domain=a.example.com", "tls=none", "status=2.0.0",
                      f'remote="127.0.0.12 [127.0.0.12]:{self.port}"', "delay="):
            self.assertIn(field, line)

    def test_a_job_that_is_none_closes_the_channel_only(self):
        self.suite.expected_crashes = True
        pids = self.suite.roles("relayd", "worker")
        self.queue.channel.sendall(relay_queue.HEADER.pack(4, relay_queue.JOB, 0, 7) + b"\xff\xff\xff\xff")
        self.queue.accept()
        self.hop()
        self.assert_done(self.queue.relay("a.example.com", self.route()))
        self.assertEqual(self.suite.roles("relayd", "worker"), pids)


class Tls(RelayTest):
    directives = {"relay_idle_timeout": "1s"}

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="angarium-relay-")
        self.addCleanup(directory.cleanup)
        pathlib.Path(directory.name).chmod(0o755)
        self.certificate = make_pair(pathlib.Path(directory.name), "hop", "hop.example.com")
        self.directives = {**self.directives, "relay_ca_file": self.certificate[0]}
        super().setUp()

    def tls_of_last_job(self):
        return re.findall(r"event=relay\.\w+ .* tls=(\S+)", self.suite.log("relayd"))[-1]

    def relay(self, tls="standard"):
        reply = self.queue.relay("a.example.com", f"smtp://127.0.0.12:{self.port}", tls)
        eventually(lambda: self.suite.log("relayd").count("event=relay.d") >= self.queue.last, "the job is in the log")
        return reply

    def test_tls_is_taken_where_it_is_offered(self):
        self.hop(certificate=self.certificate)
        self.assert_done(self.relay())
        self.assertEqual(self.tls_of_last_job(), "TLSv1.3")

    def test_a_handshake_that_fails_is_tried_again_in_clear_and_not_for_each_message(self):
        hop = self.hop(extensions=(*EXTENSIONS, "STARTTLS"), answers={"STARTTLS": Then("220 go on", DROP)})
        self.assert_done(self.relay())
        self.assertEqual(self.tls_of_last_job(), "none")
        self.assertEqual((hop.sessions, hop.commands.count("STARTTLS")), (2, 1))
        drop_all(hop)
        self.assert_done(self.relay())
        self.assertEqual((hop.sessions, hop.commands.count("STARTTLS")), (3, 1))

    def test_mandatory_tls_is_never_left_out(self):
        hop = self.hop()
        for tls in ("required", "verified"):
            reply = self.relay(tls)
            self.assertEqual((reply.kind, reply.destination), (TEMPORARY, DOWN), reply)
            self.assertIn("TLS", reply.results[0].text)
        self.assertEqual(hop.messages, [])


class Verified(RelayTest):
    """Hosts that have to show who they are: by TLSA records (RFC 7672), or by an authority."""

    dns_records = """
        example.com.        MX  10 mx.example.com.
        mx.example.com.     A   127.0.0.12
    """

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="angarium-relay-")
        self.addCleanup(directory.cleanup)
        self.certificates = pathlib.Path(directory.name)
        self.certificates.chmod(0o755)
        self.certificate = make_pair(self.certificates, "hop", "mx.example.com")
        self.directives = {"relay_ca_file": self.certificate[0], "relay_tls": "dane"}
        super().setUp()

    def publish(self, certificate, forged=False):
        """A record for CERTIFICATE's key: "3 1 1"."""
        key = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"], check=True, capture_output=True).stdout
        der = ssl.PEM_cert_to_DER_cert(key.decode().replace("PUBLIC KEY", "CERTIFICATE"))
        self.dns.add(f"_{self.port}._tcp.mx.example.com. TLSA 3 1 1 {hashlib.sha256(der).hexdigest()}")
        if forged:
            self.dns.forge(f"_{self.port}._tcp.mx.example.com.", "TLSA")

    def hop_with_tls(self):
        return self.hop(certificate=self.certificate)

    def assert_refused(self, reply, hop):
        self.assertEqual((reply.kind, reply.destination, hop.messages), (TEMPORARY, DOWN, []), reply)

    def logged_tls(self):
        return eventually(lambda: re.findall(r"event=relay\.\w+ .* tls=(\S+)", self.suite.log("relayd")), "the job is in the log")[-1]

    def test_a_host_that_its_tlsa_records_name_gets_the_mail(self):
        self.publish(self.certificate[0])
        hop = self.hop_with_tls()
        self.assert_done(self.queue.relay("example.com"))
        self.assertEqual(self.logged_tls(), "TLSv1.3/dane")
        self.assertEqual(len(hop.wait_messages()), 1)

    def test_another_host_in_its_place_gets_none(self):
        self.publish(make_pair(self.certificates, "other", "mx.example.com")[0])
        self.assert_refused(self.queue.relay("example.com"), self.hop_with_tls())

    def test_a_host_that_hides_its_tls_gets_none(self):
        self.publish(self.certificate[0])
        self.assert_refused(self.queue.relay("example.com"), self.hop())

    def test_a_host_whose_records_are_forged_is_not_even_connected_to(self):
        self.publish(self.certificate[0], forged=True)
        hop = self.hop_with_tls()
        reply = self.queue.relay("example.com")
        self.assert_refused(reply, hop)
        self.assertEqual((reply.results[0].status, hop.sessions), ("4.7.5", 0), reply)

    def test_a_route_can_ask_for_an_authority(self):
        self.hop_with_tls()
        self.assert_done(self.queue.relay("a.example.com", f"smtp://mx.example.com:{self.port}", "verified"))
        self.assertEqual(self.logged_tls(), "TLSv1.3/verified")

    def test_a_certificate_of_nobody_known_is_refused_where_an_authority_is_asked_for(self):
        self.certificate = make_pair(self.certificates, "stranger", "mx.example.com")
        self.assert_refused(self.queue.relay("a.example.com", f"smtp://mx.example.com:{self.port}", "verified"), self.hop_with_tls())

    def test_authorities_are_read_again_on_reload(self):
        self.certificate = make_pair(self.certificates, "stranger", "mx.example.com")
        self.suite.write_configuration(relay_ca_file=self.certificate[0])
        self.suite.reload("relayd")
        self.hop_with_tls()
        eventually(lambda: self.queue.relay("a.example.com", f"smtp://mx.example.com:{self.port}", "verified").kind == DONE,
                   "the authorities are read again")


class Lmtp(RelayTest):
    def setUp(self):
        self.sockets = tempfile.TemporaryDirectory(prefix="angarium-relay-")
        self.addCleanup(self.sockets.cleanup)
        directory = pathlib.Path(self.sockets.name)
        directory.chmod(0o755)
        self.path = directory / "lmtp"
        self.directives = {"relay_sockets": self.path}
        super().setUp()

    def listen(self):
        return self.hop(path=self.path, lmtp=True)

    def test_a_socket_that_the_configuration_names_takes_mail(self):
        hop = self.listen()
        for _ in range(2):
            reply = self.queue.relay("a.example.com", f"lmtp:{self.path}", recipients=["a@a.example.com", "b@a.example.com"])
            self.assert_done(reply)
            self.assertEqual(reply.remote, f"lmtp:{self.path}")
        self.assertEqual((len(hop.wait_messages(2)), hop.sessions), (2, 1))

    def test_another_socket_is_out_of_reach(self):
        other = self.path.with_name("other")
        hop = self.hop(path=other, lmtp=True)
        reply = self.queue.relay("a.example.com", f"lmtp:{other}")
        self.assertEqual((reply.kind, hop.sessions), (TEMPORARY, 0), reply)
        self.assertIn("relay_sockets", reply.results[0].text)

    def test_the_sockets_permissions_are_those_of_the_worker(self):
        if not is_root():
            self.skipTest("only root has accounts for its roles")
        hop = self.listen()
        self.path.chmod(0o600)
        reply = self.queue.relay("a.example.com", f"lmtp:{self.path}")
        self.assertEqual((reply.kind, reply.destination, hop.sessions), (TEMPORARY, DOWN, 0), reply)

    def test_a_socket_that_is_not_there_is_waited_for(self):
        reply = self.queue.relay("a.example.com", f"lmtp:{self.path}")
        self.assertEqual((reply.kind, reply.destination), (TEMPORARY, DOWN), reply)
        self.listen()
        self.assert_done(self.queue.relay("a.example.com", f"lmtp:{self.path}"))


class WholeSuite(unittest.TestCase):
    """From a user's submission to another host, by way of the real queue."""

    def setUp(self):
        self.port = free_ports(1)[0]
        self.dns = Dns("""
            example.com.        MX  10 mx1.example.com.
            example.com.        MX  20 mx2.example.com.
            mx1.example.com.    A   127.0.0.12
            mx2.example.com.    A   127.0.0.13
            null.example.com.   MX  0 .
        """)
        self.addCleanup(self.dns.stop)
        self.suite = Suite(services=ALL_SERVICES, relay_port=self.port, relay_workers=1, relay_networks="127.0.0.0/8", relay_ca_file="off",
                           retry="1s for 4h, then 1h", **self.dns.directives())
        self.addCleanup(self.suite.stop)
        self.suite.start()

    def hop(self, address="127.0.0.12", **options):
        hop = Remote(address=address, port=self.port, **{"extensions": EXTENSIONS, **options})
        self.addCleanup(hop.stop)
        return hop

    def wait_under_way(self, hop):
        eventually(lambda: "DATA" in hop.commands, "a transaction is under way")

    def send(self, *recipients, count=1):
        with self.suite.smtp() as client:
            client.hello()
            for _ in range(count):
                reply = client.message(f"alice@{DOMAIN}", recipients)
        return re.search(r"\b([0-9A-HJKMNP-TV-Z]{13})\b", reply.text).group(1)

    def test_mail_travels_from_submission_to_the_next_host_and_one_id_tells_its_story(self):
        hop = self.hop()
        queue_id = self.send("bob@example.com", "carol@example.com")
        eventually(lambda: hop.messages, "the message has left")
        self.assertIn(b"Subject: test", hop.messages[0].content)
        self.assertEqual(set(hop.messages[0].recipients), {"bob@example.com", "carol@example.com"})
        for service in ("smtpd", "queued", "relayd"):
            eventually(lambda name=service: queue_id in self.suite.log(name), f"{queue_id} in the log of {service}")

    def test_mail_waits_for_a_host_that_is_down_and_goes_when_it_is_back(self):
        self.send("bob@example.com")
        eventually(lambda: "event=relay.deferred" in self.suite.log("relayd"), "it is tried")
        hop = self.hop("127.0.0.13")
        eventually(lambda: hop.messages, "the message has left", 30)

    def test_mail_waits_for_relayd_and_goes_when_it_is_back(self):
        hop = self.hop()
        self.suite.stop_service("relayd")
        self.send("bob@example.com")
        self.suite.start_service("relayd")
        eventually(lambda: hop.messages, "the message has left")

    def test_many_messages_share_a_few_connections(self):
        hop = self.hop()
        self.send("bob@example.com", count=300)
        eventually(lambda: len(hop.messages) == 300, "all messages have left", 60)
        self.assertLessEqual(hop.sessions, 20)

    def test_mail_that_cannot_go_comes_back(self):
        self.suite.add_user(f"alice@{DOMAIN}")
        self.send("bob@null.example.com")
        bounce = self.suite.wait_messages(f"alice@{DOMAIN}")[0]
        self.assertIn(b"5.1.10", bounce)
