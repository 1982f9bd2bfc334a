"""The second half of etc/quickstart: configures what it built, starts it, and lets a message travel.

Started by etc/quickstart with the directory that holds tree/ (the installed suite). Everything else in that directory is made
here: angarium.conf, passwords, log/, and var/ with the queue, the table and the mailboxes.
"""

import argparse
import email.message
import email.utils
import json
import os
import pathlib
import poplib
import secrets
import select
import shutil
import signal
import smtplib
import socket
import stat
import subprocess
import sys
import tempfile
import time

SERVICES = ("tabled", "queued", "deliverd", "relayd", "smtpd", "pop3d")  # each may need those before it
DOMAIN = "example.org"
SENDER = "alice@" + DOMAIN
RECIPIENT = "bob@" + DOMAIN
FIRST_ACCOUNT = 64101  # uid and gid of the first of eight accounts when started as root; none of them need exist
RUN_DIRECTORY_MAX = 80  # bytes, as angarium.conf(5) has it
START_SECONDS = 20
ARRIVAL_SECONDS = 20
STOP_SECONDS = 20


class Failure(Exception):
    """Something that the newcomer has to read about."""


def say(text=""):
    print(text, flush=True)


class ShownFile:
    """What a server sends, shown as it is read."""

    def __init__(self, inner):
        self.inner = inner

    def readline(self, *arguments):
        line = self.inner.readline(*arguments)
        if line:
            say("   S: " + line.decode("utf-8", "replace").rstrip("\r\n"))
        return line

    def close(self):
        self.inner.close()


class ShownSocket:
    """A client's socket that shows the conversation; as much of a socket as smtplib and poplib use."""

    def __init__(self, address):
        self.inner = socket.create_connection(address, timeout=ARRIVAL_SECONDS)

    def sendall(self, data):
        for line in data.decode("utf-8", "replace").splitlines():
            say("   C: " + ("PASS ********" if line.startswith("PASS ") else line))
        self.inner.sendall(data)

    def makefile(self, mode):
        return ShownFile(self.inner.makefile(mode))

    def shutdown(self, how):
        self.inner.shutdown(how)

    def close(self):
        self.inner.close()


class ShownSMTP(smtplib.SMTP):
    def _get_socket(self, host, port, timeout):
        return ShownSocket((host, port))


class ShownPOP3(poplib.POP3):
    def _create_socket(self, timeout):
        return ShownSocket((self.host, self.port))


def sockets_fit(directory):
    """Whether UNIX sockets can be there: their paths are short, and every account has to get through to them."""
    if len(str(directory)) > RUN_DIRECTORY_MAX:
        return False
    return os.getuid() != 0 or all(path.stat().st_mode & stat.S_IXOTH for path in directory.parents if path.exists())


