"""The other mail servers that are measured: each with its own spool, with the durable settings that it ships with. Only root can start
them. A package that is not installed, because it conflicts with one that is, is unpacked into the benchmark's directory and runs in a
mount name space, where the places that are compiled into it are the benchmark's.
"""

import os
import pathlib
import pwd
import shutil
import signal
import subprocess

from harness import DOMAIN, PASSWORD, children_of, eventually, free_ports
from servers import Server, descendants, hash_of, wait_port

OWNER = pwd.getpwnam("nobody")  # of their mailboxes


class Postfix(Server):
    """As Debian ships it, with virtual mailboxes, but without a chroot, without TLS, which nobody offers here, and with its log in a file
    by its own postlogd, since there need not be a syslogd; that takes four hundredths of its time.
    """

    name = "Postfix"

    def __init__(self, directory, relay_port=None):
        super().__init__(directory)
        self.smtp_port, = free_ports(1)
        self.mail = self.directory / "mail"
        self.relay_port = relay_port

    @staticmethod
    def available():
        return os.getuid() == 0 and shutil.which("postfix") is not None

    def start(self):
        etc, spool, data = (self.directory / name for name in ("etc", "spool", "data"))
        for path in (etc, spool, data, self.mail):
            path.mkdir()
        shutil.chown(data, "postfix")
        os.chown(self.mail, OWNER.pw_uid, OWNER.pw_gid)
        settings = {
            "compatibility_level": "3.6", "queue_directory": spool, "data_directory": data, "command_directory": "/usr/sbin",
            "daemon_directory": "/usr/lib/postfix/sbin", "mail_owner": "postfix", "setgid_group": "postdrop", "myhostname": "mail." + DOMAIN,
            "mydestination": "", "inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4", "mynetworks": "127.0.0.0/8",
            "maillog_file": "/var/log/postfix-bench.log", "maillog_file_prefixes": "/var", "alias_maps": "", "alias_database": "",
        }
        if self.relay_port:
            settings["relayhost"] = f"[127.0.0.1]:{self.relay_port}"
        else:
            settings.update({"virtual_mailbox_domains": DOMAIN, "virtual_mailbox_base": self.mail, "virtual_mailbox_maps": "texthash:" + str(etc / "users"),
                             "virtual_uid_maps": f"static:{OWNER.pw_uid}", "virtual_gid_maps": f"static:{OWNER.pw_gid}",
                             "virtual_mailbox_limit": 0})
            names = ["user"] + [f"{number}user" for number in range(101)]
            (etc / "users").write_text("".join(f"{name}@{DOMAIN} {name}/\n" for name in names), encoding="ascii")
        (etc / "main.cf").write_text("".join(f"{key} = {value}\n" for key, value in settings.items()), encoding="ascii")
        master = pathlib.Path("/usr/share/postfix/master.cf.dist").read_text(encoding="ascii").splitlines(True)
        lines = [f"127.0.0.1:{self.smtp_port} inet n - n - - smtpd\n"]
        for line in master:
            words = line.split()
            if words and not line.startswith(("#", " ")) and words[1] != "inet":
                words[4] = "n"  # no chroot: its files are not there
                lines.append(" ".join(words) + "\n")
        (etc / "master.cf").write_text("".join(lines), encoding="ascii")
        subprocess.run(["postfix", "-c", etc, "start"], check=True, capture_output=True)
        wait_port(self.smtp_port)
        self.master = int((spool / "pid" / "master.pid").read_text(encoding="ascii"))

    def add_users(self, users):
        """They are in the map already."""

    def maildir(self, user):
        return self.mail / user

    def pids(self):
        return descendants(self.master)

    def queue_is_empty(self):
        spool = self.directory / "spool"
        return not any(path.is_file() for name in ("incoming", "active", "deferred", "maildrop") for path in (spool / name).rglob("*"))

    def stop(self):
        subprocess.run(["postfix", "-c", self.directory / "etc", "stop"], check=False, capture_output=True)
        eventually(lambda: not pathlib.Path(f"/proc/{self.master}").exists(), "Postfix ends", 30)
        pathlib.Path("/var/log/postfix-bench.log").unlink(missing_ok=True)


