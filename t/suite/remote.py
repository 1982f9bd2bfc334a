"""A remote SMTP or LMTP server that does what a test wants, right or wrong, and keeps what it got.

    remote = Remote(answers={"RCPT": {"gone@example.net": "550 5.1.1 No such mailbox"}, "END": ["451 4.3.0 Later"]})
    suite.dbtool("route", "add", "example.net", remote.route)
    ...
    message = remote.wait_messages(1)[0]
    remote.stop()

ANSWERS has what is said instead of the right thing, by step: CONNECT (the greeting), EHLO (also for HELO and LHLO), HELO, STARTTLS, AUTH, MAIL, RCPT, DATA, END
(of the message; by LMTP for each recipient), BDAT, RSET, QUIT. An answer is

    a text           "550 5.1.1 No": sent as it is, with CRLF; several lines are joined by CRLF
    DROP             the connection is closed instead
    RESET            the same by RST
    SILENCE          nothing is said, and the connection stays open until the client closes it
    Endless(line)    that line without end
    Slow(text)       one byte after the other
    Then(text, DROP) the text, and then another answer
    None             the right thing
    a function       called with the session, returns one of these
    a list           one for each time, then the right thing
    a dictionary     by what follows the command: an address for MAIL and RCPT, and END by LMTP

What a message says of itself is kept only when its end was answered with 2xx.
"""

import base64
import dataclasses
import pathlib
import re
import socket
import ssl
import struct
import threading

from harness import PATIENCE, eventually

EXTENSIONS = ("PIPELINING", "SIZE 10240000", "8BITMIME", "SMTPUTF8", "DSN", "CHUNKING", "ENHANCEDSTATUSCODES")
TIMEOUT = 60  # seconds for which a session may be idle
PATH = re.compile(r"(?:FROM|TO):<([^>]*)> ?(.*)", re.IGNORECASE)

DROP, RESET, SILENCE = object(), object(), object()


@dataclasses.dataclass
class Endless:
    line: str


@dataclasses.dataclass
class Slow:
    text: str
    pause: float = 0.01  # seconds


@dataclasses.dataclass
class Then:
    text: str
    next: object


@dataclasses.dataclass
class Message:
    session: int                    # its number
    hello: str                      # what the client said after EHLO
    tls: str                        # the version, or ""
    login: tuple                    # user and password, or ()
    sender: str
    parameters: str                 # of MAIL
    recipients: dict = dataclasses.field(default_factory=dict)  # address: parameters of RCPT; those that were accepted
    content: bytes = b""            # without the dots of DATA
    chunks: int = 0                 # 0: by DATA


class Over(Exception):
    """The session is."""