class Suite:
    """The services, started here and stopped by their process ids."""

    def __init__(self, directory, ports):
        self.directory = directory
        self.ports = ports
        self.binaries = directory / "tree" / "sbin"
        self.configuration = directory / "angarium.conf"
        self.running = {}
        self.sockets = directory / "var"
        if not sockets_fit(self.sockets / "run"):
            self.sockets = pathlib.Path(tempfile.mkdtemp(prefix="angarium."))
            self.sockets.chmod(0o755)

    def configure(self):
        variable = self.directory / "var"
        variable.mkdir(mode=0o755, exist_ok=True)
        (self.directory / "log").mkdir(mode=0o755, exist_ok=True)
        lines = [
            "# Written by quickstart. Every directive: man -l " + str(self.directory / "tree/share/man/man5/angarium.conf.5"),
            "hostname mail." + DOMAIN,
            f"run_directory {self.sockets}/run",
            f"spool_directory {variable}/spool",
            f"table_directory {variable}/table",
            f"mail_directory {variable}/mail",
            f"smtp_listen 127.0.0.1:{self.ports['smtp']}",
            f"submission_listen 127.0.0.1:{self.ports['submission']}",
            f"pop3_listen 127.0.0.1:{self.ports['pop3']}",
            f"smtps_listen 127.0.0.1:{self.ports['smtps']}",
            f"pop3s_listen 127.0.0.1:{self.ports['pop3s']}",
            "tls_certificate {} {}".format(*self.certificate()),
            "log stderr",
        ]
        if os.getuid() == 0:
            for number, account in enumerate(("table", "queue", "smtp", "login", "vmail", "key", "relay", "dns"), FIRST_ACCOUNT):
                lines.append(f"account_{account} {number}")
        self.configuration.write_text("\n".join(lines) + "\n")

    def certificate(self):
        """A certificate that nobody has signed but its own key; made once for this directory."""
        certificate, key = (self.directory / f"certificate.{suffix}" for suffix in ("crt", "key"))
        if not (certificate.exists() and key.exists()):
            names = f"subjectAltName=DNS:mail.{DOMAIN},DNS:localhost,IP:127.0.0.1"
            made = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                                   "-days", "365", "-subj", f"/CN=mail.{DOMAIN}", "-addext", names, "-keyout", key,
                                   "-out", certificate], capture_output=True, text=True, timeout=60, check=False)
            if made.returncode:
                raise Failure(f"openssl made no certificate: {made.stderr.strip()}")
            key.chmod(0o600)
        return certificate, key

    def check_ports(self):
        for name, port in self.ports.items():
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError as error:
                    raise Failure(f"port {port} ({name}): {error.strerror}. Another base: --port-base N") from error

    def start(self, service):
        """Returns when the service has said that it is ready (sd_notify(3))."""
        notify_path = self.sockets / "quickstart.sock"
        notify_path.unlink(missing_ok=True)
        log_path = self.directory / "log" / (service + ".log")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, open(log_path, "ab") as log:
            notify.bind(str(notify_path))
            process = subprocess.Popen(
                [self.binaries / service, "-c", self.configuration],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={"PATH": os.environ["PATH"], "NOTIFY_SOCKET": str(notify_path)},
                start_new_session=True)  # Ctrl-C is for us, and we stop the services in order
            self.running[service] = process
            ended = os.pidfd_open(process.pid)
            try:
                ready = self.wait_ready(notify, ended)
            finally:
                os.close(ended)
                notify_path.unlink()
        if not ready:
            raise Failure(f"{service} did not start. The end of {log_path}:\n" + self.log_end(service))

    @staticmethod
    def wait_ready(notify, ended):
        deadline = time.monotonic() + START_SECONDS
        while True:
            left = deadline - time.monotonic()
            readable = select.select([notify, ended], [], [], max(left, 0))[0]
            if notify in readable and b"READY=1" in notify.recv(4096).split(b"\n"):
                return True
            if not readable or ended in readable:
                return False

    def stop(self):
        for service in reversed(list(self.running)):
            process = self.running.pop(service)
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self.sockets != self.directory / "var":
            shutil.rmtree(self.sockets, ignore_errors=True)

    def log_end(self, service):
        path = self.directory / "log" / (service + ".log")
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        return "\n".join("   " + line for line in lines[-12:])

    def log_ends(self):
        return "\n".join(f"The end of {self.directory}/log/{service}.log:\n" + self.log_end(service) for service in self.running)

    def dbtool(self, *arguments, password=None):
        command = [self.binaries / "dbtool", "-c", self.configuration, *arguments]
        result = subprocess.run(command, input=password, text=True, capture_output=True, timeout=60, check=False)
        if result.returncode:
            raise Failure(f"dbtool {' '.join(arguments)}: {result.stderr.strip() or result.returncode}")


def passwords(directory):
    """Made once for this directory, so that a second run knows them still."""
    path = directory / "passwords"
    if path.exists():
        return json.loads(path.read_text())
    made = {user: secrets.token_urlsafe(9) for user in (SENDER, RECIPIENT)}
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        json.dump(made, file)
    return made


def send(port):
    message = email.message.EmailMessage()
    message["From"] = f"Alice <{SENDER}>"
    message["To"] = f"Bob <{RECIPIENT}>"
    message["Subject"] = "The first message"
    message["Date"] = email.utils.localtime()
    message["Message-ID"] = email.utils.make_msgid(domain=DOMAIN)
    message.set_content("Bob,\n\nthe rider has arrived.\n\nAlice\n")
    with ShownSMTP("127.0.0.1", port, local_hostname="newcomer." + DOMAIN) as client:
        client.send_message(message)
    return message["Message-ID"]


