"""The manual pages against the source: every line of the log stands in one."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVICES = ("common", "tabled", "queued", "smtpd", "deliverd", "relayd", "pop3d")
EVENT = re.compile(r'"([a-z][a-z0-9_]*\.[a-z][a-z0-9_]*)"')


def events():
    """What log_event() is called with, directly or by way of a table whose entries have a priority."""
    found = set()
    for service in SERVICES:
        for path in (ROOT / service).rglob("*.c"):
            for line in path.read_text(encoding="utf-8").splitlines():
                if "LOG_" in line:
                    found.update(EVENT.findall(line.partition("LOG_STRING(")[0]))
    return found


class Log(unittest.TestCase):
    def test_every_line_of_the_log_stands_in_a_manual(self):
        pages = [path.read_text(encoding="utf-8") for service in SERVICES for path in (ROOT / service).glob("*.8")]
        pages.append((ROOT / "etc" / "angarium.conf.5.in").read_text(encoding="utf-8"))
        known = {word for page in pages for word in re.findall(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*", page)}
        found = events()
        self.assertGreater(len(found), 100)
        self.assertEqual(sorted(found - known), [])
