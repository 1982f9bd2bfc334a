"""Limits of clients: who takes too much is refused for the moment, and others notice nothing."""

import os
import resource
import select
import socket
import threading
import time

from harness import DOMAIN, SLOWNESS, LineClient, OwnSuiteTest, Pop3Client, SmtpClient, eventually

USER = "a@" + DOMAIN
NOBODY_EXEMPT = {"rate_exempt_networks": "off", "relay_networks": "off"}  # so that the tests, on loopback, are not


class Rates(OwnSuiteTest):
    def suite_with(self, **directives):
        return self.start_suite(users=[USER], smtp_workers=1, **{**NOBODY_EXEMPT, **directives})

    def test_new_sessions_over_the_rate_of_an_address_get_421_and_one_log_line(self):
        suite = self.suite_with(smtp_session_rate_per_address="3 per 1h")
        greetings = []
        for _ in range(6):
            with suite.smtp() as client:
                greetings.append(client.greeting)
        self.assertEqual([greeting.code for greeting in greetings], [220] * 3 + [421] * 3)
        self.assertEqual(greetings[-1].status, "4.7.0")
        eventually(lambda: "event=smtp.turn_away" in suite.log("smtpd"), "a line in the log")
        self.assertEqual(suite.log("smtpd").count("event=smtp.turn_away"), 1)
        self.assertIn("limit=smtp_session_rate_per_address", suite.log("smtpd"))

    def test_a_session_rate_in_total_holds_for_exempt_clients_too(self):
        suite = self.start_suite(smtp_workers=1, smtp_session_rate="3 per 1h", smtp_session_rate_per_address="1 per 1h")
        codes = []
        for _ in range(4):
            with suite.smtp() as client:
                codes.append(client.greeting.code)
        self.assertEqual(codes, [220] * 3 + [421])

    def test_messages_over_the_rate_get_450_until_a_reload_lifts_it(self):
        suite = self.suite_with(smtp_message_rate_per_address="2 per 1h")
        with suite.smtp() as client:
            client.hello()
            for _ in range(2):
                client.message("b@example.net", [USER])
            self.assertEqual(client.expect(450, "MAIL FROM:<b@example.net>").status, "4.7.1")
            suite.write_configuration(smtp_message_rate_per_address="off")
            suite.reload("smtpd")
            suite.wait_accepting(USER)
            client.message("b@example.net", [USER])

    def test_recipients_over_the_rate_get_450_and_the_others_the_message(self):
        suite = self.suite_with(smtp_recipient_rate_per_address="2 per 1h")
        with suite.smtp() as client:
            client.hello()
            client.envelope("b@example.net", [USER, "a+x@" + DOMAIN])
            self.assertEqual(client.expect(450, f"RCPT TO:<a+y@{DOMAIN}>").status, "4.7.1")
            self.assertEqual(client.data(b"Subject: x\r\n\r\n").code, 250)
        suite.wait_messages(USER)

    def test_a_client_that_guesses_recipients_is_sent_away_and_stays_away(self):
        suite = self.suite_with(smtp_error_rate_per_address="5 per 1h")
        with suite.smtp() as client:
            client.hello()
            client.expect(250, "MAIL FROM:<b@example.net>")
            for number in range(5):
                client.expect(550, f"RCPT TO:<guess{number}@{DOMAIN}>")
            client.expect(550, f"RCPT TO:<guess@{DOMAIN}>")
            self.assertEqual(client.reply().code, 421)
            self.assertTrue(client.closed())
        with suite.smtp() as client:
            self.assertEqual(client.greeting.code, 421)

    def test_pop3_sessions_over_the_limits_are_refused_as_temporary(self):
        suite = self.suite_with(pop3_sessions_per_address=2, pop3_session_rate_per_address="4 per 1h")
        with suite.pop3(), suite.pop3():
            with suite.pop3() as third:
                self.assertTrue(third.greeting.startswith("-ERR [SYS/TEMP]"), third.greeting)
                self.assertTrue(third.closed())
        refused = 0
        for _ in range(10):
            with Pop3Client(suite.pop3_port) as client:
                refused += client.greeting.startswith("-ERR [SYS/TEMP]")
        self.assertGreaterEqual(refused, 8)


