"""Lays out states of the model's disk as files, has them recovered by the real code, and says what there is in them."""

import collections
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile


FINAL = 16          # states of recipients from here on are final (queued/message.h)
FORBIDDEN = re.compile(r"event=(queue\.(body_missing|record_not_understood|set_aside_failed|segment_not_synced|foreign_file)) .*")
# What delivery and smtpd put before a message.
PREFIX = re.compile(rb"Return-Path: <[^\n]*>\nDelivered-To: ([^\n]*)\nReceived: from [^\n]*\n\tby [^\n]* id (\w{13})"
                    rb"(?:\n\tfor <[^\n]*>)?; [^\n]*\n")
# What delivery puts before a report, and what is looked for in one.
REPORT = re.compile(rb"Return-Path: <>\nDelivered-To: [^\n]*\n")
FAILED = re.compile(rb"\nFinal-Recipient: rfc822; ([^\n]*)\nAction: failed\n")
REPORTED = re.compile(rb"\nX-Angarium-Queue-ID: (\w{13})\n")


class Helper:
    """A program that recovers what lies in a directory, and says what it found."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, errors="replace")

    def ask(self, path):
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            lines.append(line.rstrip("\n"))
            if line.startswith("done "):
                return lines
        raise AssertionError(f"a program that recovers died at {path}: {lines[-5:]}")

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


class Found:
    """What there is in a state. FAULTS: what is wrong whatever was promised."""

    def __init__(self):
        self.here = set()  # (queue id, user) that are still to be delivered, or that lie in the mailbox
        self.marks = {}    # of the queue ids that are live: what holds of the message
        self.faults = []
        self.rows = None   # a digest of the table


def used_of(content):
    """Bytes up to the last block that has something in it."""
    zeros = bytes(65536)
    end = len(content)
    while end >= len(zeros) and content.endswith(zeros, 0, end):
        end -= len(zeros)
    return end


class Recovery:
    """Builds states and has them recovered."""

    def __init__(self, programs, ledger, scratch=None):
        self.ledger = ledger
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="angarium-power-", dir=scratch))
        self.queue = Helper(programs / "recover_queue")
        self.table = Helper(programs / "recover_table")
        self.known = {}   # (region, key of the state): Found
        self.built = collections.Counter()
        self.reports = {}  # what is said of a report must always be the same

    def close(self):
        self.queue.close()
        self.table.close()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def find(self, disk, region, key, chosen):
        found = self.known.get((region, key))
        if found is None:
            found = self.recover_spool(disk, chosen) if region == "spool" else self.recover_table(disk, chosen) if region == "table" \
                else self.recover_mail(disk, region, chosen)
            self.built[region] += 1
            self.known[region, key] = found
        return found

    def lay_out(self, disk, region, chosen):
        """The state as files; "" when the region itself is missing."""
        view = disk.view(region, chosen)
        if not view:
            return ""
        top = self.scratch / "state"
        shutil.rmtree(top, ignore_errors=True)
        for path, inode in view:
            if inode.directory:
                os.mkdir(f"{top}{path}")
                continue
            content = disk.content(inode, chosen)
            with open(f"{top}{path}", "xb") as out:
                out.write(memoryview(content)[:used_of(content)])
                out.truncate(len(content))
        return top

    def recover_spool(self, disk, chosen):
        found = Found()
        top = self.lay_out(disk, "spool", chosen)
        if not top:
            return found
        lines = self.queue.ask(top)
        self.read_queue(lines, found)
        again = Found()
        self.read_queue(self.queue.ask(top), again)
        if again.here != found.here:
            found.faults.append("a second recovery finds something else")
        return found

    def read_queue(self, lines, found):
        digests = {}
        about = {}  # reports: what they are about
        enveloped = set()
        for line in lines:
            words = line.split(" ")
            if words[0] == "message":
                digests[words[1]] = words[2]
            elif words[0] == "reports":
                about[words[1]] = words[2]
            elif words[0] == "failed":
                found.here.update((about[words[1]], user) for user in self.ledger.leads_to(words[2]))
            elif words[0] == "recipient":
                enveloped.add(words[1])
                if int(words[2]) < FINAL:
                    found.marks.setdefault(words[1], set())
                    found.here.update((words[1], user) for user in self.ledger.leads_to(words[3]))
            elif words[0] == "mark":
                found.marks.setdefault(words[1], set()).add(words[2])
            elif words[0] == "done" and words[1] != "0":
                found.faults.append(f"recovery fails: {line}")
            elif FORBIDDEN.search(line):
                found.faults.append(FORBIDDEN.search(line).group(0))
        for name, digest in digests.items():
            if not (self.is_report(name, digest) if name in about else self.is_known(name, digest)):
                found.faults.append(f"the body of {name} is damaged")
        found.faults.extend(f"{name} has no envelope" for name in digests if name not in enveloped)

    def recover_mail(self, disk, region, chosen):
        found = Found()
        for path, inode in disk.view(region, chosen):
            words = (region + path).split("/")
            if inode.directory or len(words) != 5 or words[3] not in ("new", "cur"):
                continue
            if inode.pending or inode.note is None:
                note = self.message_of(bytes(disk.content(inode, chosen)), f"{words[2]}@{words[1]}")
                if not inode.pending:
                    inode.note = note
            else:
                note = inode.note
            found.here.update(note)
            if not note:
                found.faults.append(f"a message in {words[3]}/ is not whole: {path}")
        return found

    def is_known(self, name, digest):
        """Whether the message that was accepted as NAME has that content. Whose sender saw no 250 has one that was sent."""
        expected = self.ledger.messages.get(name)
        return digest == expected[0] if expected else digest in self.ledger.digests

    def is_report(self, name, digest):
        return digest != "-" and self.reports.setdefault(name, digest) == digest

    def message_of(self, content, user):
        """
        {(queue id, user)} of a whole message, or nothing. A report stands for the messages that could not be delivered; one that tells of a
        delay stands for itself.
        """
        prefix = PREFIX.match(content)
        if prefix:
            name = prefix.group(2).decode()
            return {(name, user)} if self.is_known(name, hashlib.sha256(content[prefix.end():]).hexdigest()) else set()
        reported = REPORTED.search(content) if REPORT.match(content) else None
        if not reported or not self.is_report(content.split(b"\nMessage-ID: ")[1].partition(b"\n")[0], hashlib.sha256(content).hexdigest()):
            return set()
        name = reported.group(1).decode()
        failed = {(name, user) for address in FAILED.findall(content) for user in self.ledger.leads_to(address.decode())}
        return failed or {(name, "its report")}

    def recover_table(self, disk, chosen):
        found = Found()
        top = self.lay_out(disk, "table", chosen)
        lines = self.table.ask(top) if top else ["done 0 "]
        if not lines[-1].startswith("done 0 "):
            found.faults.append(f"recovery fails: {lines[-1]}")
        # The rows that are there from the beginning are made by whoever opens an empty table.
        rows = [line for line in lines[:-1] if not line.startswith("record 0 ")]
        found.rows = hashlib.sha256("\n".join(rows).encode()).hexdigest()
        return found
