"""Replays a record on the model of a disk, cuts the power at every point, has each state recovered, and checks the invariants.

A state is known by the set of changes that are in it, so none is recovered twice, also not in another replay of the same record.
"""

import hashlib
import os
import pathlib
import random
import re
import shutil
import subprocess
import tempfile

from disk import PAGE, Disk

REGIONS = ("spool", "mail", "table")
SHARES = {"spool": 0.6, "mail": 0.25, "table": 0.15}  # of the states
EXHAUSTIVE = 4      # open changes up to which every combination of them is built
SAMPLES = 3         # random states at a cut with more
FINAL = 16          # states of recipients from here on are final (queued/message.h)
FORBIDDEN = re.compile(r"event=(queue\.(body_missing|record_not_understood|set_aside_failed|segment_not_synced|foreign_file)) .*")
KINDS = (  # of files, by their paths below the top
    (re.compile(r""), "the directory above"),
    (re.compile(r"spool"), "the spool's directory"),
    (re.compile(r"spool/segment"), "segment/"),
    (re.compile(r"spool/segment/.*"), "a segment"),
    (re.compile(r"spool/body"), "body/"),
    (re.compile(r"spool/body/.*"), "a body"),
    (re.compile(r"mail"), "the mail root"),
    (re.compile(r"mail/.*/new"), "new/"),
    (re.compile(r"mail/.*/tmp/.*"), "a message in tmp/"),
    (re.compile(r"table"), "the table's directory"),
    (re.compile(r"table/log\..*"), "the log"),
    (re.compile(r"table/__db\..*"), "a new database"),
    (re.compile(r"table/.*\.db"), "a database"),
)
# What delivery and smtpd put before a message.
PREFIX = re.compile(rb"Return-Path: <[^\n]*>\nDelivered-To: ([^\n]*)\nReceived: from [^\n]*\n\tby [^\n]* id (\w{13})"
                    rb"(?:\n\tfor <[^\n]*>)?; [^\n]*\n")


def class_of(operation, top):
    """Of a sync: which process, call and kind of file."""
    path = operation.path[len(str(top)) + 1:]
    kind = next((name for pattern, name in KINDS if pattern.fullmatch(path)), "another file")
    who = operation.who
    if kind == "the directory above":
        who = "parents"
    elif path.startswith("table"):
        who = "tabled"  # or dbtool, by the same code
    return f"{who}: {operation.call} of {kind}"


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
        self.built = dict.fromkeys(REGIONS, 0)

    def close(self):
        self.queue.close()
        self.table.close()
        shutil.rmtree(self.scratch, ignore_errors=True)

    def find(self, disk, region, key, chosen):
        found = self.known.get((region, key))
        if found is None:
            found = getattr(self, "recover_" + region)(disk, chosen)
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
        live = {}
        for line in lines:
            words = line.split(" ")
            if words[0] == "message":
                expected = self.ledger.messages.get(words[1])
                if words[2] not in ([expected[0]] if expected else self.ledger.digests):
                    found.faults.append(f"the body of {words[1]} is damaged")
                live[words[1]] = False
            elif words[0] == "recipient":
                if int(words[2]) < FINAL:
                    live[words[1]] = True
                    found.here.update((words[1], user) for user in self.ledger.leads_to(words[3]))
            elif words[0] == "done" and words[1] != "0":
                found.faults.append(f"recovery fails: {line}")
            elif FORBIDDEN.search(line):
                found.faults.append(FORBIDDEN.search(line).group(0))
        found.faults.extend(f"{name} has no envelope" for name, known in live.items() if not known)

    def recover_mail(self, disk, chosen):
        found = Found()
        for path, inode in disk.view("mail", chosen):
            words = path.split("/")
            if inode.directory or len(words) != 5 or words[3] not in ("new", "cur"):
                continue
            if inode.pending or inode.note is None:
                note = self.message_of(bytes(disk.content(inode, chosen)))
                if not inode.pending:
                    inode.note = note
            else:
                note = inode.note
            if note:
                found.here.add((note, f"{words[2]}@{words[1]}"))
            else:
                found.faults.append(f"a message in {words[3]}/ is not whole: {path}")
        return found

    def message_of(self, content):
        """The queue id of a whole message, or an empty string."""
        prefix = PREFIX.match(content)
        name = prefix.group(2).decode() if prefix else ""
        expected = self.ledger.messages.get(name)
        digest = hashlib.sha256(content[prefix.end():]).hexdigest() if prefix else ""
        return name if digest in ([expected[0]] if expected else self.ledger.digests) else ""

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