class Deadlines(OwnSuiteTest):
    """Time is given for a whole command, and for a good piece of a message: single bytes earn none."""

    def drip(self, client, byte=b"x", seconds=30):
        """Sends a byte now and then until the server speaks or closes, and returns what it said."""
        deadline = time.monotonic() + seconds * SLOWNESS
        while time.monotonic() < deadline:
            if select.select([client.socket], [], [], 0.1)[0]:
                try:
                    return client.socket.recv(1000)
                except ConnectionResetError:
                    return b""
            try:
                client.send(byte)
            except (BrokenPipeError, ConnectionResetError):
                return b""
        return self.fail("the client that drips was served for ever")

    def test_smtp_commands_and_messages_that_drip_are_cut_off(self):
        suite = self.start_suite(users=[USER], smtp_command_timeout="2s", smtp_data_timeout="2s")
        envelope = (b"MAIL FROM:<b@example.net>", b"RCPT TO:<" + USER.encode() + b">")
        for words in ((), (*envelope, b"DATA"), (*envelope, b"BDAT 1000000")):
            with suite.smtp() as client:
                client.hello()
                client.send(b"".join(word + b"\r\n" for word in words))
                for word in words:
                    if not word.startswith(b"BDAT"):
                        client.reply()
                self.assertTrue(self.drip(client).startswith(b"421 4.4.2"), words)
        with suite.smtp() as client:  # a line that is too long earns nothing either
            client.hello()
            client.send(b"x" * 10000)
            self.assertEqual(client.reply().code, 500)
            self.assertTrue(self.drip(client).startswith(b"421 4.4.2"))

    def test_an_smtp_client_that_reads_no_replies_is_cut_off(self):
        suite = self.start_suite(smtp_command_timeout="1s")
        with suite.smtp() as client:
            client.hello()
            client.socket.settimeout(1)
            try:
                while True:
                    client.send(b"HELP\r\n" * 1000)
            except (TimeoutError, ConnectionError):
                pass
            eventually(lambda: "end=timeout" in suite.log("smtpd"), "the session ends")

    def test_a_pop3_client_that_drips_is_cut_off_before_and_after_its_login(self):
        suite = self.start_suite(users=[USER], pop3_login_timeout="2s", pop3_timeout="2s")
        with suite.pop3() as client:
            self.assertTrue(self.drip(client).startswith(b"-ERR"))
        with suite.pop3(USER) as client:
            self.assertEqual(self.drip(client), b"")
        eventually(lambda: "result=timeout" in suite.log("pop3d"), "the session ends by its deadline")

    def test_a_pop3_client_that_does_not_read_its_message_is_cut_off(self):
        suite = self.start_suite(users=[USER], pop3_timeout="1s")
        suite.deliver(USER, b"Subject: large\r\n\r\n" + (b"x" * 76 + b"\r\n") * 200000)
        with socket.socket() as plain:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            plain.settimeout(30 * SLOWNESS)
            plain.connect(("127.0.0.1", suite.pop3_port))
            for word in (b"", f"USER {USER}\r\n".encode(), b"PASS correct horse\r\n"):
                plain.sendall(word)
                self.assertTrue(plain.recv(1000).startswith(b"+OK"))
            plain.sendall(b"RETR 1\r\n")
            eventually(lambda: "result=timeout" in suite.log("pop3d"), "the session ends")
        with suite.pop3(USER) as client:  # and the maildrop is free again
            client.ok("STAT")


def proxy_header(address, command=1):
    """A header of the PROXY protocol, version 2, for a TCP connection from ADDRESS, with an addition of a type that nobody knows."""
    family, zone, there = (0x21, socket.AF_INET6, "2001:db8::ffff") if ":" in address else (0x11, socket.AF_INET, "203.0.113.9")
    addresses = socket.inet_pton(zone, address) + socket.inet_pton(zone, there) + b"\x04\xd2\x00\x19" + b"\xee\0\3abc"
    return b"\r\n\r\n\0\r\nQUIT\n" + bytes((0x20 | command, family)) + len(addresses).to_bytes(2, "big") + addresses


