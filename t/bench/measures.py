"""What all measures share. A measure is a function of the benchmark and an empty directory; it returns a Figure, or a number."""

import collections
import contextlib
import resource
import shutil
import subprocess

Row = collections.namedtuple("Row", "name what unit more_is_better contestants targets")
Target = collections.namedtuple("Target", "text against value at_least")


class Skipped(Exception):
    pass


class Bench:
    def __init__(self, programs, scale, directory=None):
        self.programs = programs
        self.scale = scale
        self.directory = directory
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def count(self, standard):
        return max(int(standard * self.scale), 20)

    def program(self, name, *arguments):
        result = subprocess.run([self.programs / name, *map(str, arguments)], capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise Skipped(f"{name}: {result.stderr.strip()}")
        return result.stdout

    def start(self, name, *arguments):
        """One that is told when to begin or to end by the end of its input."""
        return subprocess.Popen([self.programs / name, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def number(self, name, *arguments):
        return float(self.program(name, *arguments).split()[0])


@contextlib.contextmanager
def running(server):
    """SERVER, started, and stopped whatever happens."""
    if not server.available():
        raise Skipped("not installed, or not root")
    server.start()
    try:
        yield server
    finally:
        server.stop()


def source(server, messages, sessions, size, recipient, *options):
    """smtp-source: MESSAGES over SESSIONS at once, each with a connection of its own unless OPTIONS say otherwise."""
    if shutil.which("smtp-source") is None:
        raise Skipped("there is no smtp-source (Postfix)")
    ports = server.smtp_ports[:sessions]
    with contextlib.ExitStack() as stack:
        def start(port, messages, sessions):
            return stack.enter_context(subprocess.Popen(["smtp-source", "-s", str(sessions), "-m", str(messages), "-l", str(size), "-f", "sender@example.net",
                                                         "-t", recipient, *options, f"127.0.0.1:{port}"], stderr=subprocess.PIPE))
        sources = [start(*parts) for parts in zip(ports, shares(messages, len(ports)), shares(sessions, len(ports)))]
    for one in sources:
        if one.returncode != 0:
            raise AssertionError(f"smtp-source ended with {one.returncode}")


def shares(total, count):
    """TOTAL as COUNT numbers that are as equal as they can be."""
    return [total // count + (index < total % count) for index in range(count)]