class InNamespace(Server):
    """A server that runs in a mount name space of its own, as the first process of its process ids."""

    process = None

    def launch(self, script):
        (self.directory / "start").write_text("mount -t proc proc /proc\n" + script, encoding="ascii")
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "sh", "-e",
                                             self.directory / "start"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def pids(self):
        return descendants(self.process.pid)

    def stop(self):
        for pid in children_of(self.process.pid):
            os.kill(pid, signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class OpenSmtpd(InNamespace):
    """As it ships, but for limits that are in the way of twenty sessions (doc/performance.md).

    At most five connections to a socket wait to be accepted; what is more the kernel drops, and the client comes again after a second: it
    gets four ports, for five sessions each. It takes 100 messages over a connection, looks at 256 recipients of its queue at a time, and has
    50 messages in hand and 7 under delivery for one user, whom all virtual mailboxes belong to. It opens connections to a host five seconds
    apart, and sends the end of a message apart, which then waits 40 ms for the acknowledgement of what was before: it gets as many
    connections and deliveries at once as Postfix has.
    """

    name = "OpenSMTPD"
    package = "opensmtpd"
    downloaded = {}
    listeners = 4
    limits = """
smtp max-message-size 50M
smtp limit max-mails 100000
scheduler limit max-evp-batch-size 5000
mda limit max-session-per-user 20 task-hiwat 5000 task-lowat 3000 task-release 1000
mta limit max-conn-per-host 20 max-conn-per-route 20 conn-delay-route 0 conn-delay-relay 0 task-hiwat 1000 task-lowat 500 task-release 500
"""

    def __init__(self, directory, relay_port=None):
        super().__init__(directory)
        self.ports = free_ports(self.listeners)
        self.mail = self.directory / "mail"
        self.relay_port = relay_port

    @property
    def smtp_ports(self):
        return self.ports

    @staticmethod
    def available():
        return os.getuid() == 0 and shutil.which("apt-get") is not None and shutil.which("unshare") is not None

    def unpack(self):
        if self.package not in self.downloaded:  # by an earlier turn, whose directory is there until the end
            packages = self.directory / "packages"
            packages.mkdir()
            os.chown(packages, OWNER.pw_uid, OWNER.pw_gid)
            subprocess.run(["apt-get", "download", "-q", self.package], cwd=packages, check=True, capture_output=True)
            self.downloaded[self.package], = packages.glob("*.deb")
        subprocess.run(["dpkg", "-x", self.downloaded[self.package], self.directory / "root"], check=True)

    def start(self):
        self.unpack()
        root = self.directory / "root"
        self.mail.mkdir()
        self.mail.chmod(0o777)
        for name in ("etc", "spool", "run", "home"):
            (self.directory / name).mkdir()
        users = pathlib.Path("/etc/passwd").read_text() + "opensmtpd:x:64201:64201::/var/empty:/bin/false\nopensmtpq:x:64202:64202::/var/empty:/bin/false\n" \
            + f"vmail:x:{OWNER.pw_uid}:{OWNER.pw_gid}::{self.mail}:/bin/false\n"
        groups = pathlib.Path("/etc/group").read_text() + "opensmtpd:x:64201:\nopensmtpq:x:64202:\n"
        (self.directory / "etc" / "passwd").write_text(users)
        (self.directory / "etc" / "group").write_text(groups)
        (self.directory / "etc" / "resolv.conf").write_text("nameserver 127.0.0.1\n")  # which answers at once: that it is not there
        action = f'action "relay" relay host "smtp://127.0.0.1:{self.relay_port}"\nmatch from any for any action "relay"\n' if self.relay_port else \
            f'table names {{ "@" = "vmail" }}\naction "local" maildir "{self.mail}/%{{dest.user:lowercase}}" virtual <names>\n' \
            f'match from any for domain "{DOMAIN}" action "local"\n'
        listen = "".join(f"listen on 127.0.0.1 port {port}\n" for port in self.ports)
        (self.directory / "etc" / "smtpd.conf").write_text(self.limits + listen + action)
        self.launch(f"""
mount --bind {self.directory}/etc/passwd /etc/passwd
mount --bind {self.directory}/etc/group /etc/group
mount --bind {self.directory}/etc/resolv.conf /etc/resolv.conf
mkdir -p {root}/var/lib/opensmtpd
for place in /usr/lib/*/opensmtpd /usr/libexec/opensmtpd; do
    if test -d {root}$place; then mkdir -p $place; mount --bind {root}$place $place; fi
done
mkdir -p /var/spool/smtpd
mount --bind {self.directory}/spool /var/spool/smtpd
chmod 711 /var/spool/smtpd
mount --bind {self.directory}/run /run
mkdir -p /var/lib/opensmtpd/empty /run/opensmtpd
exec {root}/usr/sbin/smtpd -d -f {self.directory}/etc/smtpd.conf
""")
        for port in self.ports:
            wait_port(port)

    def add_users(self, users):
        """Any name is a mailbox."""

    def maildir(self, user):
        return self.mail / user

    def queue_is_empty(self):
        return not any(path.is_file() for path in (self.directory / "spool" / "queue").rglob("*"))


class Dovecot(InNamespace):
    """As Debian ships it, but without TLS, without limits of processes, and with a shadow file of its own instead of PAM: passwords are checked
    by its workers as there, on all processors.
    """

    name = "Dovecot"

    def __init__(self, directory):
        super().__init__(directory)
        self.pop3_port, = free_ports(1)
        self.mail = self.directory / "mail"
        self.shadow = self.directory / "shadow"

    @staticmethod
    def available():
        return os.getuid() == 0 and shutil.which("dovecot") is not None and pathlib.Path("/usr/lib/dovecot/pop3").exists()

    def start(self):
        self.mail.mkdir()
        os.chown(self.mail, OWNER.pw_uid, OWNER.pw_gid)
        configuration = self.directory / "dovecot.conf"
        configuration.write_text(f"""
base_dir = {self.directory}/run
state_dir = {self.directory}/state
log_path = {self.directory}/dovecot.log
instance_name = bench
protocols = pop3
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
first_valid_uid = 1
mail_location = maildir:{self.mail}/%n
default_process_limit = 10000
default_client_limit = 20000
auth_username_format = %Ln
passdb {{
  driver = shadow
}}
userdb {{
  driver = static
  args = uid={OWNER.pw_uid} gid={OWNER.pw_gid} home={self.mail}/%n
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {self.pop3_port}
  }}
  inet_listener pop3s {{
    port = 0
  }}
}}
mail_max_userip_connections = 0
""")
        self.shadow.touch(0o600)
        self.launch(f"mount --bind {self.shadow} /etc/shadow\nexec dovecot -F -c {configuration}\n")
        wait_port(self.pop3_port)

    def add_users(self, users):
        with open(self.shadow, "a", encoding="ascii") as shadow:
            shadow.writelines(f"{user}:{hash_of(PASSWORD, self.setting)}:19000:0:99999:7:::\n" for user in users)

    def maildir(self, user):
        return self.mail / user

    def own(self, path):
        subprocess.run(["chown", "-R", f"{OWNER.pw_uid}:{OWNER.pw_gid}", path], check=True)