class ProxiedSmtpClient(SmtpClient):
    def __init__(self, port, header):
        self.header = header
        super().__init__(port)

    def reply(self):
        if self.header:
            self.send(self.header)
            self.header = b""
        return super().reply()


class Proxy(OwnSuiteTest):
    def test_the_clients_address_of_a_proxy_header_stands_in_received_and_decides_limits_and_relaying(self):
        suite = self.start_suite(users=[USER], smtp_workers=1, proxy_networks="127.0.0.0/8", relay_networks="192.0.2.0/24",
                                 smtp_sessions_per_address=1)
        with ProxiedSmtpClient(suite.smtp_port, proxy_header("192.0.2.7")) as client:
            client.hello()
            client.expect(250, "MAIL FROM:<b@example.net>")
            client.expect(250, "RCPT TO:<x@elsewhere.example>")  # it may relay
            client.expect(250, "RSET")
            client.expect(250, "MAIL FROM:<b@example.net>")
            client.expect(250, f"RCPT TO:<{USER}>")
            self.assertEqual(client.data(b"Subject: x\r\n\r\n").code, 250)
            with ProxiedSmtpClient(suite.smtp_port, proxy_header("192.0.2.7")) as second:
                self.assertEqual(second.greeting.code, 421)
            with ProxiedSmtpClient(suite.smtp_port, proxy_header("2001:db8::7")) as other:
                other.hello()
                other.expect(250, "MAIL FROM:<b@example.net>")
                self.assertEqual(other.expect(550, "RCPT TO:<x@elsewhere.example>").status, "5.7.1")
        self.assertIn(b"([192.0.2.7])", suite.wait_messages(USER)[0])
        eventually(lambda: "client=2001:db8::7" in suite.log("smtpd"), "the log names the client")

    def test_a_local_proxy_header_keeps_the_connections_own_address(self):
        suite = self.start_suite(proxy_networks="127.0.0.0/8")
        with ProxiedSmtpClient(suite.smtp_port, proxy_header("192.0.2.7", command=0)) as client:
            client.hello()
        eventually(lambda: "client=127.0.0.1" in suite.log("smtpd"), "the log names the balancer")

    def test_a_pop3_client_behind_a_balancer_is_logged_with_its_own_address(self):
        suite = self.start_suite(users=[USER], proxy_networks="127.0.0.0/8", auth_without_tls="yes")
        with LineClient(suite.pop3_port) as client:
            client.send(proxy_header("192.0.2.7") + f"USER {USER}\r\nPASS correct horse\r\nQUIT\r\n".encode())
            self.assertEqual([client.line()[:3] for _ in range(4)], [b"+OK"] * 4)
        eventually(lambda: "client=192.0.2.7" in suite.log("pop3d"), "the log names the client")

    def test_a_pop3_client_behind_a_balancer_on_loopback_may_not_send_its_password_without_tls(self):
        suite = self.start_suite(users=[USER], proxy_networks="127.0.0.0/8")
        with LineClient(suite.pop3_port) as client:
            client.send(proxy_header("192.0.2.7") + f"USER {USER}\r\n".encode())
            self.assertEqual([client.line()[:4] for _ in range(2)], [b"+OK ", b"-ERR"])

    def test_a_balancer_without_a_proxy_header_is_refused_at_once_or_after_a_deadline(self):
        suite = self.start_suite(proxy_networks="127.0.0.0/8", proxy_timeout="1s")
        for words in (b"EHLO x\r\n", b"PROXY TCP4 192.0.2.7 203.0.113.9 1234 25\r\n", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff", b"\r\n", b""):
            for port in (suite.smtp_port, suite.pop3_port):
                with LineClient(port) as client:
                    client.send(words)
                    self.assertTrue(client.closed(), words)

    def test_a_proxy_header_from_anybody_else_is_garbage(self):
        suite = self.start_suite(users=[USER], proxy_networks="192.0.2.0/24")
        with suite.smtp() as client:
            client.send(proxy_header("192.0.2.7"))
            self.assertEqual(client.reply().code // 100, 5)
        eventually(lambda: "event=smtp.disconnect" in suite.log("smtpd"), "the session ends")
        self.assertNotIn("192.0.2.7", suite.log("smtpd"))


class Memory(OwnSuiteTest):
    def test_messages_beyond_the_memory_get_452_and_the_others_are_taken(self):
        suite = self.start_suite(users=[USER], smtp_workers=1, smtp_memory="16M", inline_limit="1M")
        body = b"Subject: x\r\n\r\n" + (b"x" * 76 + b"\r\n") * 12000
        sending = []
        codes = set()
        for _ in range(40):
            client = suite.smtp()
            self.addCleanup(client.close)
            client.hello()
            for command in ("MAIL FROM:<b@example.net>", f"RCPT TO:<{USER}>", "DATA"):
                code = client.command(command).code
                codes.add(code)
                if code == 452:
                    break
            else:
                client.send(body)  # and not its end: it stays in memory
                sending.append(client)
        self.assertEqual(codes, {250, 354, 452})
        for client in sending:
            client.send(b".\r\n")
        ends = [client.reply().code for client in sending]
        self.assertLessEqual(set(ends), {250, 452})
        self.assertGreaterEqual(ends.count(250), 8)
        suite.wait_messages(USER, ends.count(250))
        suite.wait_accepting(USER)
        self.assertIn("limit=smtp_memory", suite.log("smtpd"))


class Load(OwnSuiteTest):
    """Thousands of clients that do nothing, or very little, are no burden to the others."""

    IDLE_MOST = 10000  # and as many that drip
    DESCRIPTORS = 65536

    def raise_limit(self):
        """As many descriptors as there may be, for this process and for the suite; as root more than that. Returns how many."""
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, before)
        if os.getuid() == 0 and before[1] < self.DESCRIPTORS:
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (self.DESCRIPTORS, self.DESCRIPTORS))
            except (ValueError, OSError):
                pass
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        return most

    def crowd(self, port, count):
        clients = []
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", port), timeout=30 * SLOWNESS)
            self.addCleanup(client.close)
            clients.append(client)
        for client in clients:
            self.assertIn(client.recv(1000)[:3], (b"220", b"+OK"))
        return clients

    @staticmethod
    def drip(clients, stop):
        while not stop.is_set():
            for client in clients:
                if stop.wait(0.0001):
                    return
                client.send(b"N")

    def others_are_served(self, suite):
        began = time.monotonic()
        for number in range(20):
            with suite.smtp() as client:
                client.hello()
                client.message("b@example.net", [USER])
            with suite.pop3(USER) as client:
                client.ok("STAT")
                client.quit()
        suite.wait_messages(USER, number + 1)
        return time.monotonic() - began

    def test_thousands_of_idle_clients_and_of_those_that_drip_leave_others_served(self):
        # A worker counts two descriptors for each client, and may get all of them: this process needs one.
        each = min(self.IDLE_MOST, (self.raise_limit() - 1000) // 6)
        suite = self.start_suite(users=[USER], smtp_sessions=3 * each, smtp_sessions_per_address=0, pop3_sessions=2 * each,
                                 pop3_sessions_per_address=0, pop3_login_timeout="1h")
        self.crowd(suite.smtp_port, each)
        self.crowd(suite.pop3_port, each // 2)
        dripping = self.crowd(suite.smtp_port, each)
        stop = threading.Event()
        thread = threading.Thread(target=self.drip, args=(dripping, stop))
        thread.start()
        try:
            self.assertLess(self.others_are_served(suite), 15 * SLOWNESS)
        finally:
            stop.set()
            thread.join()
        self.assertNotIn("process.descriptors", suite.log("smtpd"))
