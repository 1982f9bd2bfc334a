"""Other people's mail servers as remotes: Postfix and Exim, each with a configuration of the test's in a directory of its own, on a free port.

    peer = Exim()                  # skips the test when it is not there
    suite.dbtool("route", "add", "peer.example", peer.route)
    ...
    peer.wait_messages(1)          # contents of what it has delivered
    peer.stop()

Both take mail for anybody@peer.example but for "gone@", into one Maildir. Their packages cannot be installed beside each other, and start services: Postfix is used
where it is installed, and Exim also where it lies unpacked, under the directory that EXIM_ROOT names.
"""

import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import unittest

from harness import eventually, free_ports, is_root, is_running

DOMAIN = "peer.example"


def find(path, root="/"):
    """The program PATH below ROOT; skips the test when it is not there."""
    program = pathlib.Path(root, path)
    if not program.exists():
        raise unittest.SkipTest(f"{program} is not there")
    return program


class Peer:
    def __init__(self, extra=""):
        if not is_root():
            raise unittest.SkipTest("Postfix and Exim want to be started by root")
        self.port, = free_ports(1)
        self.route = f"smtp://127.0.0.1:{self.port}"
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="angarium-peer-"))
        self.directory.chmod(0o755)
        (self.directory / "mail").mkdir()
        (self.directory / "mail").chmod(0o777)
        self.certificate = self.directory / "peer.crt", self.directory / "peer.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={DOMAIN}",
                        "-keyout", self.certificate[1], "-out", self.certificate[0]], check=True, capture_output=True)
        try:
            self.begin(extra)
        except BaseException:
            shutil.rmtree(self.directory, ignore_errors=True)
            raise

    def messages(self):
        return [path.read_bytes() for path in sorted(self.directory.glob("mail/**/new/*"))]

    def wait_messages(self, count=1, seconds=20):
        eventually(lambda: len(self.messages()) >= count, f"{count} messages at {type(self).__name__}\n{self.log()}", seconds)
        return self.messages()

    def stop(self):
        self.end()
        shutil.rmtree(self.directory, ignore_errors=True)


class Exim(Peer):
    def begin(self, extra):
        program = find("usr/sbin/exim4", os.environ.get("EXIM_ROOT", "/"))
        for name in ("spool", "log"):
            (self.directory / name).mkdir()
        configuration = self.directory / "exim.conf"
        configuration.write_text(f"""
exim_path = {program}
primary_hostname = exim.{DOMAIN}
exim_user = 65534
exim_group = 65534
never_users =
spool_directory = {self.directory}/spool
log_file_path = {self.directory}/log/%slog
pid_file_path = {self.directory}/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {self.port}
tls_certificate = {self.certificate[0]}
tls_privatekey = {self.certificate[1]}
tls_advertise_hosts = *
chunking_advertise_hosts = *
dsn_advertise_hosts = *
pipelining_advertise_hosts = *
acl_smtp_rcpt = check
keep_environment =
{extra}
begin acl
check:
  deny  local_parts = gone
        message = 5.1.1 Nobody of that name
  accept
begin routers
all:
  driver = accept
  transport = maildir
begin transports
maildir:
  driver = appendfile
  directory = {self.directory}/mail
  maildir_format
  user = 65534
  group = 65534
""", encoding="ascii")
        for path in (self.directory, self.directory / "spool", self.directory / "log"):
            os.chown(path, 65534, 65534)
        os.chown(self.certificate[1], 65534, 65534)
        with open(self.directory / "log/errors", "wb") as errors:
            self.process = subprocess.Popen([*self.with_account(), program, "-C", configuration, "-bdf", "-q1m"], stdin=subprocess.DEVNULL,
                                            stdout=errors, stderr=errors, start_new_session=True)
        eventually(lambda: (self.directory / "exim.pid").exists() or self.process.poll() is not None, "Exim listens\n" + self.log())
        if self.process.poll() is not None:
            raise AssertionError("Exim does not start: " + self.log())

    def with_account(self):
        """Debian's Exim wants the account that its package makes; where it is not installed, it sees one in /etc/passwd and /etc/group of its own."""
        if any(account.pw_name == "Debian-exim" for account in pwd.getpwall()):
            return []
        if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
            raise unittest.SkipTest("no mount name space can be made here")
        mounts = ""
        for name, line in (("passwd", "Debian-exim:x:65533:65533::/:/bin/false"), ("group", "Debian-exim:x:65533:")):
            copy = self.directory / name
            copy.write_text(pathlib.Path("/etc", name).read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
            mounts += f"mount --bind {copy} /etc/{name} && "
        return ["unshare", "--mount", "sh", "-c", mounts + 'exec "$@"', "sh"]

    def log(self):
        return "".join(path.read_text(errors="replace") for path in (self.directory / "log").glob("*"))

    def end(self):
        self.process.terminate()
        self.process.wait(20)


class Postfix(Peer):
    SERVICES = """
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
error     unix  - - n - - error
retry     unix  - - n - - error
virtual   unix  - n n - - virtual
anvil     unix  - - n - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
"""

    def begin(self, extra):
        program = find("usr/sbin/postfix")
        for name in ("etc", "queue", "data"):
            (self.directory / name).mkdir()
        (self.directory / "etc/main.cf").write_text(f"""
compatibility_level = 3.6
queue_directory = {self.directory}/queue
data_directory = {self.directory}/data
maillog_file = {self.directory}/log
maillog_file_prefixes = {self.directory}
myhostname = postfix.{DOMAIN}
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
virtual_mailbox_domains = {DOMAIN}
virtual_mailbox_base = {self.directory}/mail
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
smtpd_recipient_restrictions = check_recipient_access inline:{{{{gone@{DOMAIN} = 550 5.1.1 Nobody of that name}}}}, permit
smtpd_tls_security_level = may
smtpd_tls_cert_file = {self.certificate[0]}
smtpd_tls_key_file = {self.certificate[1]}
{extra}
""", encoding="ascii")
        (self.directory / "etc/master.cf").write_text(f"127.0.0.1:{self.port} inet n - n - - smtpd\n{self.SERVICES}", encoding="ascii")
        shutil.chown(self.directory / "data", "postfix")
        self.program = [program, "-c", self.directory / "etc"]
        started = subprocess.run([*self.program, "start"], capture_output=True, text=True, check=False)
        pid_file = self.directory / "queue/pid/master.pid"
        if started.returncode:
            raise AssertionError(f"Postfix does not start: {started.stderr}{self.log()}")
        eventually(pid_file.exists, "Postfix runs")
        self.pid = int(pid_file.read_text())

    def log(self):
        path = self.directory / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def end(self):
        subprocess.run([*self.program, "stop"], capture_output=True, check=False)
        if is_running(self.pid):
            os.kill(self.pid, signal.SIGKILL)
