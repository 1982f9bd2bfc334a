"""Records the file operations of processes by strace, and reads the record: operations in the order in which they began.

Each thread has a file of its own, so that no line is ever cut; the times (nanoseconds, one clock) put them in order. strace takes the time
of an operation's end before the process goes on, so whatever follows from it, in any process, has a later time.
"""

import dataclasses
import os
import re
import shutil
import subprocess

CALLS = ("open,openat,openat2,creat,write,pwrite64,writev,pwritev,pwritev2,rename,renameat,renameat2,link,linkat,unlink,unlinkat,"
         "truncate,ftruncate,fallocate,mkdir,mkdirat,rmdir,symlink,symlinkat,fsync,fdatasync,syncfs,sync,msync,lseek,"
         "copy_file_range,sendfile,splice,sendto,sendmsg,chroot,execve,clone,clone3,fork,vfork")
# The calls that change files and that this reader does not know; none may be met on a file that is followed.
UNKNOWN = {"symlink", "symlinkat", "copy_file_range", "sendfile", "splice", "sync", "msync", "truncate", "creat"}
LINE = re.compile(rb"(\d+)\.(\d{9}) (\w+)\((.*)\) += (-?\d+|\?)(?:<((?:\\x\w\w)*)>(?:\(deleted\))?)?.*?(?: <(\d+)\.(\d{9})>)?$", re.DOTALL)
END = re.compile(rb"(\d+)\.(\d{9}) \+\+\+ ")
DESCRIPTOR = re.compile(rb"(?:AT_FDCWD|-?\d+)<((?:\\x\w\w)*)>(?!\(deleted\))")
DELETED = re.compile(rb"^\d+<(?:\\x\w\w)*>\(deleted\)")
STRING = re.compile(rb'"([^"]*)"')  # all of it is in hexadecimal digits
BASE = re.compile(rb'iov_base="([^"]*)"')
NUMBER = re.compile(rb"(?<=, )(-?\d+)(?=,|$)")


def text_of(hexadecimal):
    return bytes.fromhex(hexadecimal.replace(rb"\x", b"").decode("ascii"))


@dataclasses.dataclass(eq=False)
class Operation:
    """PATH is absolute, in the view from outside of any chroot."""
    kind: str      # create, write, size, rename, link, unlink, mkdir, rmdir, sync, seek, send
    began: int     # nanoseconds since 1970
    ended: int
    who: str       # service and role
    call: str
    process: int   # or thread
    path: str = ""
    to: str = ""   # of rename and link
    offset: int = -1  # -1: where the last write or seek ended
    size: int = 0
    data: bytes = b""
    unsure: bool = False  # its process was killed in it, so nobody knows whether it has happened


def problem():
    """Why nothing can be recorded here, or an empty string."""
    if os.getuid() != 0:
        return "only root can read the memory of the services' roles"
    if not shutil.which("strace"):
        return "strace is not installed"
    test = subprocess.run(["strace", "-f", "-o", "/dev/null", "true"], capture_output=True, text=True, check=False)
    return "strace cannot trace here: " + test.stderr.strip() if test.returncode else ""


def wrapper(directory):
    """The command that a service is started by; its process remains the caller's child."""
    return ["strace", "-D", "-ff", "-q", "-v", "-yy", "-xx", "-s", "16777216", "-T", "--syscall-times=ns",
            "--absolute-timestamps=format:unix,precision:ns", "-e", "signal=none", "-e", "trace=" + CALLS, "-o", str(directory / "calls")]


class Thread:
    """What one file of the record says."""

    def __init__(self, path):
        self.number = int(path.name.rpartition(".")[2])
        self.calls = []
        self.children = []
        self.root = ""
        self.changes = []  # (time, role) by execve
        self.parent = None
        killed = None  # the call that a kill has cut off, if any
        with open(path, "rb") as lines:
            for line in lines:
                match = LINE.match(line)
                if match and match.group(5) == b"?":
                    killed = match
                elif match and not match.group(5).startswith(b"-"):
                    self.read(match)
                elif killed and (end := END.match(line)):
                    self.read(killed, int(end.group(1) + end.group(2)))

    def read(self, match, killed=None):
        began = int(match.group(1) + match.group(2))
        ended = killed or began + int((match.group(7) or b"0") + (match.group(8) or b"000000000"))
        call, arguments, result = match.group(3).decode(), match.group(4), None if killed else int(match.group(5))
        if call in ("clone", "clone3", "fork", "vfork"):
            self.children.append(result)
        elif call == "execve":
            words = [text_of(word).decode(errors="replace") for word in STRING.findall(arguments.partition(b"[")[2].partition(b"]")[0])]
            role = words[2] if len(words) == 3 and words[1] == "-R" else "parent"
            self.changes.append((began, words[0].rpartition("/")[2] + " " + role))
        elif call == "chroot":
            self.root = (began, text_of(STRING.search(arguments).group(1)).decode())
        else:
            path = text_of(match.group(6)).decode(errors="replace") if match.group(6) is not None else ""
            self.calls.append((began, ended, call, arguments, result, path))


