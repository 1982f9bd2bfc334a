"""System calls of a running process that fail as they do on a sick disk: strace(1) attached to it, which answers in the kernel's place."""

import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

from harness import PATIENCE, children_of, is_root, is_running

STRUCK = re.compile(r"^\d+ +(?:<\.\.\. )?(\w+).*\(INJECTED\)$", re.MULTILINE)


class Injection:
    """While it is entered, CALLS of PIDS, and of what they start, fail with ERROR: the calls that WHEN names, as strace counts them, for each
    thread and call by itself; a call with a ! always. With PATHS only calls on these files count."""

    def __init__(self, pids, calls, error, when, paths=()):
        self.output = tempfile.NamedTemporaryFile(prefix="angarium-strace-")
        self.command = ["strace", "-f", "-y", "-o", self.output.name, "-e", "trace=" + calls.replace("!", "")]
        for path in paths:
            self.command += ["-P", str(path)]
        for call in calls.split(","):
            # brk has no errors, it returns the end that it has left as it was.
            result = "retval=0" if call == "brk" else f"error={error}"
            # A call that is taken away must stand as one that the role's filter allows: getpid is never refused and does nothing.
            self.command += ["-e", f"inject={call.strip('!')}:{result}:syscall=getpid:when={'1+' if call.endswith('!') else when}"]
        for pid in pids:
            self.command += ["-p", str(pid)]
        self.pids = pids

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for _ in self.pids:
            line = self.process.stderr.readline()
            if "attached" not in line:
                self.process.kill()
                self.process.communicate()
                raise OSError(f"strace: {line}")
        return self

    def __exit__(self, *_):
        """A call that is just being failed would come back as done, were strace to leave then: the processes are stopped first."""
        stopped = [pid for pid in [*self.pids, *(child for pid in self.pids for child in children_of(pid))] if self.stop(pid)]
        self.process.terminate()
        self.process.communicate()
        for pid in stopped:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass

    def stop(self, pid):
        """False when there is no such process."""
        try:
            threads = os.listdir(f"/proc/{pid}/task")
            os.kill(pid, signal.SIGSTOP)
        except (FileNotFoundError, ProcessLookupError):
            return False
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and is_running(pid):
            text = self.text()
            if all(re.search(rf"^{thread} +--- stopped by SIGSTOP ---$", text, re.MULTILINE) for thread in threads):
                break
            time.sleep(0.002)
        return True

    def close(self):
        self.output.close()

    def struck(self):
        """The calls that failed so far, as strace writes them."""
        return [found.group(0) for found in STRUCK.finditer(self.text())]

    def text(self):
        return pathlib.Path(self.output.name).read_text(encoding="ascii", errors="replace")



def impossible():
    """Why injections do not work here, or None."""
    if not is_root():
        return "only root can attach to the roles"
    victim = subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL)
    try:
        injection = Injection([victim.pid], "write", "EIO", "1")
        with injection:
            pass
        injection.close()
        return None
    except OSError as failure:
        return f"strace cannot attach to a process: {failure}"
    finally:
        victim.kill()
        victim.wait()
