"""SMTP as RFC 5321 has it, and its extensions."""

import email
import email.policy
import re
import unittest

from harness import DOMAIN, SuiteTest

TEXT = b"Subject: test\r\n\r\ntext\r\n"


class Verbs(SuiteTest):
    @classmethod
    def prepare(cls):
        cls.suite.add_user("alice@" + DOMAIN)

    def setUp(self):
        self.client = self.suite.smtp()
        self.addCleanup(self.client.close)

    def test_the_greeting_names_the_host(self):
        self.assertEqual(self.client.greeting.code, 220)
        self.assertTrue(self.client.greeting.text.startswith("mail." + DOMAIN))

    def test_ehlo_names_the_host_and_offers_the_extensions(self):
        reply = self.client.hello()
        self.assertTrue(reply.lines[0].startswith("mail." + DOMAIN))
        for keyword in ("PIPELINING", "SIZE", "8BITMIME", "ENHANCEDSTATUSCODES", "SMTPUTF8", "CHUNKING", "BINARYMIME", "DSN", "LIMITS"):
            self.assertIn(keyword, self.client.capabilities)

    def test_helo_answers_with_one_line(self):
        reply = self.client.expect(250, "HELO client.example.net")
        self.assertEqual(len(reply.lines), 1)

    def test_ehlo_and_helo_without_a_name_are_refused(self):
        self.client.expect(501, "EHLO")
        self.client.expect(501, "HELO")

    def test_an_address_literal_is_a_name_for_ehlo(self):
        self.client.expect(250, "EHLO [127.0.0.1]")
        self.client.expect(250, "EHLO [IPv6:::1]")

    def test_verbs_may_be_in_any_case(self):
        self.client.expect(250, "ehlo client.example.net")
        self.client.expect(250, "mAiL fRoM:<sender@example.net>")
        self.client.expect(250, f"rcpt to:<alice@{DOMAIN}>")
        self.client.expect(250, "rset")

    def test_vrfy_neither_confirms_nor_denies(self):
        self.client.hello()
        known = self.client.expect(252, f"VRFY alice@{DOMAIN}")
        unknown = self.client.expect(252, f"VRFY nobody@{DOMAIN}")
        self.assertEqual(known.text, unknown.text)

    def test_expn_is_refused(self):
        self.client.hello()
        self.assertIn(self.client.command("EXPN list").code, (502, 550, 252))

    def test_noop_and_help_answer_at_any_time(self):
        self.client.expect(250, "NOOP")
        self.client.expect(250, "NOOP with an argument")
        self.assertIn(self.client.command("HELP").code, (211, 214))

    def test_quit_says_goodbye_and_closes(self):
        self.client.expect(221, "QUIT")
        self.assertTrue(self.client.closed())

    def test_rset_forgets_the_envelope(self):
        self.client.hello()
        self.client.envelope("sender@example.net", ["alice@" + DOMAIN])
        self.client.expect(250, "RSET")
        self.client.expect(503, "DATA")

    def test_a_second_ehlo_forgets_the_envelope(self):
        self.client.hello()
        self.client.envelope("sender@example.net", ["alice@" + DOMAIN])
        self.client.hello()
        self.client.expect(503, f"RCPT TO:<alice@{DOMAIN}>")

    def test_every_reply_but_that_to_ehlo_has_an_enhanced_status_code(self):
        self.client.hello()
        for line in ("MAIL FROM:<sender@example.net>", f"RCPT TO:<alice@{DOMAIN}>", f"RCPT TO:<nobody@{DOMAIN}>", "RSET", "NOOP",
                     "UNKNOWN", "DATA", "MAIL FROM:x", "QUIT"):
            reply = self.client.command(line)
            self.assertTrue(reply.status, f"{line}: {reply}")
            self.assertEqual(reply.status[0], str(reply.code)[0])

    def test_several_messages_go_through_one_session(self):
        user = self.new_user()
        self.client.hello()
        for _ in range(3):
            self.client.message("sender@example.net", [user])
        self.suite.wait_messages(user, 3)

    def test_a_source_route_is_ignored(self):
        user = self.new_user()
        self.client.hello()
        self.client.message("@a.example,@b.example:sender@example.net", ["@a.example,@b.example:" + user])
        message, = self.suite.wait_messages(user)
        self.assertIn(b"Return-Path: <sender@example.net>", message)

    def test_a_quoted_local_part_means_the_same_mailbox(self):
        user = self.new_user()
        local = user.partition("@")[0]
        self.client.hello()
        self.client.message("sender@example.net", [f'"{local}"@{DOMAIN}'])
        self.client.message("sender@example.net", [f'"\\{local[0]}{local[1:]}"@{DOMAIN}'])
        self.suite.wait_messages(user, 2)

    def test_a_quoted_sender_keeps_its_quotes_in_return_path(self):
        user = self.new_user()
        self.client.hello()
        self.client.message('"a b"@example.net', [user])
        message, = self.suite.wait_messages(user)
        self.assertIn(b'Return-Path: <"a b"@example.net>', message)

    def test_the_domain_is_compared_without_case(self):
        user = self.new_user()
        self.client.hello()
        self.client.message("sender@example.net", [user.replace(DOMAIN, DOMAIN.upper())])
        self.suite.wait_messages(user)

    def test_the_null_reverse_path_is_accepted(self):
        user = self.new_user()
        self.client.hello()
        self.client.message("", [user])
        message, = self.suite.wait_messages(user)
        self.assertIn(b"Return-Path: <>", message)

    def test_the_null_forward_path_is_refused(self):
        self.client.hello()
        self.client.expect(250, "MAIL FROM:<sender@example.net>")
        self.assertIn(self.client.command("RCPT TO:<>").code, (501, 550, 553))

    def test_postmaster_without_a_domain_is_accepted(self):
        self.client.hello()
        self.client.envelope("sender@example.net", ["postmaster"])

    def test_the_received_field_tells_the_way(self):
        user = self.new_user()
        self.client.hello()
        reply = self.client.message("sender@example.net", [user])
        message, = self.suite.wait_messages(user)
        header = message.split(b"\n\n")[0].decode()
        received = re.search(r"^Received: (.*(?:\n[ \t].*)*)", header, re.M).group(1)
        self.assertRegex(received, r"^from client\.example\.net \(.*\[127\.0\.0\.1\].*\)")
        self.assertIn("by mail." + DOMAIN, received)
        self.assertRegex(received, r"with E?SMTP")
        self.assertRegex(received, r"id [0-9A-HJKMNP-TV-Z]{13}")
        self.assertRegex(received, r"; \w{3}, +\d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}")
        queue_id = re.search(r"id ([0-9A-Z]{13})", received).group(1)
        self.assertIn(queue_id, reply.text)

    def test_received_says_smtp_after_helo(self):
        user = self.new_user()
        self.client.expect(250, "HELO client.example.net")
        self.client.message("sender@example.net", [user])
        message, = self.suite.wait_messages(user)
        self.assertRegex(message.decode(), r"with SMTP\s")

    def test_an_empty_message_is_delivered(self):
        user = self.new_user()
        self.client.hello()
        self.client.message("sender@example.net", [user], b"")
        message, = self.suite.wait_messages(user)
        self.assertIn(b"Received:", message)

    def test_dots_at_line_starts_arrive_as_they_were(self):
        user = self.new_user()
        self.client.hello()
        self.client.envelope("sender@example.net", [user])
        self.assertEqual(self.client.data(b"Subject: dots\r\n\r\n..\r\n...\r\n..x\r\n").code, 250)
        message, = self.suite.wait_messages(user)
        self.assertTrue(message.endswith(b"\n\n.\n..\n.x\n"), message)

    def test_data_split_at_every_byte_ends_where_it_should(self):
        user = self.new_user()
        self.client.hello()
        self.client.envelope("sender@example.net", [user])
        self.client.expect(354, "DATA")
        self.client.socket.setsockopt(6, 1, 1)  # TCP_NODELAY
        for byte in b"Subject: slow\r\n\r\n..a\r\n.\r\n":
            self.client.send(bytes([byte]))
        self.assertEqual(self.client.reply().code, 250)
        message, = self.suite.wait_messages(user)
        self.assertTrue(message.endswith(b"\n\n.a\n"))

    def test_one_message_reaches_each_of_several_recipients(self):
        users = [self.new_user() for _ in range(3)]
        self.client.hello()
        self.client.message("sender@example.net", users)
        for user in users:
            self.suite.wait_messages(user)

    def test_a_recipient_named_twice_gets_one_copy(self):
        user = self.new_user()
        marker = self.new_user()
        self.client.hello()
        self.client.message("sender@example.net", [user, user, user.replace(DOMAIN, DOMAIN.upper())])
        self.client.message("sender@example.net", [marker])
        self.suite.wait_messages(marker)
        self.assertEqual(len(self.suite.wait_messages(user)), 1)

    def test_a_thousand_recipients_are_accepted_in_one_message(self):
        user = self.new_user()
        local = user.partition("@")[0]
        self.client.hello()
        self.client.expect(250, "MAIL FROM:<sender@example.net>")
        self.client.send(b"".join(f"RCPT TO:<{local}+{number}@{DOMAIN}>\r\n".encode() for number in range(1000)))
        codes = [self.client.reply().code for _ in range(1000)]
        self.assertEqual(set(codes), {250})
        self.assertEqual(self.client.data(TEXT).code, 250)
        self.suite.wait_messages(user)