class Session:
    """One connection."""

    def __init__(self, remote, connection, number):
        self.remote, self.number = remote, number
        self.socket = connection
        self.socket.settimeout(TIMEOUT)
        self.file = connection.makefile("rb")
        self.hello, self.login, self.message = "", (), None

    # ---- saying ----

    def send(self, text):
        self.socket.sendall(text.encode() + b"\r\n")

    def say(self, step, right, argument=""):
        """Says what the test wants at STEP, else RIGHT. Returns the code that was said."""
        return self.perform(self.remote.answer(step, self, argument), right)

    def perform(self, answer, right):
        if callable(answer):
            answer = answer(self)
        if answer is None:
            answer = right
        if isinstance(answer, str):
            self.send(answer)
        elif answer is RESET:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raise Over
        elif answer is DROP:
            raise Over
        elif answer is SILENCE:
            while self.file.read(1):
                pass
            raise Over
        elif isinstance(answer, Endless):
            while True:
                self.send(answer.line)
        elif isinstance(answer, Slow):
            for byte in answer.text.encode() + b"\r\n":
                self.socket.sendall(bytes([byte]))
                self.remote.stopping.wait(answer.pause)
            answer = answer.text
        else:
            self.send(answer.text)
            self.perform(answer.next, right)
            answer = answer.text
        return int(answer[:3])

    # ---- hearing ----

    def line(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise Over
        return line[:-2].decode("utf-8", "surrogateescape")

    def run(self):
        try:
            if self.remote.tls_at_once:
                self.secure()
            if self.say("CONNECT", "220 remote.example.net ESMTP") >= 400:
                self.line()  # QUIT
                return
            while True:
                line = self.line()
                self.remote.commands.append(line)
                verb, _, argument = line.partition(" ")
                method = getattr(self, "do_" + verb.lower(), None)
                if method:
                    method(argument)
                else:
                    self.send("500 5.5.1 Unknown command")
        except (Over, OSError, ssl.SSLError):
            pass
        finally:
            self.file.close()
            self.socket.close()

    # ---- verbs ----

    def do_ehlo(self, argument):
        self.hello, self.message = argument, None
        secure = isinstance(self.socket, ssl.SSLSocket)
        offered = [name for name in self.remote.extensions if not (secure and name == "STARTTLS")]
        lines = ["remote.example.net", *offered]
        self.say("EHLO", "\r\n".join([f"250-{line}" for line in lines[:-1]] + ["250 " + lines[-1]]))

    do_lhlo = do_ehlo

    def do_helo(self, argument):
        self.hello = argument
        self.say("HELO", "250 remote.example.net")

    def secure(self):
        self.socket = self.remote.tls.wrap_socket(self.socket, server_side=True)
        self.file = self.socket.makefile("rb")

    def do_starttls(self, _):
        if self.say("STARTTLS", "220 2.0.0 Go on") < 300:
            self.secure()

    def do_auth(self, argument):
        mechanism, _, initial = argument.partition(" ")
        if mechanism.upper() == "PLAIN":
            login = base64.b64decode(initial).split(b"\0")[1:]
        else:
            login = []
            for question in ("Username:", "Password:"):
                self.send("334 " + base64.b64encode(question.encode()).decode())
                login.append(base64.b64decode(self.line()))
        if self.say("AUTH", "235 2.7.0 Welcome") < 300:
            self.login = tuple(part.decode() for part in login)

    def do_mail(self, argument):
        sender, parameters = PATH.fullmatch(argument).groups()
        if self.say("MAIL", "250 2.1.0 Ok", sender) < 300:
            version = self.socket.version() if isinstance(self.socket, ssl.SSLSocket) else ""
            self.message = Message(self.number, self.hello, version, self.login, sender, parameters)

    def do_rcpt(self, argument):
        address, parameters = PATH.fullmatch(argument).groups()
        if not self.message:
            self.send("503 5.5.1 MAIL first")
        elif self.say("RCPT", "250 2.1.5 Ok", address) < 300:
            self.message.recipients[address] = parameters

    def do_data(self, _):
        if not self.message or not self.message.recipients:
            self.send("554 5.5.1 No valid recipients")
            return
        if self.say("DATA", "354 Go on") != 354:
            return
        lines = []
        while True:
            line = self.file.readline()
            if not line.endswith(b"\r\n"):
                raise Over
            if line == b".\r\n":
                break
            lines.append(line[1:] if line.startswith(b".") else line)
        self.message.content = b"".join(lines)
        self.end()

    def do_bdat(self, argument):
        size, _, last = argument.partition(" ")
        answer = self.remote.answer("BDAT", self, argument)
        if answer is not None:
            self.perform(answer, "")  # as a server that knows no BDAT: what follows are commands
            return
        chunk = self.file.read(int(size))
        if len(chunk) < int(size):
            raise Over
        if not self.message or not self.message.recipients:
            self.send("503 5.5.1 No valid recipients")
            return
        self.message.content += chunk
        self.message.chunks += 1
        if last:
            self.end()
        else:
            self.send("250 2.0.0 Chunk taken")

    def end(self):
        message, self.message = self.message, None
        if not self.remote.lmtp:
            if self.say("END", f"250 2.0.0 Taken by {self.number}") < 300:
                self.remote.keep(message)
            return
        accepted = {}
        for address, parameters in message.recipients.items():
            if self.say("END", "250 2.1.5 Delivered", address) < 300:
                accepted[address] = parameters
        message.recipients = accepted
        self.remote.keep(message)

    def do_rset(self, _):
        self.message = None
        self.say("RSET", "250 2.0.0 Forgotten")

    def do_quit(self, _):
        self.say("QUIT", "221 2.0.0 Bye")
        raise Over


class Remote:
    """A server on a free port of ADDRESS, or on the UNIX socket PATH. CERTIFICATE is a pair of paths, and offers STARTTLS."""

    def __init__(self, *, lmtp=False, extensions=EXTENSIONS, answers=None, certificate=None, tls_at_once=False, address="127.0.0.1", port=0, path=None):
        self.lmtp, self.tls_at_once = lmtp, tls_at_once
        self.extensions = (*extensions, "STARTTLS") if certificate and not tls_at_once else tuple(extensions)
        self.answers = dict(answers or {})
        self.times = {}
        self.messages, self.commands, self.sessions = [], [], 0
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.open = set()
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*certificate)
        if path:
            pathlib.Path(path).unlink(missing_ok=True)
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(path))
            pathlib.Path(path).chmod(0o666)
            self.listener.listen(128)
            self.route = f"lmtp:{path}"
        else:
            self.listener = socket.create_server((address, port), backlog=128)
            self.port = self.listener.getsockname()[1]
            kind = "lmtp" if lmtp else "smtps" if tls_at_once else "smtp"
            self.route = f"{kind}://{address}:{self.port}"
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()

    def listen(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            with self.lock:
                if self.stopping.is_set():
                    connection.close()
                    return
                self.sessions += 1
                session = Session(self, connection, self.sessions)
                self.open.add(connection)
            threading.Thread(target=session.run, daemon=True).start()

    def answer(self, step, session, argument):
        """What the test wants to be said, or None."""
        with self.lock:
            answer = self.answers.get(step)
            if isinstance(answer, dict):
                step, answer = (step, argument), answer.get(argument)
            if isinstance(answer, list):
                time = self.times.get(step, 0)
                self.times[step] = time + 1
                answer = answer[time] if time < len(answer) else None
            return answer

    def keep(self, message):
        with self.lock:
            self.messages.append(message)

    def wait_messages(self, count=1, seconds=PATIENCE):
        eventually(lambda: len(self.messages) >= count, f"{count} messages at the remote, which heard {self.commands[-10:]}", seconds)
        return list(self.messages)

    def stop(self):
        with self.lock:
            self.stopping.set()
        for one in (self.listener, *self.open):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.listener.close()
        self.thread.join()
