"""The services as an administrator meets them: configuration, start, reload, stop."""

import os
import re
import signal
import socket
import subprocess

from harness import DOMAIN, SBIN, SERVICES, SLOWNESS, OwnSuiteTest, Suite, SuiteTest, eventually, is_running


class Configuration(OwnSuiteTest):
    def check(self, *lines, service="smtpd"):
        suite = Suite(services=())
        self.addCleanup(suite.stop)
        with open(suite.configuration, "a", encoding="ascii") as file:
            file.write("".join(line + "\n" for line in lines))
        with open(suite.configuration, encoding="ascii") as file:
            self.last_line = len(file.readlines())
        self.path = suite.configuration
        return subprocess.run([SBIN / service, "-n", "-c", suite.configuration], capture_output=True, text=True, timeout=30, check=False)

    def test_a_right_configuration_is_called_right_by_every_service(self):
        for service in SERVICES:
            result = self.check(service=service)
            self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_each_mistake_is_named_with_file_line_what_and_what_would_be_right(self):
        mistakes = {
            "message_size_limt 50M": "message_size_limit",
            "message_size_limit large": "message_size_limit",
            "smtp_workers -1": "smtp_workers",
            "over_quota sometimes": "defer",
            "relay_networks 10.0.0.0/33": "10.0.0.0/33",
            "retry often": "retry",
            "subaddress_separator ab": "subaddress_separator",
            "smtp_command_timeout": "smtp_command_timeout",
            "hostname second.example": "hostname",
        }
        for line, hint in mistakes.items():
            with self.subTest(line=line):
                for service in ("smtpd", "tabled"):
                    result = self.check(line, service=service)
                    self.assertEqual(result.returncode, 78)
                    self.assertIn(f"{self.path}:{self.last_line}: ", result.stderr)
                    self.assertIn(hint, result.stderr)

    def test_a_service_with_a_mistake_in_its_configuration_does_not_start(self):
        suite = Suite(services=(), no_such_directive="x")
        self.addCleanup(suite.stop)
        for service in SERVICES:
            result = subprocess.run([SBIN / service, "-c", suite.configuration], capture_output=True, text=True, timeout=30, check=False)
            self.assertEqual(result.returncode, 78)
            self.assertIn("no_such_directive", result.stderr)

    def test_a_missing_configuration_is_named(self):
        result = subprocess.run([SBIN / "queued", "-n", "-c", "/nonexistent/file"], capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(result.returncode, 78)
        self.assertIn("/nonexistent/file", result.stderr)

    def test_a_port_that_is_taken_is_named(self):
        suite = self.start_suite(services=("tabled", "queued"))
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", suite.smtp_port))
            taken.listen()
            result = subprocess.run([SBIN / "smtpd", "-c", suite.configuration], capture_output=True, text=True, timeout=30, check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(str(suite.smtp_port), result.stderr)

    def test_the_sample_configuration_is_right(self):
        sample = SBIN.parent / "etc" / "angarium.conf"
        self.assertTrue(sample.exists(), sample)
        result = subprocess.run([SBIN / "smtpd", "-n", "-c", sample], capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual((result.returncode, result.stderr), (0, ""))


class Instances(OwnSuiteTest):
    def refused(self, service, configuration):
        result = subprocess.run([SBIN / service, "-c", configuration], capture_output=True, text=True, timeout=30 * SLOWNESS, check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertNotEqual(result.stderr, "")
        return result.stderr

    def test_a_second_instance_on_the_same_directories_is_refused_and_the_first_goes_on(self):
        suite = self.start_suite(users=["a@" + DOMAIN])
        for service in SERVICES:
            with self.subTest(service=service):
                message = self.refused(service, suite.configuration)
                self.assertIn(str(suite.pid(service)), message)
        suite.deliver("a@" + DOMAIN)
        suite.pop3("a@" + DOMAIN).quit()

    def test_a_second_instance_on_the_same_spool_or_table_is_refused_also_with_another_run_directory(self):
        suite = self.start_suite(users=["a@" + DOMAIN])
        other = Suite(services=(), spool_directory=suite.directory / "spool", table_directory=suite.directory / "table")
        self.addCleanup(other.stop)
        for service in ("tabled", "queued"):
            with self.subTest(service=service):
                self.refused(service, other.configuration)
        suite.deliver("a@" + DOMAIN)


class Running(OwnSuiteTest):
    def test_a_reload_keeps_sessions_and_brings_the_new_configuration(self):
        suite = self.start_suite(users=["a@" + DOMAIN])
        with suite.smtp() as smtp, suite.pop3("a@" + DOMAIN) as pop3:
            smtp.hello()
            smtp.envelope("s@example.net", ["a@" + DOMAIN])
            suite.write_configuration(message_size_limit="123456")
            for service in SERVICES:
                suite.reload(service)
                eventually(lambda name=service: "event=service.reloaded" in suite.log(name), f"{service} reloads")
            self.assertEqual(smtp.data(b"Subject: over the reload\r\n\r\n").code, 250)
            pop3.ok("STAT")
            pop3.quit()

            def new_limit():
                with suite.smtp() as client:
                    client.hello()
                    return client.capabilities["SIZE"] == ["123456"]
            eventually(new_limit, "the new limit is announced")
        suite.wait_messages("a@" + DOMAIN)

    def test_a_reload_of_a_wrong_configuration_is_refused_and_the_old_one_stays(self):
        suite = self.start_suite(users=["a@" + DOMAIN])
        suite.write_configuration(no_such_directive="x")
        for service in SERVICES:
            suite.reload(service)
            eventually(lambda name=service: "event=config.refused" in suite.log(name), f"{service} refuses")
        suite.deliver("a@" + DOMAIN)
        suite.write_configuration(no_such_directive=None)

    def test_a_stop_during_sessions_is_quick_and_clean(self):
        suite = self.start_suite(users=["a@" + DOMAIN])
        clients = [suite.smtp() for _ in range(5)] + [suite.pop3("a@" + DOMAIN)]
        for service in reversed(SERVICES):
            self.assertEqual(suite.stop_service(service), 0, suite.log_end(service))
        for client in clients:
            client.close()
        self.assertEqual(sorted(path.name for path in (suite.directory / "run").glob("*.pid")), [])

    def test_sigint_stops_like_sigterm(self):
        suite = self.start_suite(services=("tabled",))
        process = suite.running["tabled"]
        os.kill(process.pid, signal.SIGINT)
        self.assertEqual(process.wait(20), 0)
        del suite.running["tabled"]

    def test_services_may_be_started_in_any_order(self):
        suite = Suite()
        self.addCleanup(suite.stop)
        for service in reversed(SERVICES):
            suite.start_service(service)
        suite.add_user("a@" + DOMAIN)
        suite.wait_accepting("a@" + DOMAIN)
        suite.wait_messages("a@" + DOMAIN)
        client = suite.wait_login("a@" + DOMAIN)
        client.quit()
        client.close()

    def test_detaching_returns_when_the_service_is_ready(self):
        suite = Suite(services=())
        self.addCleanup(suite.stop)
        log = suite.log_path("tabled")
        with open(log, "wb") as file:
            result = subprocess.run([SBIN / "tabled", "-d", "-c", suite.configuration], stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                                    timeout=30 * SLOWNESS, check=False)
        self.assertEqual(result.returncode, 0, log.read_text())
        pid = int((suite.directory / "run" / "tabled.pid").read_text())
        try:
            suite.dbtool("domain", "add", DOMAIN)
        finally:
            os.kill(pid, signal.SIGTERM)
        eventually(lambda: not is_running(pid), "tabled stops")

    def test_a_detached_service_that_cannot_start_says_so_by_its_status(self):
        suite = self.start_suite(services=("tabled",))
        result = subprocess.run([SBIN / "tabled", "-d", "-c", suite.configuration], stdin=subprocess.DEVNULL, capture_output=True,
                                timeout=30, check=False)
        self.assertNotEqual(result.returncode, 0)


class Log(SuiteTest):
    def test_one_grep_by_the_queue_id_tells_the_story_of_a_message(self):
        user = self.new_user()
        with self.suite.smtp() as client:
            client.hello()
            reply = client.message("s@example.net", [user])
        self.suite.wait_messages(user)
        queue_id = re.search(r"\b([0-9A-HJKMNP-TV-Z]{13})\b", reply.text).group(1)
        for service in ("smtpd", "queued", "deliverd"):
            eventually(lambda name=service: queue_id in self.suite.log(name), f"{queue_id} in the log of {service}")

    def test_no_client_can_write_a_line_of_its_own_into_the_log(self):
        with self.suite.smtp() as client:
            client.command(b"EHLO x\x0aevent=forged")
            client.command("EHLO event=forged\tx\"y")
            client.command("MAIL FROM:<\" event=forged\"@example.net>")
        with self.suite.pop3() as client:
            client.command("USER x event=forged")
            client.command("PASS x")
        for line in self.suite.log().splitlines():
            self.assertNotRegex(line, r"^event=forged|\] event=forged")

    def test_no_password_is_logged(self):
        user = self.new_user()
        with self.suite.pop3() as client:
            client.ok(f"USER {user}")
            client.refused("PASS sesame-4711")
        self.assertNotIn("sesame-4711", self.suite.log())

    def test_every_line_of_the_log_is_made_of_keys_and_values(self):
        self.suite.deliver(self.new_user())
        for service in SERVICES:
            for line in self.suite.log(service).splitlines():
                self.assertRegex(line, r"^\w+\[\d+\] event=[a-z0-9_.]+( [a-z0-9_-]+=(\"(\\.|[^\"\\])*\"|[^\" ]*))*$")
