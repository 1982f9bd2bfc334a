"""The syncs of the suite: where the source has them, and what classes of them t/crash/power takes out. It fails when either is not as here."""

import collections
import pathlib
import re

# A line of a function that syncs, or that gives a function away that does; definitions are not indented.
SITE = re.compile(r"^\t.*(?:\b(?:fsync|fdatasync|syncfs|sync_file_range|msync|sync)\(|\bdurable_(?:sync\w*|make_directory)\b|\b(?:O|RWF)_D?SYNC\b)", re.MULTILINE)
SOURCES = ("common", "tabled", "queued", "deliverd", "relayd", "smtpd", "pop3d", "sendmail")
SITES = {
    "common/io/durable.c": 7,           # what the others call; sync_file_range, which paces zeros, is a hint
    "common/proc/parent_sockets.c": 2,  # the roles' directories
    "tabled/dbtool_local.c": 1,         # the table's directory
    "tabled/table_files.c": 3,          # names of logs and of databases; the log, at start. Berkeley DB itself: fdatasync
    "queued/store.c": 1,                # the spool's directory
    "queued/recover.c": 1,              # the names of segments, at start
    "queued/segment_load.c": 1,         # segments, at start
    "queued/syncer.c": 2,               # segment/, a segment, body/, a body
    "deliverd/batch.c": 3,              # files and moves, the file system; sync_file_range is a hint
}
CLASSES = {
    "parents: fsync of the directory above",
    "queued queue: fsync of the spool's directory",
    "queued queue: fsync of a segment",
    "queued queue: fsync of segment/",
    "queued syncer: fdatasync of a segment",
    "queued syncer: fsync of segment/",
    "queued syncer: fsync of segment/ behind a removal",
    "queued syncer: fdatasync of a body",
    "queued syncer: fsync of body/",
    "deliverd worker: fsync of a message in tmp/",
    "deliverd worker: fsync of new/",
    "deliverd worker: syncfs of the mail root",
    "tabled: fdatasync of the log",
    "tabled: fdatasync of a new database",
    "tabled: fdatasync of a database",
    "tabled: fsync of the log",
    "tabled: fsync of the table's directory for a new log",
    "tabled: fsync of the table's directory for a new database",
}
# Where mounting is allowed.
ELSEWHERE = {
    "deliverd worker: fsync of a message in tmp/ elsewhere",
    "deliverd worker: fsync of new/ elsewhere",
    "deliverd worker: syncfs of new/ elsewhere",
}


def sites():
    """{file: how many lines} of the source."""
    top = pathlib.Path(__file__).resolve().parent.parent.parent
    found = collections.Counter()
    for folder in SOURCES:
        for path in sorted((top / folder).rglob("*.c")):
            count = len(SITE.findall(path.read_text(encoding="utf-8")))
            if count:
                found[str(path.relative_to(top))] = count
    return found