class Reader:
    def __init__(self, directory, top):
        self.top = str(top)
        self.threads = {}
        self.unknown = []
        for path in directory.iterdir():
            thread = Thread(path)
            self.threads[thread.number] = thread
        for thread in self.threads.values():
            for child in thread.children:
                if child in self.threads:
                    self.threads[child].parent = thread

    def role(self, thread, when):
        while thread:
            known = [role for began, role in thread.changes if began <= when]
            if known:
                return known[-1]
            thread = thread.parent
        return "unknown"

    def root(self, thread, when):
        while thread:
            if thread.root and thread.root[0] <= when:
                return thread.root[1]
            thread = thread.parent
        return ""

    def operations(self):
        found = []
        for thread in self.threads.values():
            last = None
            for call in thread.calls:
                operation = self.read(thread, *call)
                if operation and not self.together(operation, last):
                    found.append(operation)
                    last = operation
        found.sort(key=lambda operation: (operation.began, operation.ended))
        if self.unknown:
            raise AssertionError(f"calls that the reader does not know: {self.unknown[:5]}")
        return found

    def together(self, operation, before):
        """Zeros written behind zeros (Berkeley DB clears the rest of a log so) are one operation, of which parts may be missing."""
        if not before or (operation.kind, before.kind, before.path) != ("write", "write", operation.path):
            return False
        if operation.offset != -1 or before.offset != -1 or operation.data.strip(b"\0"):
            return False
        if isinstance(before.data, bytes) and before.data.strip(b"\0"):
            return False
        if isinstance(before.data, bytes):
            before.data = bytearray(before.data)
        before.data += operation.data
        before.ended = operation.ended
        return True

    def name(self, thread, when, directory, name):
        name = text_of(name).decode(errors="surrogateescape")
        if not name.startswith("/"):
            name = text_of(directory).decode(errors="surrogateescape") + "/" + name
        elif not name.startswith(self.top):
            name = self.root(thread, when) + name
        return name.replace("/./", "/").removesuffix("/.")

    def read(self, thread, began, ended, call, arguments, result, opened):
        if DELETED.match(arguments):
            return None
        first = DESCRIPTOR.match(arguments)  # not one that a message passes on
        on = text_of(first.group(1)).decode(errors="surrogateescape") if first else ""
        common = {"began": began, "ended": ended, "who": self.role(thread, began), "call": call, "process": thread.number, "unsure": result is None}
        if result is None and call in ("fsync", "fdatasync", "syncfs", "lseek", "clone", "clone3", "execve", "chroot"):
            return None

        def path(index):
            descriptors = DESCRIPTOR.findall(arguments)
            at = descriptors[index] if len(descriptors) > index else b""
            return self.name(thread, began, at, STRING.findall(arguments)[index])

        def one(kind, **values):
            followed = values.get("path", "").startswith(self.top) or kind == "send"
            return Operation(kind=kind, **common, **values) if followed else None

        if call in ("open", "openat", "openat2"):
            if b"O_CREAT" not in arguments:
                return one("size", path=opened) if b"O_TRUNC" in arguments else None
            return one("create", path=opened or path(0), size=1 if b"O_TRUNC" in arguments else 0)
        if call in ("write", "pwrite64", "writev", "pwritev", "pwritev2", "sendto", "sendmsg"):
            bodies = STRING.findall(arguments)[:1] if call in ("write", "pwrite64", "sendto") else BASE.findall(arguments)
            if not on:
                return one("send", data=b"".join(map(text_of, bodies))[:result])
            numbers = NUMBER.findall(arguments.rpartition(b'"')[2] if call == "pwrite64" else arguments.rpartition(b"]")[2])
            offset = int(numbers[-1] if call != "pwritev2" else numbers[-2]) if call.startswith("pwrite") else -1
            return one("write", path=on, offset=offset, data=b"".join(map(text_of, bodies))[:result])
        if call == "lseek":
            return one("seek", path=on, offset=result)
        if call in ("fallocate", "ftruncate"):
            numbers = [int(number) for number in NUMBER.findall(arguments)]
            return one("size", path=on, size=numbers[-1] + (numbers[-2] if call == "fallocate" else 0))
        if call in ("fsync", "fdatasync", "syncfs"):
            return one("sync", path=on)
        if call in ("mkdir", "mkdirat"):
            return one("mkdir", path=path(0))
        if call in ("unlink", "unlinkat", "rmdir"):
            return one("unlink", path=path(0))
        if call in ("rename", "renameat", "renameat2", "link", "linkat"):
            return one("rename" if call.startswith("rename") else "link", path=path(0), to=path(1))
        return self.complain(call, opened or on) if call in UNKNOWN else None

    def complain(self, call, path):
        if path.startswith(self.top):
            self.unknown.append((call, path))
