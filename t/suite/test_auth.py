"""Logging in: mechanisms, app passwords, what a user may send as, and what guessing meets."""

import base64
import os
import poplib
import shutil
import subprocess

from harness import DOMAIN, PASSWORD, SLOWNESS, SuiteTest


def b64(text):
    return base64.b64encode(text.encode()).decode()


def plain(login, password=PASSWORD):
    return b64(f"\0{login}\0{password}")


class Programs(SuiteTest):
    """With programs of others."""

    def run_program(self, *command, stdin="", status=0):
        if not shutil.which(command[0]):
            self.skipTest(f"{command[0]} is not installed")
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.suite.directory), "LC_ALL": "C.UTF-8"}
        result = subprocess.run(command, input=stdin, text=True, capture_output=True, timeout=60 * SLOWNESS, env=environment, check=False)
        self.assertEqual(result.returncode, status, f"{command}: {result.stdout}{result.stderr}")
        return result.stdout + result.stderr

    def gsasl_answers(self, mechanism, user, password, converse):
        """CONVERSE gets the first message (None: the server begins) and a function that answers challenges, and says whether the login succeeded."""
        if not shutil.which("gsasl"):
            self.skipTest("gsasl is not installed")
        command = ["gsasl", "--quiet", "--client", "--no-cb", f"--mechanism={mechanism}", f"--authentication-id={user}", f"--password={password}"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as program:
            self.assertEqual(program.stdout.readline().strip(), mechanism)

            def answer(challenge):
                program.stdin.write(challenge + "\n")
                program.stdin.flush()
                return program.stdout.readline().strip()

            try:
                return converse(None if mechanism == "LOGIN" else program.stdout.readline().strip(), answer)
            finally:
                program.stdin.close()
                program.kill()

    def pop3_login(self, mechanism, user, password=PASSWORD):
        """True when gsasl logs in by POP3."""
        def converse(first, answer):
            with self.suite.pop3() as client:
                reply = client.command(f"AUTH {mechanism}")
                while reply.startswith("+ "):
                    if first is None:
                        reply = client.command(answer(reply[2:]))
                    else:
                        self.assertEqual(reply, "+ ")
                        reply = client.command(first)
                        first = None
                if reply.startswith("+OK"):
                    client.quit()
                    return True
                self.assertTrue(reply.startswith("-ERR [AUTH] "), reply)
                return False
        return self.gsasl_answers(mechanism, user, password, converse)


class Pop3(Programs):
    def test_gsasl_logs_in_by_each_mechanism(self):
        user = self.new_user()
        for mechanism in ("SCRAM-SHA-256", "PLAIN", "LOGIN"):
            with self.subTest(mechanism):
                self.assertTrue(self.pop3_login(mechanism, user))
                self.assertFalse(self.pop3_login(mechanism, user, password="wrong"))

    def test_scram_of_an_unknown_user_looks_like_that_of_any_other_and_stays_the_same(self):
        user = self.new_user()
        salts = []
        for login in (user, "nobody@" + DOMAIN, "nobody@" + DOMAIN):
            with self.suite.pop3() as client:
                reply = client.command("AUTH SCRAM-SHA-256 " + b64(f"n,,n={login},r=abc"))
                challenge = dict(part.split("=", 1) for part in base64.b64decode(reply[2:]).decode().split(","))
                salts.append(challenge["s"])
                self.assertEqual(challenge["i"], "10000")
                self.assertTrue(client.command("*").startswith("-ERR"))
        self.assertEqual(salts[1], salts[2])
        self.assertEqual({len(salt) for salt in salts}, {24})

    def test_a_user_with_a_foreign_hash_gets_scram_by_the_first_right_password(self):
        user = "foreign@" + DOMAIN
        self.suite.add_domain()
        sha512 = "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/"  # of "password"
        self.suite.dbtool("user", "add", "--hash-stdin", user, stdin=sha512 + "\n")
        self.assertFalse(self.pop3_login("SCRAM-SHA-256", user, password="password"))
        with self.suite.pop3(user, "password") as client:
            client.quit()
        self.assertIn("SCRAM:    yes", self.suite.dbtool("user", "show", user).stdout)
        self.assertTrue(self.pop3_login("SCRAM-SHA-256", user, password="password"))

    def test_app_passwords_work_until_they_are_removed(self):
        user = self.new_user()
        phone = self.suite.dbtool("app-password", "add", user, "phone").stdout.strip()
        self.suite.dbtool("app-password", "add", "--password-stdin", user, "laptop", stdin="chosen one\n")
        listed = self.suite.dbtool("app-password", "list", user).stdout
        self.assertEqual([line.split("\t")[0] for line in listed.splitlines()], ["phone", "laptop"])
        for password in (phone, "chosen one", PASSWORD):
            for mechanism in ("PLAIN", "SCRAM-SHA-256"):
                self.assertTrue(self.pop3_login(mechanism, user, password=password))
        self.suite.dbtool("app-password", "del", user, "phone")
        for mechanism in ("PLAIN", "SCRAM-SHA-256"):
            self.assertFalse(self.pop3_login(mechanism, user, password=phone))
            self.assertTrue(self.pop3_login(mechanism, user, password="chosen one"))

    def test_a_disabled_user_cannot_log_in_by_any_mechanism(self):
        user = self.new_user()
        self.suite.dbtool("user", "disable", user)
        for mechanism in ("SCRAM-SHA-256", "PLAIN", "LOGIN"):
            self.assertFalse(self.pop3_login(mechanism, user))

    def test_curl_and_mpop_log_in_by_sasl(self):
        user = self.new_user()
        self.suite.deliver(user)
        url = f"pop3://127.0.0.1:{self.suite.pop3_port}/1"
        for mechanism in ("PLAIN", "LOGIN"):
            self.assertIn("Subject: test", self.run_program("curl", "-sS", "--login-options", f"AUTH={mechanism}", "-u", f"{user}:{PASSWORD}", url))
        for mechanism in ("plain", "login", "scram-sha-256"):
            self.run_program("mpop", "--serverinfo", "--host=127.0.0.1", f"--port={self.suite.pop3_port}", f"--auth={mechanism}", "--tls=off")

    def test_capa_lists_what_is_there(self):
        client = poplib.POP3("127.0.0.1", self.suite.pop3_port, timeout=30)
        self.assertEqual(client.capa()["SASL"], ["SCRAM-SHA-256", "PLAIN", "LOGIN"])
        client.quit()
