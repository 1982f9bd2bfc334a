"""The rows: what is measured, with its contestants, the first of which is ours, and the figures to reach."""

from deferred import memory_of_deferred, relay_beside_deferred, restart_with_deferred
from handshakes import handshakes_of_openssl, handshakes_of_ours
from idle import idle_greeted, idle_pop3
from lookups import lookups
from measures import Row, Target
from others import Dovecot, OpenSmtpd, Postfix
from reading import logins, opener, retriever
from receiving import Work, files_floor, receiver, relayer, sink_floor, whole_floor
from servers import Angarium

SMALL = Work(messages=20000, sessions=20, size=4096)
KEPT = SMALL._replace(kept=True)
ALONE = SMALL._replace(messages=4000, sessions=1)
ALONE_AWAKE = ALONE._replace(awake=True)
LARGE = SMALL._replace(messages=5000, size=65536)
MANY = SMALL._replace(messages=1000, recipients=100)


def receivers(work, postfix, opensmtpd):
    """The contestants of a row; Postfix and OpenSMTPD get so many times fewer messages, so that each takes some seconds."""
    return [("Angarium", receiver(Angarium, work)), ("Postfix", receiver(Postfix, work, postfix)), ("OpenSMTPD", receiver(OpenSmtpd, work, opensmtpd)),
            ("floor: files", files_floor(work)), ("floor: smtp-sink", sink_floor(work)), ("floor: both", whole_floor(work))]