class Replay:
    """One pass through the record. IGNORED: a class of syncs that does nothing; the pass then ends with the first violation."""

    def __init__(self, operations, promises, recovery, top, states, seed, ignored=None, rows=None):
        self.operations = operations
        self.recovery = recovery
        self.ledger = recovery.ledger
        self.top = top
        self.states = states
        self.random = random.Random(seed)
        self.ignored = ignored
        self.disk = Disk(top, REGIONS, {"table": PAGE})
        self.keys = random.Random(1)
        self.weights = {}   # of a change: a random number; a state's key is the XOR of those that are in it
        self.folded = dict.fromkeys(REGIONS, 0)
        self.events = self.make_events(promises)
        self.rows = rows if rows is not None else [None]  # after each change of the table
        self.learn = rows is None
        self.begun = self.returned = 0  # changes of the table
        self.promised = set()
        self.ended = set()  # what is over, durably
        self.current = {region: {} for region in REGIONS}  # key: Found, of the states at this cut
        self.violations = []
        self.cuts = self.checked = 0
        self.passed = dict.fromkeys(REGIONS, 0)  # events of each region, so far
        self.total = self.count_events()
        self.orphans = set()  # changes that an ignored sync would have covered
        self.classes = {}

    # ---- time ----

    def make_events(self, promises):
        events = []
        for operation in self.operations:
            if operation.kind == "sync":
                events.append((operation.began, 3, "ask", operation))
                events.append((operation.ended, 0, "done", operation))
            elif operation.kind != "send":
                events.append((operation.began, 2, "change", operation))
        for name, when in promises.items():
            if name in self.ledger.messages:
                events.append((when, 1, "promise", name))
        for began, returned in self.ledger.changes:
            events.append((began, 1, "begun", None))
            events.append((returned, 1, "returned", None))
        events.sort(key=lambda event: event[:2])
        return events

    def run(self):
        for _, _, kind, what in self.events:
            region, important = getattr(self, "on_" + kind)(what)
            if region:
                self.passed[region] += 1
            if region and (important or self.affordable(region)):
                self.cut(region)
            if self.ignored and self.violations:
                break
        return self

    def count_events(self):
        total = dict.fromkeys(REGIONS, 1)
        for _, _, kind, what in self.events:
            path = what.path if kind in ("change", "ask", "done") else str(self.top) + "/spool"
            total[self.region_of(path)] += 1
        return total

    def affordable(self, region):
        """Whether a region's share of the states allows for more at this point of its record."""
        return self.recovery.built[region] <= self.states * SHARES[region] * self.passed[region] / self.total[region]

    def weigh(self):
        """Gives each new change its weight, in the order of their numbers."""
        while len(self.weights) < self.disk.numbers:
            self.weights[len(self.weights) + 1] = self.keys.getrandbits(64)

    def on_change(self, operation):
        if not self.disk.begin(operation):
            return None, False
        self.weigh()
        return self.region_of(operation.path), False

    def region_of(self, path):
        words = self.disk.split(path)
        return words[0] if words else "spool"

    def on_ask(self, operation):
        name = class_of(operation, self.top)
        if not self.disk.begin(operation):
            return None, False
        self.classes[name] = self.classes.get(name, 0) + 1
        if name == self.ignored:
            self.orphans.update(self.disk.covered.pop(operation))
            return None, False
        return self.region_of(operation.path), True

    def on_done(self, operation):
        if operation not in self.disk.covered:
            return None, False
        before = {change: region for region in REGIONS for change in self.disk.pending[region]}
        self.disk.end_sync(operation)
        for change, region in before.items():
            if change not in self.disk.pending[region]:
                self.folded[region] ^= self.weights[change.number]
        return self.region_of(operation.path), True

    def on_promise(self, name):
        self.promised.update((name, user) for user in self.ledger.messages[name][1])
        return "spool", True

    def on_begun(self, _):
        self.begun += 1
        return None, False

    def on_returned(self, _):
        self.returned += 1
        if self.learn:
            chosen = dict.fromkeys(self.disk.open_changes("table"), True)
            self.rows.append(self.find("table", chosen).rows)
            if self.rows[-1] == self.rows[-2]:
                self.violate("table", "a change that returned is not there at all")
        return "table", True

    # ---- one cut ----

    def key(self, region, chosen):
        key = self.folded[region]
        for change, choice in chosen.items():
            if choice is True:
                key ^= self.weights[change.number]
            elif choice:
                key ^= hash((change.number, tuple(choice)))
        for change in self.disk.pending[region]:
            if change.durable:
                key ^= self.weights[change.number]
        return key

    def find(self, region, chosen):
        key = self.key(region, chosen)
        found = self.recovery.find(self.disk, region, key, chosen)
        self.current[region][key] = found
        return found

    def choices(self, region):
        """The states to build at this cut: of each, what is chosen of the open changes."""
        changes = self.disk.open_changes(region)
        everything = dict.fromkeys(changes, True)
        orphans = [change for change in changes if change in self.orphans]
        yield {}
        yield everything
        if orphans:
            yield {change: change not in self.orphans for change in changes}
            yield {change: change in self.orphans for change in changes}
            missing = self.random.choice(orphans)
            yield {change: change is not missing for change in changes}
            yield {change: change is missing for change in changes}
        if not changes or not self.affordable(region):
            return
        if len(changes) <= EXHAUSTIVE:
            for bits in range(1, 2 ** len(changes) - 1):
                yield {change: bool(bits >> index & 1) for index, change in enumerate(changes)}
        for _ in range(SAMPLES):
            yield self.sample(changes)

    def sample(self, changes):
        odds = self.random.choice((0.2, 0.5, 0.8))
        chosen = {change: self.random.random() < odds for change in changes}
        for change in changes:
            if change.kind == "data" and self.random.random() < 0.5:
                chosen[change] = self.disk.tear_data(change, self.random)
        return chosen

    def cut(self, region):
        self.cuts += 1
        self.current[region] = {}
        for number, chosen in enumerate(self.choices(region)):
            found = self.find(region, chosen)
            self.check(region, found, self.describe(region, chosen))
            if number == 0 and region == "spool" and not found.faults:
                self.ended |= self.promised - found.here

    def describe(self, region, chosen):
        names = []
        for change in self.disk.open_changes(region):
            choice = chosen.get(change, False)
            fate = "done" if choice is True else "torn" if choice else "undone"
            names.append(f"{change.kind} {change.name or change.offset} {fate}")
        return ", ".join(names[-12:])

    def check(self, region, found, where):
        self.checked += 1
        for fault in found.faults:
            self.violate(region, fault, where)
        if region == "table":
            allowed = self.rows[self.returned:self.begun + 1] + ([None] if self.begun >= len(self.rows) else [])
            if self.returned and found.rows not in allowed and not found.faults and None not in allowed[1:]:
                known = self.rows.index(found.rows) if found.rows in self.rows else "none"
                self.violate(region, f"the table is that after change {known}, not {self.returned} to {self.begun}", where)
            return
        back = self.ended & found.here if region == "spool" else set()
        if back:
            self.violate(region, f"ended recipients came back: {sorted(back)[:3]}", where)
        other = "mail" if region == "spool" else "spool"
        if not self.current[other]:
            self.find(other, {})
        missing = self.promised - found.here
        for partner in self.current[other].values():
            lost = missing - partner.here
            if lost:
                self.violate(region, f"lost, neither in the queue nor in a mailbox: {sorted(lost)[:3]}", where)
                break

    def violate(self, region, what, where=""):
        if len(self.violations) < 1000:
            self.violations.append(f"{region}: {what} [{where}]")
