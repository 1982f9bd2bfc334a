"""Which system calls t/crash/sick lets fail: of which role, on which work, with which error."""

import errno
import os
import re

# Where, on which work, which calls, which errors.
# "mail": a few messages; "table": changes by dbtool; "pop3": a maildrop is fetched, and half of it deleted; "relay": a few messages to other hosts;
# "restart": the role is killed behind a few messages, and starts again.
FAULTS = (
    ("queued", "queue", "mail", "pwritev", "ENOSPC EIO EDQUOT EROFS"),
    ("queued", "queue", "mail", "pwrite64 fallocate", "ENOSPC EIO EROFS"),
    ("queued", "queue", "mail", "openat", "EMFILE ENOSPC EIO EROFS"),
    ("queued", "queue", "mail", "fcntl", "EMFILE"),
    ("queued", "queue", "mail", "ftruncate unlinkat newfstatat", "EIO EROFS"),
    ("queued", "queue", "mail", "pread64 fstatfs", "EIO"),
    ("queued", "queue", "mail", "mmap,brk", "ENOMEM"),
    ("queued", "syncer", "mail", "fdatasync fsync", "EIO ENOSPC EDQUOT EROFS"),
    ("queued", "syncer", "mail", "newfstatat", "EIO"),
    ("queued", "syncer", "mail", "mmap,brk", "ENOMEM"),
    ("deliverd", "worker", "mail", "openat", "EMFILE ENOSPC EIO EROFS EDQUOT"),
    ("deliverd", "worker", "mail", "openat2", "EMFILE EIO"),
    ("deliverd", "worker", "mail", "statx fcntl", "EIO"),
    ("deliverd", "worker", "mail", "mkdirat", "ENOSPC EIO EROFS EDQUOT"),
    ("deliverd", "worker", "mail", "writev", "ENOSPC EIO EDQUOT EROFS"),
    ("deliverd", "worker", "mail", "renameat", "ENOSPC EIO EROFS EDQUOT"),
    ("deliverd", "worker", "mail", "fsync syncfs", "EIO ENOSPC EDQUOT"),
    ("deliverd", "worker", "mail", "sync_file_range pread64 newfstatat getdents64", "EIO"),
    ("deliverd", "worker", "mail", "mmap,brk", "ENOMEM"),
    ("smtpd", "worker", "mail", "writev", "ENOSPC EIO EDQUOT EROFS"),
    ("smtpd", "worker", "mail", "accept4", "EMFILE ENFILE ENOMEM"),
    ("smtpd", "worker", "mail", "mmap,brk,mremap", "ENOMEM"),
    ("relayd", "worker", "relay", "socket", "EMFILE ENFILE ENOMEM ENOBUFS"),
    ("relayd", "worker", "relay", "connect", "ETIMEDOUT ENETUNREACH EHOSTUNREACH ECONNREFUSED EADDRNOTAVAIL ENOMEM"),
    ("relayd", "worker", "relay", "getsockopt", "ENOBUFS"),
    ("relayd", "worker", "relay", "setsockopt getsockname getpeername", "ENOBUFS"),
    # In the clear, through TLS (and to the log), and to queued and the resolver.
    ("relayd", "worker", "relay", "sendto recvfrom", "ECONNRESET ETIMEDOUT ENOBUFS"),
    ("relayd", "worker", "relay", "read write", "ECONNRESET ETIMEDOUT"),
    ("relayd", "worker", "relay", "sendmsg", "ENOBUFS ENOMEM"),
    ("relayd", "worker", "relay", "pread64 newfstatat", "EIO"),
    ("relayd", "worker", "relay", "epoll_ctl", "ENOMEM"),
    ("relayd", "worker", "relay", "mmap,brk", "ENOMEM"),
    ("relayd", "resolver", "relay", "socket", "EMFILE ENFILE ENOMEM"),
    ("relayd", "resolver", "relay", "bind", "EADDRINUSE"),
    ("relayd", "resolver", "relay", "connect sendto", "ENETUNREACH"),
    ("relayd", "resolver", "relay", "recvfrom", "ECONNREFUSED"),
    ("relayd", "resolver", "relay", "sendmsg", "ENOBUFS ENOMEM"),
    ("relayd", "resolver", "relay", "epoll_ctl mmap,brk", "ENOMEM"),
    ("pop3d", "login", "pop3", "accept4", "EMFILE ENFILE ENOMEM"),
    ("pop3d", "session", "pop3", "openat", "EMFILE EIO"),
    ("pop3d", "session", "pop3", "openat2 getdents64 newfstatat read", "EIO"),
    ("pop3d", "session", "pop3", "unlinkat", "EIO EROFS"),
    ("pop3d", "session", "pop3", "mmap,brk", "ENOMEM"),
    # Berkeley DB does what pwrite64 refuses once more by write.
    ("tabled", "owner", "table", "pwrite64,write!", "ENOSPC EIO EDQUOT EROFS"),
    ("tabled", "owner", "table", "fdatasync", "EIO ENOSPC"),
    ("tabled", "owner", "table", "fsync fstatfs", "EIO"),
    ("tabled", "owner", "table", "mmap,brk", "ENOMEM"),
    ("queued", "queue", "restart", "fsync getdents64 fallocate fadvise64 pread64", "EIO"),
    ("queued", "queue", "restart", "pwrite64 openat", "ENOSPC EROFS"),
    ("queued", "queue", "restart", "openat fcntl", "EMFILE"),
    ("queued", "queue", "restart", "mkdirat newfstatat unlinkat", "EIO EROFS"),
    ("queued", "queue", "restart", "mmap,brk", "ENOMEM"),
    ("queued", "syncer", "restart", "eventfd2", "EMFILE"),
    ("queued", "syncer", "restart", "mmap,brk", "ENOMEM"),
    ("queued", "syncer", "restart", "clone3", "EAGAIN"),
    ("deliverd", "worker", "restart", "openat eventfd2", "EMFILE"),
    ("deliverd", "worker", "restart", "mmap,brk", "ENOMEM"),
    ("deliverd", "worker", "restart", "clone3", "EAGAIN"),
    ("smtpd", "worker", "restart", "openat", "EMFILE"),
    ("smtpd", "worker", "restart", "mmap,brk", "ENOMEM"),
    ("relayd", "worker", "restart", "openat eventfd2", "EMFILE"),
    ("relayd", "worker", "restart", "mmap,brk", "ENOMEM"),
    ("relayd", "resolver", "restart", "openat", "EMFILE"),
    ("relayd", "resolver", "restart", "mmap,brk", "ENOMEM"),
    ("tabled", "owner", "restart", "fsync fdatasync pwrite64,write! pread64,read!", "EIO"),
    ("tabled", "owner", "restart", "openat", "EROFS EMFILE"),
    ("tabled", "owner", "restart", "mmap,brk", "ENOMEM"),
)
# Calls whose failure changes nothing, so that nobody needs to hear of it, and their callers where that is not so of all.
# Berkeley DB itself tries again, for seconds, to open what could not be opened for want of descriptors; what pop3d cannot read ahead, RETR reads;
# the resolver asks once more, and says that nobody answers when that is so (libunbound says why once, or not at all).
SILENT = {"ftruncate", "sync_file_range", "fadvise64", "fstatfs", "mmap", "brk", "mremap", "getdents64", "deliverd newfstatat", "tabled openat EMFILE",
          "pop3d openat", "pop3d read", "pop3d newfstatat", "deliverd statx", "deliverd fcntl", "smtpd openat", "relayd setsockopt", "relayd getsockname",
          "relayd getpeername", "relayd write", "relayd sendmsg", "relayd resolver bind", "relayd resolver connect", "relayd resolver sendto",
          "relayd resolver recvfrom", "relayd resolver socket"}
