"""Where mail for an address goes, and dbtool with which that is said."""

import json
import subprocess

from harness import DOMAIN, PASSWORD, SBIN, OwnSuiteTest, SuiteTest

EX_USAGE, EX_DATAERR, EX_NOUSER, EX_CONFIG = 64, 65, 67, 78


class Addresses(SuiteTest):
    @classmethod
    def prepare(cls):
        cls.suite.add_user("alice@" + DOMAIN)
        cls.suite.add_user("bob@" + DOMAIN)

    def setUp(self):
        self.client = self.suite.smtp()
        self.addCleanup(self.client.close)
        self.client.hello()
        self.marks = 0

    def arrived(self, user, text):
        """True when a message with TEXT is in the mailbox once a later one has arrived."""
        self.marks += 1
        mark = f"mark {self.id()} {self.marks}"
        self.client.message("m@example.net", [user], f"Subject: {mark}\r\n\r\n\r\n".encode())
        while not any(mark.encode() in message for message in self.suite.wait_messages(user)):
            pass
        return sum(text.encode() in path.read_bytes() for path in self.suite.messages(user))

    def send(self, recipient, subject):
        self.client.message("sender@example.net", [recipient], f"Subject: {subject}\r\n\r\ntext\r\n".encode())

    def alias(self, address, *targets):
        self.suite.dbtool("alias", "add", address, *targets)

    def test_a_subaddress_reaches_the_mailbox(self):
        self.send("alice+tag@" + DOMAIN, "to a subaddress")
        self.assertEqual(self.arrived("alice@" + DOMAIN, "to a subaddress"), 1)

    def test_an_alias_reaches_each_of_its_targets(self):
        self.alias("both@" + DOMAIN, "alice@" + DOMAIN, "bob@" + DOMAIN)
        self.send("both@" + DOMAIN, "to both")
        self.assertEqual(self.arrived("alice@" + DOMAIN, "to both"), 1)
        self.assertEqual(self.arrived("bob@" + DOMAIN, "to both"), 1)

    def test_an_alias_of_aliases_gives_each_mailbox_one_copy(self):
        self.alias("inner@" + DOMAIN, "alice@" + DOMAIN)
        self.alias("outer@" + DOMAIN, "inner@" + DOMAIN, "alice@" + DOMAIN)
        self.send("outer@" + DOMAIN, "one copy")
        self.assertEqual(self.arrived("alice@" + DOMAIN, "one copy"), 1)

    def test_a_loop_of_aliases_is_refused_when_it_is_made(self):
        self.alias("one@" + DOMAIN, "alice@" + DOMAIN)
        self.alias("two@" + DOMAIN, "one@" + DOMAIN)
        result = self.suite.dbtool("alias", "set", "one@" + DOMAIN, "two@" + DOMAIN, check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("one@" + DOMAIN, result.stderr)
        self.send("two@" + DOMAIN, "still whole")
        self.assertEqual(self.arrived("alice@" + DOMAIN, "still whole"), 1)

    def test_an_alias_of_itself_is_refused(self):
        self.assertNotEqual(self.suite.dbtool("alias", "add", "self@" + DOMAIN, "self@" + DOMAIN, check=False).returncode, 0)

    def test_a_catch_all_takes_what_has_no_mailbox(self):
        self.suite.add_domain("catch.example")
        self.suite.add_user("known@catch.example")
        self.alias("@catch.example", "bob@" + DOMAIN)
        self.send("anything@catch.example", "to the catch-all")
        self.send("known@catch.example", "to the known")
        self.assertEqual(self.arrived("bob@" + DOMAIN, "to the catch-all"), 1)
        self.assertEqual(self.arrived("known@catch.example", "to the known"), 1)
        self.assertEqual(self.arrived("bob@" + DOMAIN, "to the known"), 0)

    def test_postmaster_of_each_domain_answers(self):
        """RFC 5321 4.5.1."""
        self.suite.add_domain("new.example")
        self.client.envelope("sender@example.net", ["postmaster@new.example", "Postmaster@" + DOMAIN, "postmaster"])

    def test_mail_for_a_relayed_domain_is_accepted(self):
        self.suite.dbtool("domain", "add", "--relay", "backup.example")
        self.client.envelope("sender@example.net", ["someone@backup.example"])

    def test_a_disabled_mailbox_is_refused_until_it_is_enabled(self):
        user = self.new_user()
        self.suite.dbtool("user", "disable", user)
        self.client.expect(250, "MAIL FROM:<sender@example.net>")
        self.assertGreaterEqual(self.client.command(f"RCPT TO:<{user}>").code, 400)
        with self.suite.pop3() as reader:
            reader.ok(f"USER {user}")
            reader.refused(f"PASS {PASSWORD}")
        self.suite.dbtool("user", "enable", user)
        self.client.expect(250, f"RCPT TO:<{user}>")

    def test_a_deleted_user_is_unknown_at_once(self):
        user = self.new_user()
        self.suite.dbtool("user", "del", user)
        self.client.expect(250, "MAIL FROM:<sender@example.net>")
        self.client.expect(550, f"RCPT TO:<{user}>")

    def test_a_changed_password_is_valid_at_once_and_the_old_one_no_more(self):
        user = self.new_user()
        self.suite.pop3(user).close()
        self.suite.dbtool("user", "passwd", "--password-stdin", user, stdin="another\n")
        with self.suite.pop3() as client:
            client.ok(f"USER {user}")
            self.assertIn("[AUTH]", client.refused(f"PASS {PASSWORD}"))
        with self.suite.pop3() as client:
            client.login(user, "another")


class Dbtool(SuiteTest):
    def dbtool(self, *arguments, **options):
        return self.suite.dbtool(*arguments, **options)

    def test_adding_what_is_there_fails_unless_if_not_exists_is_said(self):
        user = self.new_user()
        self.assertNotEqual(self.dbtool("user", "add", "--password-stdin", user, stdin="x\n", check=False).returncode, 0)
        self.dbtool("user", "add", "--password-stdin", "--if-not-exists", user, stdin="x\n")
        self.suite.pop3(user).close()  # the password is the first one still

    def test_deleting_what_is_not_there_fails_unless_if_exists_is_said(self):
        self.assertNotEqual(self.dbtool("user", "del", "nobody@" + DOMAIN, check=False).returncode, 0)
        self.dbtool("user", "del", "--if-exists", "nobody@" + DOMAIN)

    def test_json_is_json(self):
        user = self.new_user()
        self.dbtool("alias", "add", "json@" + DOMAIN, user)
        for noun in ("user", "domain", "alias"):
            listed = self.dbtool(noun, "list", "--json").stdout
            try:
                records = json.loads(listed)
            except json.JSONDecodeError:
                records = [json.loads(line) for line in listed.splitlines()]
            self.assertTrue(records)
        shown = json.loads(self.dbtool("user", "show", "--json", user).stdout)
        self.assertIn(user, json.dumps(shown))
        self.assertNotIn("$y$", json.dumps(shown))

    def test_a_user_in_an_unknown_domain_is_refused_with_a_reason(self):
        result = self.dbtool("user", "add", "--password-stdin", "a@unknown.example", stdin="x\n", check=False)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("unknown.example", result.stderr)

    def test_wrong_arguments_give_the_status_of_sysexits(self):
        self.assertEqual(self.dbtool("frobnicate", check=False).returncode, EX_USAGE)
        self.assertEqual(self.dbtool("user", "frobnicate", check=False).returncode, EX_USAGE)
        self.assertEqual(self.dbtool("user", "add", check=False).returncode, EX_USAGE)
        self.assertIn(self.dbtool("user", "show", "nobody@" + DOMAIN, check=False).returncode, (EX_NOUSER, EX_DATAERR))
        self.assertEqual(self.dbtool("user", "add", "--password-stdin", "no address", stdin="x\n", check=False).returncode, EX_DATAERR)
        result = subprocess.run([SBIN / "dbtool", "-c", "/nonexistent", "user", "list"], capture_output=True, check=False)
        self.assertIn(result.returncode, (EX_CONFIG, 66))

    def test_the_password_is_never_an_argument(self):
        result = self.dbtool("user", "add", "a@" + DOMAIN, "--password=secret", stdin="x\n", check=False)
        self.assertNotEqual(result.returncode, 0)

    def test_what_is_exported_can_be_imported(self):
        user = self.new_user("--quota", "10M")
        self.dbtool("alias", "add", "exported@" + DOMAIN, user)
        exported = self.dbtool("user", "export").stdout
        self.assertIn(user, exported)
        self.dbtool("user", "del", user)
        self.dbtool("user", "import", "--if-not-exists", "-", stdin=exported)
        self.suite.pop3(user).close()

    def test_check_finds_nothing_wrong_with_a_whole_table(self):
        self.new_user()
        self.dbtool("domain", "check")


class DbtoolAlone(OwnSuiteTest):
    def test_dbtool_works_while_the_suite_is_down(self):
        suite = self.start_suite(services=("tabled",))
        suite.stop_service("tabled")
        suite.add_user("offline@" + DOMAIN)
        self.assertIn("offline@" + DOMAIN, suite.dbtool("user", "list").stdout)
        suite.start_service("tabled")
        self.assertIn("offline@" + DOMAIN, suite.dbtool("user", "list").stdout)
        suite.add_user("online@" + DOMAIN)
        suite.stop_service("tabled")
        self.assertIn("online@" + DOMAIN, suite.dbtool("user", "list").stdout)
        suite.start_service("tabled")

    def test_a_hundred_thousand_users_are_imported_in_one_run(self):
        suite = self.start_suite(services=("tabled",), users=["known@" + DOMAIN])
        exported = suite.dbtool("user", "export").stdout
        lines = [line for line in exported.splitlines() if "known@" in line]
        self.assertEqual(len(lines), 1, exported)
        text = "".join(lines[0].replace("known@", f"user{number}@").replace("/known", f"/user{number}") + "\n" for number in range(100000))
        path = suite.directory / "users"
        path.write_text(text)
        suite.dbtool("user", "import", str(path), timeout=120)
        self.assertEqual(len(suite.dbtool("user", "list").stdout.splitlines()), 100001)
