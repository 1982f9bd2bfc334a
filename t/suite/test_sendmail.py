"""Mail that programs send by sendmail, as cron, PHP and git do; and mailq and newaliases."""

import email
import email.policy
import os
import pwd
import shutil
import subprocess
import tempfile
import threading
import unittest

from harness import DOMAIN, SBIN, SLOWNESS, Suite, SuiteTest, eventually, is_root

OTHER = 65534  # an ordinary user, when we are root


def as_other():
    return {"user": OTHER, "group": OTHER, "extra_groups": []} if is_root() else {}


class Sendmail(SuiteTest):
    @classmethod
    def prepare(cls):
        cls.suite.add_domain("mail." + DOMAIN)

    def run_as(self, name, *arguments, text=b"", status=0, **options):
        result = subprocess.run([SBIN / name, "-C", self.suite.configuration, *arguments], input=text, capture_output=True, check=False,
                                timeout=60 * SLOWNESS, **options)
        self.assertEqual(result.returncode, status, result.stderr)
        return result

    def sendmail(self, *arguments, **options):
        return self.run_as("sendmail", *arguments, **options)

    def received(self, user, count=1):
        messages = [email.message_from_bytes(content, policy=email.policy.default) for content in self.suite.wait_messages(user, count)]
        return messages[0] if count == 1 else messages

    def test_a_message_for_its_arguments_arrives_with_the_fields_that_it_lacked(self):
        user = self.new_user()
        self.sendmail("-F", 'A "quoted" name', "-f", "sender@example.net", user, text=b"Subject: plain\n\nfirst line\nsecond\n")
        message = self.received(user)
        self.assertEqual(message["Subject"], "plain")
        self.assertEqual(message["From"].addresses[0].display_name, 'A "quoted" name')
        self.assertEqual(message["From"].addresses[0].addr_spec, "sender@example.net")
        self.assertTrue(message["Date"] and message["Message-ID"])
        self.assertEqual(message["Return-Path"], "<sender@example.net>")
        self.assertEqual(message.get_content(), "first line\nsecond\n")

    def test_an_ordinary_user_may_and_is_named(self):
        user = self.new_user()
        self.sendmail("-oi", user, text=b"Subject: from cron\n\n.\noutput\n", **as_other())
        message = self.received(user)
        uid = OTHER if is_root() else os.getuid()
        self.assertIn(f"local user (uid:{uid})", message["Received"])
        self.assertEqual(message["From"].addresses[0].addr_spec, f"{pwd.getpwuid(uid).pw_name}@mail.{DOMAIN}")
        self.assertEqual(message.get_content(), ".\noutput\n")

    def test_a_dot_alone_ends_the_message_unless_told_otherwise(self):
        user = self.new_user()
        self.sendmail(user, text=b"Subject: dot\n\nbefore\n.\nafter\n")
        self.assertEqual(self.received(user).get_content(), "before\n")

    def test_the_recipients_are_taken_from_the_header(self):
        to, cc, bcc, extra = (self.new_user() for _ in range(4))
        text = (f"To: One (a comment, with <brackets>) <{to}>,\n group: {cc};\nBcc: \"hidden, one\" <{bcc}>\nSubject: many\n\ntext\n").encode()
        self.sendmail("-t", "-i", extra, text=text)
        for user in (to, cc, bcc, extra):
            message = self.received(user)
            self.assertEqual(message["Subject"], "many")
            self.assertIsNone(message["Bcc"])

    def test_resent_recipients_take_precedence(self):
        old, new = self.new_user(), self.new_user()
        self.sendmail("-t", text=f"Resent-To: {new}\nTo: {old}\nSubject: again\n\n".encode())
        self.received(new)
        self.assertEqual(self.suite.messages(old), [])

    def test_names_without_a_domain_are_of_this_host(self):
        self.suite.add_user(f"root@mail.{DOMAIN}")
        self.sendmail("-t", text=b"To: root\nSubject: for root\n\n")
        self.received(f"root@mail.{DOMAIN}")

    def test_text_without_any_header_is_a_message(self):
        user = self.new_user()
        self.sendmail(user, text=b"just text, and no field\nmore\n")
        self.assertEqual(self.received(user).get_content(), "just text, and no field\nmore\n")

    def test_eight_bit_text_and_odd_line_ends_arrive(self):
        user = self.new_user()
        self.sendmail(user, text="From x Thu Jan 1\nSubject: odd\n\nümlaut\r\n50%\r100%\nnul\0nul".encode())
        content = self.suite.wait_messages(user)[0]
        self.assertTrue(content.endswith("\r\n\r\nümlaut\r\n50%\r\n100%\r\nnulnul\r\n".encode())
                        or content.endswith("\n\nümlaut\n50%\n100%\nnulnul\n".encode()), content)

    def test_dsn_options_reach_the_queue(self):
        user = self.new_user()
        self.suite.stop_service("deliverd")
        try:
            self.sendmail("-f", "sender@example.net", "-N", "success,delay", "-R", "hdrs", "-V", "an id+1", user, text=b"Subject: dsn\n\n")
            shown = subprocess.run([SBIN / "queuetool", "-c", self.suite.configuration, "show", "--all"], capture_output=True, text=True,
                                   check=True).stdout
        finally:
            self.suite.start_service("deliverd")
        self.assertIn("NOTIFY=success,delay", shown)
        self.assertIn("RET=HDRS", shown)
        self.assertIn("an id+1", shown)

    def test_the_exit_code_tells_what_was_wrong(self):
        user = self.new_user()
        self.sendmail("-y", user, status=os.EX_USAGE)
        self.sendmail(status=os.EX_USAGE)
        self.sendmail("-N", "sometimes", user, status=os.EX_USAGE)
        self.sendmail("-t", text=b"Subject: to nobody\n\n", status=os.EX_DATAERR)
        self.sendmail("-t", text=b"To: <<broken>\n\n", status=os.EX_DATAERR)
        result = self.sendmail("nobody-there@" + DOMAIN, user, text=b"Subject: to one of two\n\n", status=os.EX_NOUSER)
        self.assertIn(b"nobody-there@" + DOMAIN.encode(), result.stderr)
        self.assertEqual(self.received(user)["Subject"], "to one of two")

    def test_a_null_sender_is_a_null_sender(self):
        user = self.new_user()
        self.sendmail("-f", "<>", user, text=b"Subject: null\n\n")
        self.assertEqual(self.received(user)["Return-Path"], "<>")

    def test_traditional_options_are_accepted(self):
        user = self.new_user()
        self.sendmail("-oi", "-oem", "-odb", "-om", "-v", "-Ac", "-G", "-h", "3", "-n", "-U", "-X", "/dev/null", "-L", "tag", "-O", "A=B",
                      "-B8BITMIME", "-bm", "-ep", "--", user, text=b"Subject: old\n\n")
        self.received(user)

    def test_smtp_on_standard_input(self):
        user = self.new_user()
        text = f"EHLO me\r\nMAIL FROM:<>\r\nRCPT TO:<{user}>\r\nDATA\r\nSubject: by smtp\r\n\r\ntext\r\n.\r\nQUIT\r\n".encode()
        result = self.sendmail("-bs", text=text)
        self.assertTrue(result.stdout.startswith(b"220 "))
        self.assertIn(b"\r\n221 ", result.stdout)
        self.assertEqual(self.received(user)["Subject"], "by smtp")

    def test_newaliases_succeeds_and_mailq_lists(self):
        self.run_as("newaliases")
        self.sendmail("-bi")
        user = self.new_user()
        self.suite.stop_service("deliverd")
        try:
            self.sendmail("-f", "sender@example.net", user, text=b"Subject: queued\n\n")
            listed = self.run_as("mailq").stdout.decode()
            self.assertIn("sender@example.net", listed)
            self.assertIn(user, listed)
            self.assertRegex(listed, r"-- \d+ Kbytes in \d+ Requests?\.")
        finally:
            self.suite.start_service("deliverd")
        self.sendmail("-q")
        self.received(user)
        eventually(lambda: user.encode() not in self.run_as("mailq").stdout, "it has left the queue")

    def test_it_waits_for_a_server_that_restarts(self):
        user = self.new_user()
        self.suite.stop_service("smtpd")
        process = subprocess.Popen([SBIN / "sendmail", "-C", self.suite.configuration, user], stdin=subprocess.PIPE)
        thread = threading.Thread(target=process.communicate, args=(b"Subject: patient\n\n",))
        thread.start()
        self.suite.start_service("smtpd")
        thread.join()
        self.assertEqual(process.returncode, 0)
        self.received(user)

    @unittest.skipUnless(shutil.which("git"), "git is not installed")
    def test_git_sends_a_patch(self):
        if subprocess.run(["git", "send-email", "-h"], capture_output=True, check=False).returncode not in (0, 129):
            self.skipTest("git send-email is not installed")
        user = self.new_user()
        with tempfile.TemporaryDirectory() as directory:
            patch = os.path.join(directory, "0001.patch")
            with open(patch, "w", encoding="utf-8") as out:
                out.write("From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001\nFrom: Änne <a@example.net>\n"
                          "Date: Thu, 1 Jan 2026 00:00:00 +0000\nSubject: [PATCH] ünicode\n\ntext\n---\n.\n")
            script = os.path.join(directory, "sendmail")
            with open(script, "w", encoding="utf-8") as out:
                out.write(f"#!/bin/sh\nexec {SBIN}/sendmail -C {self.suite.configuration} \"$@\"\n")
            os.chmod(script, 0o755)
            subprocess.run(["git", "send-email", "--quiet", "--confirm=never", "--suppress-cc=all", "--no-validate",
                            "--8bit-encoding=UTF-8", f"--smtp-server={script}", "--from=a@example.net", f"--to={user}", patch], check=True,
                           capture_output=True, cwd=directory, env={**os.environ, "HOME": directory, "GIT_CONFIG_NOSYSTEM": "1"})
        self.assertEqual(self.received(user)["Subject"], "[PATCH] ünicode")


if __name__ == "__main__":
    unittest.main()