class Extensions(SuiteTest):
    directives = {"message_size_limit": 1000000}

    def setUp(self):
        self.client = self.suite.smtp()
        self.addCleanup(self.client.close)
        self.client.hello()
        self.user = self.new_user()

    def test_a_whole_session_may_be_sent_in_one_piece(self):
        """PIPELINING, RFC 2920."""
        with self.suite.smtp() as client:
            client.send(f"EHLO client.example.net\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<{self.user}>\r\n"
                        f"RCPT TO:<nobody@{DOMAIN}>\r\nDATA\r\n".encode())
            codes = [client.reply().code for _ in range(5)]
            self.assertEqual(codes, [250, 250, 250, 550, 354])
            client.send(TEXT + b".\r\nMAIL FROM:<b@example.net>\r\n" + f"RCPT TO:<{self.user}>\r\nDATA\r\n".encode())
            self.assertEqual([client.reply().code for _ in range(4)], [250, 250, 250, 354])
            client.send(TEXT + b".\r\nQUIT\r\n")
            self.assertEqual([client.reply().code for _ in range(2)], [250, 221])
        self.suite.wait_messages(self.user, 2)

    def test_data_after_no_valid_recipient_is_refused_in_a_pipeline(self):
        self.client.send(f"MAIL FROM:<a@example.net>\r\nRCPT TO:<nobody@{DOMAIN}>\r\nDATA\r\nNOOP\r\n".encode())
        codes = [self.client.reply().code for _ in range(4)]
        self.assertEqual(codes[:2], [250, 550])
        self.assertIn(codes[2], (503, 554))
        self.assertEqual(codes[3], 250)

    def test_size_announces_the_limit(self):
        self.assertEqual(self.client.capabilities["SIZE"], ["1000000"])

    def test_a_message_of_exactly_the_announced_size_is_accepted(self):
        head = b"Subject: full\r\n\r\n"
        line = b"x" * 98 + b"\r\n"
        body = line * 9999
        message = head + body + b"y" * (1000000 - len(head) - len(body) - 2) + b"\r\n"
        self.assertEqual(len(message), 1000000)
        self.client.expect(250, "MAIL FROM:<a@example.net> SIZE=1000000")
        self.client.expect(250, f"RCPT TO:<{self.user}>")
        self.client.expect(354, "DATA")
        self.client.send(message + b".\r\n")
        self.assertEqual(self.client.reply().code, 250)
        self.suite.wait_messages(self.user)

    def test_a_size_over_the_limit_is_refused_at_mail(self):
        """RFC 1870 6.1."""
        reply = self.client.expect(552, "MAIL FROM:<a@example.net> SIZE=1000001")
        self.assertEqual(reply.status, "5.3.4")
        self.client.expect(250, "MAIL FROM:<a@example.net> SIZE=1000000")

    def test_a_malformed_size_is_refused(self):
        for value in ("", "x", "-1", "1x", "9" * 21):
            self.client.expect(501, f"MAIL FROM:<a@example.net> SIZE={value}")

    def test_an_unknown_parameter_is_refused_with_555(self):
        self.client.expect(555, "MAIL FROM:<a@example.net> NOSUCH=1")
        self.client.expect(250, "MAIL FROM:<a@example.net>")
        self.client.expect(555, f"RCPT TO:<{self.user}> NOSUCH=1")

    def test_eight_bit_text_announced_by_8bitmime_arrives(self):
        body = "Subject: acht\r\n\r\nGrüße\r\n".encode()
        self.client.message("a@example.net", [self.user], body, "BODY=8BITMIME")
        message, = self.suite.wait_messages(self.user)
        self.assertTrue(message.endswith("\n\nGrüße\n".encode()))

    def test_an_unknown_body_type_is_refused(self):
        self.client.expect(501, "MAIL FROM:<a@example.net> BODY=9BIT")

    def test_bdat_transfers_a_message_in_chunks(self):
        """CHUNKING, RFC 3030 2."""
        self.client.envelope("a@example.net", [self.user])
        self.client.send(b"BDAT 15\r\nSubject: bdat\r\n")
        self.assertEqual(self.client.reply().code, 250)
        self.client.send(b"BDAT 4\r\n\r\nteBDAT 4 LAST\r\nxt\r\n")
        self.assertEqual([self.client.reply().code for _ in range(2)], [250, 250])
        message, = self.suite.wait_messages(self.user)
        self.assertTrue(message.endswith(b"Subject: bdat\n\ntext\n"))

    def test_bdat_does_not_unstuff_dots(self):
        self.client.envelope("a@example.net", [self.user])
        body = b"Subject: bdat\r\n\r\n.\r\n..text\r\n"
        self.client.send(b"BDAT %d LAST\r\n" % len(body) + body)
        self.assertEqual(self.client.reply().code, 250)
        message, = self.suite.wait_messages(self.user)
        self.assertTrue(message.endswith(b"\n\n.\n..text\n"))

    def test_bdat_of_no_bytes_may_be_the_last(self):
        self.client.envelope("a@example.net", [self.user])
        body = b"Subject: bdat\r\n\r\ntext\r\n"
        self.client.send(b"BDAT %d\r\n" % len(body) + body + b"BDAT 0 LAST\r\n")
        self.assertEqual([self.client.reply().code for _ in range(2)], [250, 250])
        self.suite.wait_messages(self.user)

    def test_bdat_without_a_recipient_swallows_its_chunk(self):
        self.client.expect(250, "MAIL FROM:<a@example.net>")
        self.client.send(b"BDAT 6 LAST\r\nNOOP\r\nRSET\r\n")
        self.assertIn(self.client.reply().code, (503, 554))
        self.assertEqual(self.client.reply().code, 250)
        self.client.expect(503, "DATA")

    def test_data_after_bdat_is_out_of_order(self):
        """RFC 3030 2."""
        self.client.envelope("a@example.net", [self.user])
        self.client.send(b"BDAT 4\r\na: b")
        self.assertEqual(self.client.reply().code, 250)
        self.client.expect(503, "DATA")
        self.client.expect(250, "RSET")

    def test_a_malformed_bdat_is_refused(self):
        self.client.envelope("a@example.net", [self.user])
        self.client.expect(501, "BDAT")
        self.client.hello()
        self.client.envelope("a@example.net", [self.user])
        self.client.expect(501, "BDAT x LAST")

    def test_binarymime_needs_bdat(self):
        """RFC 3030 3."""
        self.client.envelope("a@example.net", [self.user], "BODY=BINARYMIME")
        self.client.expect(503, "DATA")

    def send_binary(self, *chunks):
        """Sends a message with BODY=BINARYMIME; the reply to its last chunk."""
        self.client.envelope("a@example.net", [self.user], "BODY=BINARYMIME")
        for chunk in chunks[:-1]:
            self.client.send(b"BDAT %d\r\n" % len(chunk) + chunk)
            self.assertEqual(self.client.reply().code, 250)
        self.client.send(b"BDAT %d LAST\r\n" % len(chunks[-1]) + chunks[-1])
        return self.client.reply()

    def retrieve(self):
        """The message as a POP3 client has it, parsed by Python."""
        self.suite.wait_messages(self.user)
        with self.suite.pop3(self.user) as client:
            lines = b"\r\n".join(client.lines("RETR 1")) + b"\r\n"
        return email.message_from_bytes(lines, policy=email.policy.SMTP)

    def test_binarymime_takes_bytes_of_any_kind(self):
        """RFC 3030 3: what is not made of lines arrives in base64, and every byte of it."""
        content = bytes(range(256)) + b"\r\n\n\r\r\n.\r\n\r\n.\0" + bytes(range(255, -1, -1))
        head = b"Subject: binary\r\nContent-Transfer-Encoding: binary\r\nContent-Type: application/octet-stream\r\n\r\n"
        self.assertEqual(self.send_binary(head + content).code, 250)
        message = self.retrieve()
        self.assertEqual(message["Subject"], "binary")
        self.assertEqual(message.get_all("Content-Transfer-Encoding"), ["base64"])
        self.assertEqual(message.get_payload(decode=True), content)

    def test_the_binary_parts_of_a_large_multipart_arrive_as_they_were(self):
        contents = [bytes(range(256)) * 2000, b"\r\n--inner\r\r\n" * 1000 + b"\n", b"", b"\r\n"]
        text = "Gr\u00fc\u00dfe\r\n".encode()
        body = b"Content-Type: multipart/mixed; boundary=\"outer 1\"\r\nContent-Transfer-Encoding: binary\r\n\r\npreamble\r\n"
        body += b"--outer 1\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + text
        for content in contents[:2]:
            body += b"\r\n--outer 1\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n" + content
        body += b"\r\n--outer 1\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: binary\r\n\r\nSubject: inside\r\n"
        body += b"Content-Type: multipart/mixed; boundary=inside\r\n\r\n"
        for content in contents[2:]:
            body += b"--inside\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n" + content + b"\r\n"
        body += b"--inside--\r\n\r\n--outer 1--\r\nepilogue\r\n"
        self.assertEqual(self.send_binary(*(body[at:at + 99999] for at in range(0, len(body), 99999))).code, 250)
        message = self.retrieve()
        self.assertEqual(message.get_content_type(), "multipart/mixed")
        parts = [part for part in message.walk() if part.get_content_type() == "image/png"]
        self.assertEqual([part.get_payload(decode=True) for part in parts], contents)
        self.assertEqual(message.get_payload(0).get_payload(decode=True), text)
        self.assertEqual(message["Content-Transfer-Encoding"], "8bit")
        self.assertEqual(message.epilogue, "epilogue\r\n")

    def test_binary_content_without_its_label_is_refused(self):
        """Nothing is changed silently."""
        for content in (b"a\nb\r\n", b"a\rb\r\n", b"a\0b\r\n"):
            reply = self.send_binary(b"Subject: s\r\n\r\n" + content)
            self.assertEqual((reply.code, reply.status), (554, "5.6.3"))
        reply = self.send_binary(b"Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: binary\r\n\r\n\0\r\n--b--\r\n")
        self.assertEqual((reply.code, reply.status), (554, "5.6.3"))

    def test_a_message_of_lines_with_binarymime_stays_as_it_is(self):
        text = b"Subject: s\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b--\r\n"
        self.assertEqual(self.send_binary(text).code, 250)
        message, = self.suite.wait_messages(self.user)
        self.assertTrue(message.endswith(text.replace(b"\r\n", b"\n")))

    def test_an_utf8_address_needs_smtputf8(self):
        """RFC 6531 3.4."""
        self.assertEqual(self.client.command("MAIL FROM:<jörg@example.net>").code // 100, 5)
        self.client.expect(250, "MAIL FROM:<jörg@example.net> SMTPUTF8")

    def test_a_message_with_utf8_addresses_arrives(self):
        self.suite.add_user("jörg@" + DOMAIN)
        self.client.message("ütopia@example.net", ["jörg@" + DOMAIN], "Subject: Grüße\r\n\r\ntext\r\n".encode(), "SMTPUTF8 BODY=8BITMIME")
        message, = self.suite.wait_messages("jörg@" + DOMAIN)
        self.assertIn("Return-Path: <ütopia@example.net>".encode(), message)
        self.assertRegex(message.decode(), r"with UTF8SMTP\s")

    def test_dsn_parameters_are_accepted(self):
        """RFC 3461 4."""
        self.client.expect(250, "MAIL FROM:<a@example.net> RET=HDRS ENVID=QQ+2B314159")
        self.client.expect(250, f"RCPT TO:<{self.user}> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;{self.user}")
        self.client.expect(250, f"RCPT TO:<{self.user}> NOTIFY=NEVER")

    def test_malformed_dsn_parameters_are_refused(self):
        for parameter in ("RET=SOME", "RET=FULL RET=FULL", "ENVID=", "ENVID=+2", "ENVID=a=b", "ENVID=" + "x" * 101):
            self.client.expect(501, "MAIL FROM:<a@example.net> " + parameter)
        self.client.expect(250, "MAIL FROM:<a@example.net>")
        for parameter in ("NOTIFY=", "NOTIFY=NEVER,SUCCESS", "NOTIFY=OFTEN", "ORCPT=rfc822", "ORCPT=rfc822;+ZZ"):
            self.client.expect(501, f"RCPT TO:<{self.user}> " + parameter)

    def test_limits_announces_the_recipients(self):
        """RFC 9422 4.3."""
        self.assertIn("RCPTMAX=1000", self.client.capabilities["LIMITS"])


class Submission(SuiteTest):
    def setUp(self):
        self.user = self.new_user()
        self.client = self.suite.smtp(self.suite.submission_port)
        self.addCleanup(self.client.close)
        self.client.hello()

    def fields(self, body, parameters=""):
        self.client.message(self.user, [self.user], body, parameters)
        message, = self.suite.wait_messages(self.user)
        return message.split(b"\n\n", 1)[0].decode()

    def test_a_message_without_date_and_message_id_gets_them(self):
        """RFC 6409 8.1, 8.3."""
        header = self.fields(b"Subject: bare\r\n\r\ntext\r\n")
        self.assertRegex(header, r"(?m)^Date: \w{3}, +\d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}$")
        self.assertRegex(header, r"(?m)^Message-ID: <[^@<>\s]+@[^@<>\s]+>$")

    def test_date_and_message_id_of_the_client_are_kept(self):
        header = self.fields(b"date: Thu, 1 Jan 2026 00:00:00 +0000\r\nMESSAGE-ID: <1@example.org>\r\n\r\ntext\r\n")
        self.assertEqual(len(re.findall(r"(?im)^date:", header)), 1)
        self.assertEqual(len(re.findall(r"(?im)^message-id:", header)), 1)

    def test_a_message_of_a_body_alone_gets_a_header(self):
        header = self.fields(b"\r\ntext\r\n")
        self.assertIn("Date:", header)

    def test_the_port_for_other_servers_adds_nothing(self):
        with self.suite.smtp() as client:
            client.hello()
            client.message("a@example.net", [self.user])
        message, = self.suite.wait_messages(self.user)
        self.assertNotIn(b"\nDate:", message)
        self.assertNotIn(b"\nMessage-ID:", message)


if __name__ == "__main__":
    unittest.main()
