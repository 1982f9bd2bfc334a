"""Questions to the address table."""

import re

from harness import DOMAIN
from measures import running
from servers import Angarium


def lookups(users, clients, at_once, field):
    """FIELD of what bench_lookup prints: answers a second (0), or microseconds at the 99th percentile (2)."""
    def measure(bench, directory):
        with running(Angarium(directory / "server")) as server:
            server.add_users([f"u{number}" for number in range(bench.count(users))])
            text = bench.program("bench_lookup", server.directory / "run" / "tabled-smtpd.sock", clients, at_once, 5, bench.count(users), DOMAIN)
            return float(re.findall(r"[0-9.]+", text)[field])
    return measure