ROWS = [
    Row("receive-20", "4 KiB messages, 20 sessions, until the last is in its Maildir", "messages/s", True, receivers(SMALL, 10, 10),
        [Target("10 x Postfix", "Postfix", 10, True), Target("half of the floor", "floor: both", 0.5, True)]),
    Row("receive-kept", "the same, each session with all its messages on one connection", "messages/s", True, receivers(KEPT, 10, 10), []),
    Row("receive-1", "4 KiB messages, 1 session", "messages/s", True, receivers(ALONE, 4, 8), [Target("3 x Postfix", "Postfix", 3, True)]),
    Row("receive-1-awake", "the same, processors kept awake", "messages/s", True, receivers(ALONE_AWAKE, 4, 8), []),
    Row("receive-64k", "64 KiB messages, 20 sessions", "messages/s", True, receivers(LARGE, 2.5, 2.5), [Target("5 x Postfix", "Postfix", 5, True)]),
    Row("receive-100", "4 KiB messages, 100 recipients in 100 mailboxes, 20 sessions", "messages/s", True, receivers(MANY, 5, 20),
        [Target("5 x Postfix", "Postfix", 5, True)]),
    Row("pop3-open", "POP3 login and STAT, maildrop of 10,000 messages", "ms", False,
        [("Angarium", opener(Angarium, 10000, 20)), ("Dovecot", opener(Dovecot, 10000, 20))], [Target("20 x faster than Dovecot", "Dovecot", 20, True)]),
    Row("pop3-retr", "POP3 RETR of 10,000 messages of 4 KiB, one command at a time", "messages/s", True,
        [("Angarium", retriever(Angarium, 10000, 1)), ("Dovecot", retriever(Dovecot, 10000, 1))], [Target("3 x Dovecot", "Dovecot", 3, True)]),
    Row("pop3-retr-awake", "the same, processors kept awake", "messages/s", True,
        [("Angarium", retriever(Angarium, 10000, 1, awake=True)), ("Dovecot", retriever(Dovecot, 10000, 1, awake=True))], []),
    Row("pop3-pipelined", "POP3 RETR of 10,000 messages of 4 KiB, pipelined", "messages/s", True,
        [("Angarium", retriever(Angarium, 10000, 64)), ("Dovecot", retriever(Dovecot, 10000, 64))], [Target("3 x Dovecot", "Dovecot", 3, True)]),
    Row("pop3-logins", "POP3 logins, STAT and QUIT, 20 at once, 20 messages each", "logins/s", True,
        [("Angarium", logins(Angarium, 20, 5, 40, 20)), ("Dovecot", logins(Dovecot, 20, 5, 40, 20))], [Target("20 x Dovecot", "Dovecot", 20, True)]),
    Row("relay-20", "relaying 4 KiB messages through the queue, 20 sessions, until the queue is empty", "messages/s", True,
        [("Angarium", relayer(Angarium, SMALL)), ("Postfix", relayer(Postfix, SMALL, 10)), ("OpenSMTPD", relayer(OpenSmtpd, SMALL, 10))],
        [Target("8 x Postfix", "Postfix", 8, True)]),
    Row("deferred-memory", "memory of a deferred message in queued, 1,000,000 of them to 10,000 domains", "bytes", False,
        [("Angarium", memory_of_deferred)], [Target("at most 400 bytes", None, 400, False)]),
    Row("deferred-restart", "from the start of queued with as many until a new message has left", "s", False,
        [("Angarium", restart_with_deferred)], [Target("within 10 seconds", None, 10, False)]),
    Row("deferred-flow", "relaying new messages beside as many", "messages/s", True,
        [("Angarium", relay_beside_deferred(True)), ("with an empty queue", relay_beside_deferred(False))],
        [Target("90 % of the speed with an empty queue", "with an empty queue", 0.9, True)]),
    Row("lookups", "address lookups, 1,000,000 users, 8 clients with 32 in flight each", "lookups/s", True,
        [("Angarium", lookups(1000000, 8, 32, 0))], [Target("100,000 a second", None, 100000, True)]),
    Row("lookup-time", "the 99th percentile of a lookup, 8 clients with 4 in flight each", "us", False,
        [("Angarium", lookups(1000000, 8, 4, 2))], [Target("under 1 ms", None, 1000, False)]),
    Row("tls-full", "full TLS 1.3 handshakes, ECDSA P-256, 4 clients", "handshakes/s", True,
        [("Angarium", handshakes_of_ours("new", 4)), ("openssl s_server", handshakes_of_openssl("new", 4))],
        [Target("70 % of openssl s_server", "openssl s_server", 0.7, True)]),
    Row("tls-resumed", "resumed TLS 1.3 handshakes, 4 clients", "handshakes/s", True,
        [("Angarium", handshakes_of_ours("resumed", 4)), ("openssl s_server", handshakes_of_openssl("resumed", 4))],
        [Target("80 % of openssl s_server", "openssl s_server", 0.8, True)]),
    Row("tls-full-1", "full TLS 1.3 handshakes, ECDSA P-256, 1 client", "handshakes/s", True,
        [("Angarium", handshakes_of_ours("new", 1)), ("openssl s_server", handshakes_of_openssl("new", 1))],
        [Target("70 % of openssl s_server", "openssl s_server", 0.7, True)]),
    Row("idle-smtp", "memory of an idle SMTP session, 10,000 sessions", "KiB", False, [("Angarium", idle_greeted("smtp", 10000))],
        [Target("at most 20 KiB", None, 20, False)]),
    Row("idle-smtp-tls", "memory of an idle SMTP session with TLS, 8,000 sessions", "KiB", False, [("Angarium", idle_greeted("smtp", 8000, True))],
        [Target("at most 60 KiB", None, 60, False)]),
    Row("idle-pop3-tls", "memory of an idle POP3 session with TLS, 8,000 sessions", "KiB", False, [("Angarium", idle_greeted("pop3", 8000, True))],
        [Target("at most 60 KiB", None, 60, False)]),
    Row("idle-pop3", "memory of an idle POP3 session, 10,000 logged in (Dovecot: 500)", "KiB", False,
        [("Angarium", idle_pop3(Angarium, 10000)), ("Dovecot", idle_pop3(Dovecot, 500))],
        [Target("at most 20 KiB", None, 20, False)]),
]