SILENT_ONCE = {"relayd sendto", "relayd recvfrom"}  # on a connection that had been kept, and had nothing to do
SPARE = "/segment/spare"  # made ahead; without it the segment is made when it is needed
LOADER = "error while loading shared libraries"  # a role that was struck before it began
DIED = re.compile(r"event=role\.died .*")
FORBIDDEN = re.compile(r"event=(queue\.(failed|bounced|not_bounced|body_missing|(?:not_)?damaged?|record_not_understood)|relay\.(failed|damaged)|confine\.violation)\b.*")


class Fault:
    """A line of the table with one call and one error, and how: once, or from a call on. Its next attempt is at call NEXT."""

    def __init__(self, service, role, work, calls, error, lasting):
        self.service, self.role, self.work, self.calls, self.error, self.lasting = service, role, work, calls, error, lasting
        self.next = 1

    def kind(self):
        return f"{self.service} {self.role}, {self.work}: {self.calls} {self.error} {'from call' if self.lasting else 'at call'}"

    def __str__(self):
        return f"{self.kind()} {self.next}"

    def is_silent(self, struck):
        """Whether nobody needs to hear of the calls STRUCK."""
        if all(SPARE in line for line in struck):
            return True
        if not self.lasting and f"{self.service} {self.calls}" in SILENT_ONCE:
            return True
        return all(SILENT & {call, f"{self.service} {call}", f"{self.service} {call} {self.error}", f"{self.service} {self.role} {call}"}
                   for call in self.calls.split(","))

    def problems(self, struck, log):
        """What is wrong with LOG, which the attempt left."""
        found = []
        forbidden = FORBIDDEN.search(log)
        if forbidden:
            found.append(f"in the log: {forbidden.group(0)}")
        said = os.strerror(getattr(errno, self.error))
        if not self.is_silent(struck) and said not in log and LOADER not in log:
            found.append(f"the log does not say {said!r}")
        died = DIED.findall(log)
        if died and self.work in ("mail", "pop3", "relay"):
            found.append(f"a role died: {died[0]}")
        return found


def faults_of(service, role, work, names, errors):
    """The faults of a line of the table."""
    return [Fault(service, role, work, calls, error, lasting) for calls in names.split() for error in errors.split()
            for lasting in ((True,) if work == "restart" else (False, True))]


def all_faults(only):
    """The first one of each line, then the second ones, and so on, so that a short run has something of everything."""
    lines = [faults_of(*line) for line in FAULTS]
    faults = [line[place] for place in range(max(map(len, lines))) for line in lines if place < len(line)]
    return [fault for fault in faults if all(word in str(fault) for word in only)]
