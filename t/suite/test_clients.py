"""The programs that people use: curl, swaks, smtplib, poplib, mpop, fetchmail, mutt, Dovecot."""

import email.message
import os
import poplib
import pty
import select
import shutil
import smtplib
import subprocess

from harness import PASSWORD, SLOWNESS, SuiteTest

TEXT = "Subject: from outside\n\nGood day.\n.\n..two dots\n"


class Clients(SuiteTest):
    def setUp(self):
        self.user = self.new_user()
        self.home = self.suite.directory / "home" / self.user
        self.home.mkdir(parents=True)

    def run_program(self, *command, stdin="", status=0):
        if not shutil.which(command[0]):
            self.skipTest(f"{command[0]} is not installed")
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LC_ALL": "C.UTF-8", "USER": "somebody"}
        result = subprocess.run(command, input=stdin, text=True, capture_output=True, timeout=60 * SLOWNESS, env=environment, check=False)
        self.assertEqual(result.returncode, status, f"{command}: {result.stdout}{result.stderr}")
        return result.stdout

    def private_file(self, name, text):
        path = self.home / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def run_on_terminal(self, *command):
        """For a program that wants a terminal to draw on, and takes nothing from it."""
        if not shutil.which(command[0]):
            self.skipTest(f"{command[0]} is not installed")
        ours, its = pty.openpty()
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), "LC_ALL": "C.UTF-8", "TERM": "xterm"}
        with subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=environment, start_new_session=True) as process:
            os.close(its)
            try:
                drawn = self.read_terminal(ours)
                process.wait(30 * SLOWNESS)
            finally:
                process.kill()
                os.close(ours)
        self.assertEqual(process.returncode, 0, drawn)

    @staticmethod
    def read_terminal(terminal):
        """All that is drawn until the program lets go of the terminal."""
        drawn = b""
        while select.select([terminal], [], [], 30 * SLOWNESS)[0]:
            try:
                drawn += os.read(terminal, 65536)
            except OSError:  # how Linux says that the other end is closed
                return drawn
        raise AssertionError(f"the program draws nothing any more, and does not end: {drawn[-500:]!r}")

    # ---- sending ----

    def test_curl_sends(self):
        mail = self.private_file("mail", TEXT)
        self.run_program("curl", "-sS", "--crlf", f"smtp://127.0.0.1:{self.suite.submission_port}/client.example.net",
                         "--mail-from", "sender@example.net", "--mail-rcpt", self.user, "--upload-file", str(mail))
        message, = self.suite.wait_messages(self.user)
        self.assertTrue(message.endswith(b"Good day.\n.\n..two dots\n"), message)

    def test_swaks_sends(self):
        self.run_program("swaks", "--server", f"127.0.0.1:{self.suite.smtp_port}", "--from", "sender@example.net", "--to", self.user,
                         "--header", "Subject: swaks", "--body", "Good day.")
        message, = self.suite.wait_messages(self.user)
        self.assertIn(b"Subject: swaks\n", message)

    def test_swaks_pipelines(self):
        self.run_program("swaks", "--pipeline", "--server", f"127.0.0.1:{self.suite.smtp_port}", "--from", "sender@example.net",
                         "--to", self.user)
        self.suite.wait_messages(self.user)

    def test_smtplib_sends(self):
        message = email.message.EmailMessage()
        message["Subject"] = "Grüße"
        message.set_content("Schöne Grüße\n.\n")
        with smtplib.SMTP("127.0.0.1", self.suite.submission_port, timeout=30) as client:
            refused = client.send_message(message, "sender@example.net", [self.user])
        self.assertEqual(refused, {})
        self.suite.wait_messages(self.user)

    def test_smtplib_learns_of_each_refused_recipient(self):
        with smtplib.SMTP("127.0.0.1", self.suite.smtp_port, timeout=30) as client:
            refused = client.sendmail("sender@example.net", [self.user, "nobody@example.org"], "Subject: s\r\n\r\n")
        self.assertEqual(list(refused), ["nobody@example.org"])
        self.assertEqual(refused["nobody@example.org"][0], 550)

    # ---- reading ----

    def test_curl_reads(self):
        self.suite.deliver(self.user)
        url = f"pop3://127.0.0.1:{self.suite.pop3_port}/"
        self.assertEqual(len(self.run_program("curl", "-sS", "-u", f"{self.user}:{PASSWORD}", url).split("\n")), 2)
        self.assertIn("Subject: test", self.run_program("curl", "-sS", "-u", f"{self.user}:{PASSWORD}", url + "1"))

    def test_poplib_reads_and_deletes(self):
        self.suite.deliver(self.user, count=2)
        client = poplib.POP3("127.0.0.1", self.suite.pop3_port, timeout=30)
        client.user(self.user)
        client.pass_(PASSWORD)
        count, size = client.stat()
        self.assertEqual(count, 2)
        _, lines, octets = client.retr(1)
        self.assertIn(b"Subject: test", lines)
        self.assertEqual(size, 2 * octets)
        self.assertIn("UIDL", client.capa())
        client.dele(1)
        client.quit()
        self.assertEqual(len(self.suite.messages(self.user)), 1)

    def test_mpop_fetches_and_remembers_what_it_has_seen(self):
        self.suite.deliver(self.user, count=3)
        maildir = self.home / "fetched"
        for sub in ("new", "cur", "tmp"):
            (maildir / sub).mkdir(parents=True)
        rc = self.private_file("mpoprc", f"account a\nhost 127.0.0.1\nport {self.suite.pop3_port}\ntls off\nauth user\nuser {self.user}\n"
                               f"password \"{PASSWORD}\"\nkeep on\ndelivery maildir {maildir}\nuidls_file {self.home}/uidls\n"
                               "account default : a\n")
        self.run_program("mpop", "-q", "-C", str(rc))
        self.assertEqual(len(list((maildir / "new").iterdir())), 3)
        self.suite.deliver(self.user)
        self.run_program("mpop", "-q", "-C", str(rc))
        self.assertEqual(len(list((maildir / "new").iterdir())), 4)

    def test_fetchmail_fetches_and_empties_the_maildrop(self):
        self.suite.deliver(self.user, count=3)
        rc = self.private_file("fetchmailrc", f"poll 127.0.0.1 service {self.suite.pop3_port} protocol pop3 username \"{self.user}\" "
                               f"password \"{PASSWORD}\" sslproto '' mda \"cat >> {self.home}/fetched\"\n")
        self.run_program("fetchmail", "--nosyslog", "--nodetach", "--pidfile", str(self.home / "pid"), "-f", str(rc), "-i", str(self.home / "ids"))
        self.assertEqual((self.home / "fetched").read_text().count("Subject: test"), 3)
        self.assertEqual(self.suite.messages(self.user), [])

    # ---- the Maildir itself ----

    def test_mutt_reads_the_maildir_and_the_uidls_stay(self):
        self.suite.deliver(self.user, count=2)
        with self.suite.pop3(self.user) as client:
            before = client.uidl()
            client.quit()
        output = self.home / "output"
        rc = self.private_file("muttrc", "set mbox_type=Maildir\nset wait_key=no\nset quit=yes\nset delete=no\nset pipe_decode=no\n"
                               f"set mark_old=yes\nset move=no\nset folder={self.home}\n")
        # Pipes every message to a file, sets the flag "important" on the current one, and quits.
        keys = (f"push '<tag-pattern>~A<enter><tag-prefix><pipe-message>cat >> {output}<enter>"
                "<untag-pattern>~A<enter><flag-message><quit>'")
        self.run_on_terminal("mutt", "-F", rc, "-e", keys, "-f", self.suite.maildir(self.user))
        self.assertEqual(output.read_text().count("Subject: test"), 2)
        self.assertEqual({path.parent.name for path in self.suite.messages(self.user)}, {"cur"})
        self.assertTrue(any("F" in path.name.partition(":2,")[2] for path in self.suite.messages(self.user)))
        self.give_back()
        with self.suite.pop3(self.user) as client:
            self.assertEqual(client.uidl(), before)

    def give_back(self):
        """What a program of root's made in the mailbox belongs to the mailbox's owner again."""
        status = self.suite.maildir(self.user).stat()
        for path in self.suite.maildir(self.user).rglob("*"):
            if path.stat().st_uid != status.st_uid:
                os.chown(path, status.st_uid, status.st_gid)

    def test_dovecot_reads_the_maildir_and_believes_its_sizes(self):
        if not shutil.which("doveadm"):
            self.skipTest("Dovecot is not installed")
        self.suite.deliver(self.user, count=2)
        status = self.suite.maildir(self.user).stat()
        conf = self.private_file("dovecot.conf", f"base_dir = {self.home}/run\nlog_path = /dev/stderr\nmail_home = {self.home}\n"
                                 f"mail_location = maildir:{self.suite.maildir(self.user)}:INDEX=MEMORY\nssl = no\n"
                                 f"first_valid_uid = 1\nmail_uid = {status.st_uid}\nmail_gid = {status.st_gid}\n"
                                 f"default_internal_user = nobody\ndefault_login_user = nobody\ndefault_internal_group = nogroup\n")
        os.chown(self.home, status.st_uid, status.st_gid)
        text = self.run_program("doveadm", "-c", str(conf), "fetch", "hdr.subject size.physical size.virtual", "all")
        self.assertEqual(text.count("hdr.subject: test"), 2, text)
        for path in self.suite.messages(self.user):
            size, wire_size = (part.partition("=")[2] for part in path.name.partition(":")[0].split(",")[1:])
            self.assertIn(f"size.physical: {size}", text)
            self.assertIn(f"size.virtual: {wire_size}", text)
