"""Limits of clients: who takes too much is refused for the moment, and others notice nothing."""

from harness import DOMAIN, OwnSuiteTest, Pop3Client, eventually

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
