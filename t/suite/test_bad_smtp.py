"""What SMTP clients do wrong: each is answered clearly, nothing is lost or let through, and others notice nothing."""

import os
import pathlib
import socket

from harness import DOMAIN, SLOWNESS, OwnSuiteTest, SuiteTest, eventually

TEXT = b"Subject: test\r\n\r\ntext\r\n"


class BadInput(SuiteTest):
    directives = {"smtp_errors": 1000, "message_size_limit": "1M"}

    def setUp(self):
        self.user = self.new_user()
        self.client = self.suite.smtp()
        self.addCleanup(self.client.close)
        self.client.hello()

    def assert_alive(self):
        """Another client is served as ever."""
        with self.suite.smtp() as other:
            other.hello()
            other.message("sender@example.net", [self.user])

    def assert_empty(self, user):
        """Nothing reached USER, although a later message to another has arrived."""
        marker = self.new_user()
        with self.suite.smtp() as other:
            other.hello()
            other.message("sender@example.net", [marker])
        self.suite.wait_messages(marker)
        self.assertEqual(self.suite.messages(user), [])

    # ---- commands ----

    def test_a_command_line_over_512_bytes_is_refused_with_500_and_the_session_goes_on(self):
        """RFC 5321 4.5.3.1.4."""
        reply = self.client.expect(500, "NOOP " + "x" * 5000)
        self.assertEqual(reply.status[0], "5")
        self.client.expect(250, "NOOP")

    def test_a_command_line_of_512_bytes_is_taken(self):
        self.client.expect(250, "NOOP " + "x" * 505)

    def test_a_command_line_without_end_is_cut_off(self):
        try:
            for _ in range(200):
                self.client.send(b"x" * 65536)
        except (ConnectionResetError, BrokenPipeError):
            return
        self.client.send(b"\r\n")
        self.assertIn(self.client.reply().code, (421, 500))
        self.assert_alive()

    def test_a_command_with_a_nul_byte_is_refused(self):
        self.assertIn(self.client.command(b"NOOP \0").code, (500, 501))
        self.assertIn(self.client.command(b"MAIL FROM:<a\0b@example.net>").code, (500, 501, 553))
        self.assertIn(self.client.command(b"\0").code, (500, 501))
        self.client.expect(250, "NOOP")

    def test_a_command_with_bytes_above_127_is_refused(self):
        self.assertEqual(self.client.command(b"\xff\xfe").code // 100, 5)
        self.assertEqual(self.client.command(b"MAIL FROM:<\xe9@example.net>").code // 100, 5)
        self.assertEqual(self.client.command(b"MAIL FROM:<\xe9@example.net> SMTPUTF8").code // 100, 5)
        self.client.expect(250, "NOOP")

    def test_an_unknown_command_is_refused_with_500(self):
        self.client.expect(500, "FROBNICATE")
        self.client.expect(500, "")

    def test_commands_out_of_order_are_refused_with_503(self):
        self.client.expect(503, f"RCPT TO:<{self.user}>")
        self.client.expect(503, "DATA")
        self.client.expect(250, "MAIL FROM:<a@example.net>")
        self.client.expect(503, "MAIL FROM:<a@example.net>")
        self.assertIn(self.client.command("DATA").code, (503, 554))

    def test_mail_before_ehlo_is_refused(self):
        with self.suite.smtp() as client:
            client.expect(503, "MAIL FROM:<a@example.net>")

    def test_malformed_paths_are_refused(self):
        for path in ("a@example.net", "<a@example.net", "a@example.net>", "<a@@example.net>", "<a@>", "<@example.net>", "<a b@example.net>",
                     "<a@exa mple.net>", "<a@-example.net>", "<a@example..net>", "<a..b@example.net>", "<.a@example.net>", "<a@[300.1.1.1]>",
                     '<"a@example.net>', "<a@example.net>>", "<<a@example.net>", "<a@example.net>x"):
            with self.subTest(path=path):
                reply = self.client.command("MAIL FROM:" + path)
                self.assertIn(reply.code, (501, 553, 555))

    def test_a_local_part_over_64_bytes_or_a_domain_over_255_is_refused(self):
        self.client.expect(250, "MAIL FROM:<a@example.net>")
        self.assertEqual(self.client.command(f"RCPT TO:<{'x' * 65}@{DOMAIN}>").code // 100, 5)
        self.assertEqual(self.client.command("RCPT TO:<x@" + "a." * 130 + "example>").code // 100, 5)

    def test_an_unknown_mailbox_is_refused_with_550(self):
        self.client.expect(250, "MAIL FROM:<a@example.net>")
        reply = self.client.expect(550, f"RCPT TO:<nobody@{DOMAIN}>")
        self.assertEqual(reply.status, "5.1.1")
        self.client.expect(250, f"RCPT TO:<{self.user}>")

    def test_arguments_where_none_belong_are_refused(self):
        self.client.expect(501, "RSET now")
        self.client.expect(501, "QUIT now")
        self.client.envelope("a@example.net", [self.user])
        self.client.expect(501, "DATA now")

    def test_ten_thousand_recipients_are_refused_beyond_the_limit_and_the_first_thousand_get_the_message(self):
        """RFC 5321 4.5.3.1.10: 452."""
        local = self.user.partition("@")[0]
        self.client.expect(250, "MAIL FROM:<a@example.net>")
        codes = []
        for start in range(0, 10000, 100):
            self.client.send(b"".join(f"RCPT TO:<{local}+{number}@{DOMAIN}>\r\n".encode() for number in range(start, start + 100)))
            codes += [self.client.reply().code for _ in range(100)]
        self.assertEqual(set(codes[:1000]), {250})
        self.assertEqual(set(codes[1000:]), {452})
        self.assertEqual(self.client.data(TEXT).code, 250)
        self.suite.wait_messages(self.user)

    # ---- the message ----

    def test_a_text_line_over_1000_bytes_does_no_harm(self):
        """RFC 5321 4.5.3.1.6: what is longer may be refused or taken, but never cut."""
        self.client.envelope("a@example.net", [self.user])
        reply = self.client.data(b"Subject: long\r\n\r\n" + b"x" * 100000 + b"\r\n")
        self.assertIn(reply.code, (250, 500, 554))
        if reply.code == 250:
            message, = self.suite.wait_messages(self.user)
            self.assertIn(b"\n" + b"x" * 100000 + b"\n", message)
        self.assert_alive()

    def test_a_message_over_the_limit_is_refused_with_552_and_leaves_nothing(self):
        self.client.envelope("a@example.net", [self.user])
        reply = self.client.data(b"Subject: big\r\n\r\n" + (b"x" * 78 + b"\r\n") * 20000)
        self.assertEqual((reply.code, reply.status), (552, "5.3.4"))
        self.client.message("a@example.net", [self.user])
        self.assertEqual(len(self.suite.wait_messages(self.user)), 1)
        bodies = [path for path in (self.suite.directory / "spool").rglob("*") if path.is_file() and path.stat().st_size == 0]
        self.assertLessEqual(len(bodies), 8, bodies)

    def test_a_chunk_over_the_limit_is_refused_and_swallowed(self):
        self.client.envelope("a@example.net", [self.user])
        self.client.send(b"BDAT 2000000 LAST\r\n")
        try:
            self.client.send(b"x" * 2000000)
            self.assertEqual(self.client.reply().code, 552)
            self.client.expect(250, "RSET")
        except (ConnectionError, BrokenPipeError):
            pass  # closing is another way to stop a client that says that it will send too much
        self.assert_alive()
        self.assertEqual(len(self.suite.wait_messages(self.user)), 1)

    def test_a_chunk_of_an_impossible_size_is_refused(self):
        self.client.envelope("a@example.net", [self.user])
        reply = self.client.command("BDAT 99999999999999999999999 LAST")
        self.assertEqual(reply.code // 100, 5)
        self.assert_alive()

    def test_a_nul_byte_in_the_text_does_no_harm(self):
        self.client.envelope("a@example.net", [self.user])
        reply = self.client.data(b"Subject: nul\r\n\r\nbefore\0after\r\n")
        self.assertIn(reply.code, (250, 550, 554))
        if reply.code == 250:
            message, = self.suite.wait_messages(self.user)
            self.assertTrue(message.endswith(b"before\0after\n"))
        self.assert_alive()

    def test_bytes_above_127_without_8bitmime_do_no_harm(self):
        self.client.envelope("a@example.net", [self.user])
        reply = self.client.data(b"Subject: eight\r\n\r\n\xe9\xff\r\n")
        self.assertIn(reply.code, (250, 550, 554))
        if reply.code == 250:
            message, = self.suite.wait_messages(self.user)
            self.assertTrue(message.endswith(b"\n\xe9\xff\n"))

    def smuggle(self, separator):
        """Tries to end the data by SEPARATOR and to have a second message taken. Returns what the server said."""
        victim = self.new_user()
        inner = f"MAIL FROM:<forged@example.net>\r\nRCPT TO:<{victim}>\r\nDATA\r\nSubject: smuggled\r\n\r\nevil\r\n".encode()
        with self.suite.smtp() as client:
            client.hello()
            client.envelope("a@example.net", [self.user])
            client.expect(354, "DATA")
            client.send(b"Subject: outer\r\n\r\ntext" + separator + inner + b".\r\n")
            client.socket.shutdown(socket.SHUT_WR)
            codes = []
            try:
                while True:
                    codes.append(client.reply().code)
            except ConnectionError:
                pass
        self.assert_empty(victim)
        self.assertNotIn(354, codes, "a second DATA was taken")
        self.assertNotIn(250, codes, "a message with bare line ends was taken")
        return codes

    def test_no_message_can_be_smuggled_by_bare_line_ends(self):
        """RFC 5321 2.3.8, 4.1.1.4."""
        for separator in (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\n.\r", b"\r.\n", b"\r\n.\r\r\n",
                          b"\r\r\n.\r\n\n", b"\n\n.\r\n\n"):
            with self.subTest(separator=separator):
                self.smuggle(separator)

    def test_a_bare_line_feed_in_the_text_is_refused(self):
        self.client.envelope("a@example.net", [self.user])
        reply = self.client.data(b"Subject: bare\nline feed\r\n\r\ntext\r\n")
        self.assertEqual(reply.code // 100, 5)
        self.client.expect(250, "NOOP")

    def test_a_bare_carriage_return_in_the_text_is_refused(self):
        self.client.envelope("a@example.net", [self.user])
        reply = self.client.data(b"Subject: bare\rcarriage return\r\n\r\ntext\r\n")
        self.assertEqual(reply.code // 100, 5)
        self.client.expect(250, "NOOP")

    def test_a_chunk_with_bare_line_ends_is_refused_unless_it_is_binary(self):
        self.client.envelope("a@example.net", [self.user])
        body = b"Subject: bare\n\ntext\n.\nMAIL FROM:<b@example.net>\n"
        self.client.send(b"BDAT %d LAST\r\n" % len(body) + body)
        self.assertEqual(self.client.reply().code // 100, 5)
        self.client.expect(250, "NOOP")

    def test_a_command_ended_by_a_bare_line_feed_is_refused(self):
        self.client.send(b"NOOP\nNOOP\r\n")
        self.assertEqual(self.client.reply().code // 100, 5)
        self.client.expect(250, "NOOP")

    def test_too_many_received_fields_are_a_loop(self):
        """RFC 5321 6.3: 5.4.6."""
        self.client.envelope("a@example.net", [self.user])
        reply = self.client.data(b"Received: from a by b; now\r\n" * 101 + TEXT)
        self.assertEqual(reply.code, 554)
        self.assertEqual(reply.status, "5.4.6")

    def test_a_client_that_vanishes_in_the_middle_of_the_text_leaves_nothing(self):
        for announced in (TEXT, TEXT + b"x" * 300000):
            with self.suite.smtp() as client:
                client.hello()
                client.envelope("a@example.net", [self.user])
                client.expect(354, "DATA")
                client.send(announced)
                client.vanish()
        self.assert_empty(self.user)
        workers = [pid for pid in self.suite.roles("smtpd", "worker")]
        if os.getuid() == 0 or pathlib.Path(f"/proc/{workers[0]}/fd").stat().st_uid == os.getuid():
            eventually(lambda: self.spool_descriptors(workers) == 0, "the workers close the spool files of vanished clients")

    @staticmethod
    def spool_descriptors(pids):
        count = 0
        for pid in pids:
            try:
                for entry in os.scandir(f"/proc/{pid}/fd"):
                    try:
                        count += "/spool/" in os.readlink(entry.path)
                    except FileNotFoundError:
                        pass
            except PermissionError:
                return 0  # not dumpable, and we are not root
        return count

    def test_a_client_that_vanishes_in_a_pipeline_leaves_nothing(self):
        for size in range(1, 200, 7):
            client = self.suite.smtp()
            everything = f"EHLO x\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<{self.user}>\r\nDATA\r\n".encode() + TEXT
            client.send(everything[:size])
            client.vanish()
        self.assert_empty(self.user)

    def test_a_client_that_never_reads_its_replies_harms_only_itself(self):
        with self.suite.smtp() as deaf:
            deaf.socket.settimeout(2 * SLOWNESS)
            deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            try:
                for _ in range(400):
                    deaf.send(b"HELP\r\n" * 10000)
            except (TimeoutError, ConnectionError):
                pass
            self.assert_alive()

    def test_random_bytes_harm_nobody(self):
        state = 12345
        for _ in range(30):
            data = bytearray()
            for _ in range(2000):
                state = (state * 1103515245 + 12345) & 0x7FFFFFFF
                data.append(state >> 16 & 255)
            with self.suite.smtp() as client:
                try:
                    client.send(bytes(data))
                    client.vanish()
                except ConnectionError:
                    pass
        self.assert_alive()


class Limits(OwnSuiteTest):
    def test_a_client_with_too_many_errors_is_sent_away_with_421(self):
        suite = self.start_suite(smtp_errors=5)
        with suite.smtp() as client:
            codes = []
            for _ in range(6):
                try:
                    codes.append(client.command("FROBNICATE").code)
                except ConnectionError:
                    break
            self.assertEqual(codes[-1], 421)
            self.assertTrue(client.closed())

    def test_a_silent_client_is_sent_away_with_421_after_the_timeout(self):
        suite = self.start_suite(smtp_command_timeout=1, smtp_data_timeout=1, users=["a@" + DOMAIN])
        with suite.smtp() as silent, suite.smtp() as slow, suite.smtp() as data:
            data.hello()
            data.envelope("b@example.net", ["a@" + DOMAIN])
            data.expect(354, "DATA")
            slow.send(b"NOO")
            for client in (silent, slow, data):
                self.assertEqual(client.reply().code, 421)
                self.assertTrue(client.closed())

    def test_sessions_over_the_limit_are_refused_with_421(self):
        suite = self.start_suite(smtp_workers=1, smtp_sessions=3)
        clients = [suite.smtp() for _ in range(3)]
        try:
            with socket.create_connection(("127.0.0.1", suite.smtp_port), timeout=30) as extra:
                extra.settimeout(0.2)
                try:
                    answer = extra.recv(3)
                except TimeoutError:
                    answer = b"421"  # it waits in the kernel's queue until one leaves
                self.assertNotEqual(answer, b"220")
                clients.pop().close()
                if not answer:
                    return
            eventually(lambda: self.greets(suite), "a place becomes free")
        finally:
            for client in clients:
                client.close()

    def test_sessions_of_one_address_over_its_limit_are_refused_with_421(self):
        suite = self.start_suite(smtp_workers=1, smtp_sessions_per_address=2)
        with suite.smtp(), suite.smtp():
            with suite.smtp() as third:
                self.assertEqual(third.greeting.code, 421)
        eventually(lambda: self.greets(suite), "a place becomes free")

    @staticmethod
    def greets(suite):
        try:
            with suite.smtp() as client:
                return client.greeting.code == 220
        except ConnectionError:
            return False

    def test_a_recipients_limit_of_the_configuration_is_announced_and_kept(self):
        suite = self.start_suite(recipients_limit=2, users=["a@" + DOMAIN])
        with suite.smtp() as client:
            client.hello()
            self.assertIn("RCPTMAX=2", client.capabilities["LIMITS"])
            client.envelope("b@example.net", [f"a+{number}@{DOMAIN}" for number in range(2)])
            client.expect(452, f"RCPT TO:<a+3@{DOMAIN}>")

    def test_hops_over_the_configured_limit_are_a_loop(self):
        suite = self.start_suite(hops_limit=3, users=["a@" + DOMAIN])
        with suite.smtp() as client:
            client.hello()
            client.envelope("b@example.net", ["a@" + DOMAIN])
            self.assertEqual(client.data(b"Received: x\r\n" * 3 + TEXT).code, 250)
            client.envelope("b@example.net", ["a@" + DOMAIN])
            self.assertEqual(client.data(b"Received: x\r\n" * 4 + TEXT).code, 554)