def find_in_maildir(mail_directory, message_id):
    """Waits until the message is in new/. Delivery begins at the 250 that the client has seen, so that this takes milliseconds."""
    deadline = time.monotonic() + ARRIVAL_SECONDS
    wanted = message_id.encode()
    while time.monotonic() < deadline:
        for path in mail_directory.glob("**/new/*"):
            if wanted in path.read_bytes():
                return path
        time.sleep(0.01)
    raise Failure(f"the message did not arrive under {mail_directory}")


def fetch(port, password, message_id):
    client = ShownPOP3("127.0.0.1", port)
    client.user(RECIPIENT)
    client.pass_(password)
    count = client.stat()[0]
    client.uidl()
    lines = client.retr(count)[1]
    client.quit()
    if not any(message_id.encode() in line for line in lines):
        raise Failure("POP3 returned another message than the one that was sent")


def round_trip(suite, secret):
    say(f"\n5. {SENDER} writes to {RECIPIENT}: SMTP, port {suite.ports['submission']}")
    message_id = send(suite.ports["submission"])
    path = find_in_maildir(suite.directory / "var" / "mail", message_id)
    say(f"\n6. It lies in Bob's Maildir: {path}")
    for line in path.read_text(errors="replace").splitlines():
        say("   | " + line)
    say(f"\n7. {RECIPIENT} reads it: POP3, port {suite.ports['pop3']}")
    fetch(suite.ports["pop3"], secret[RECIPIENT], message_id)


def settings(suite, secret):
    say("\nSettings for a mail client on this machine (no authentication for sending):")
    say(f"   incoming: POP3 127.0.0.1 port {suite.ports['pop3s']} with TLS, or port {suite.ports['pop3']} with STARTTLS or without")
    say(f"   outgoing: SMTP 127.0.0.1 port {suite.ports['smtps']} with TLS, or port {suite.ports['submission']} with STARTTLS or without")
    say(f"   the certificate is self-signed: let the client trust {suite.directory}/certificate.crt")
    for user in (SENDER, RECIPIENT):
        say(f"   user {user}   password {secret[user]}")
    say(f"Administration:\n   {suite.binaries}/dbtool -c {suite.configuration} user list")
    say(f"Logs and mailboxes:\n   {suite.directory}/log   {suite.directory}/var/mail")


def wait_for_end(suite):
    """Until a signal comes (as KeyboardInterrupt), or a service ends."""
    watched = {os.pidfd_open(process.pid): service for service, process in suite.running.items()}
    ended = select.select(list(watched), [], [])[0]
    raise Failure(f"{watched[ended[0]]} ended:\n" + suite.log_end(watched[ended[0]]))


def run(suite, once):
    suite.configure()
    suite.check_ports()
    print("3. Services:", end="", flush=True)
    for service in SERVICES:
        suite.start(service)
        print("", service, end="", flush=True)
    say(": ready")
    secret = passwords(suite.directory)
    suite.dbtool("domain", "add", "--if-not-exists", DOMAIN)
    for user in (SENDER, RECIPIENT):
        suite.dbtool("user", "add", "--if-not-exists", "--password-stdin", user, password=secret[user] + "\n")
    say(f"4. Domain {DOMAIN} with users {SENDER} and {RECIPIENT}: there")
    round_trip(suite, secret)
    say("\nThe message has travelled: SMTP, queue, Maildir, POP3.")
    if once:
        return
    settings(suite, secret)
    say("\nUp. Ctrl-C ends it.")
    wait_for_end(suite)


def interrupt(number, _frame):
    raise KeyboardInterrupt(number)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--temporary", action="store_true", help="remove the directory at the end")
    parser.add_argument("--port-base", type=int, default=20000)
    parser.add_argument("directory", type=pathlib.Path)
    arguments = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, interrupt)
    base = arguments.port_base
    suite = Suite(arguments.directory, {"smtp": base + 25, "submission": base + 587, "smtps": base + 465,
                                        "pop3": base + 110, "pop3s": base + 995})
    status = 0
    try:
        run(suite, arguments.once)
    except KeyboardInterrupt:
        say("\nStopping.")
        status = 130 if arguments.once else 0
    except (Failure, OSError, smtplib.SMTPException, poplib.error_proto, subprocess.TimeoutExpired) as failure:
        say()
        print(f"quickstart: failed: {failure}", file=sys.stderr)
        print(suite.log_ends(), file=sys.stderr)
        status = 1
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        suite.stop()
        if arguments.temporary:
            shutil.rmtree(arguments.directory, ignore_errors=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
