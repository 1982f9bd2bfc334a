"""Replays a record on the model of a disk, cuts the power at every point, has each state recovered, and checks the invariants.

A state is known by the set of changes that are in it, so none is recovered twice, also not in another replay of the same record.
"""

import collections
import itertools
import random
import re

from disk import PAGE, Disk
from workload import ELSEWHERE

MAIL = ("mail", "mail/" + ELSEWHERE)  # the second one is a file system of its own
REGIONS = ("spool", *MAIL, "table")  # directories below the top
SHARES = {"spool": 0.6, "mail": 0.2, "mail/" + ELSEWHERE: 0.05, "table": 0.15}  # of the states
MARKS = {"hold": ("held", True), "release": ("held", False), "bounce": ("returned", True)}  # of queuetool: what each promises
EXHAUSTIVE = 4      # open changes up to which every combination of them is built
SAMPLES = 3         # random states at a cut with more
BEHIND_250 = "right behind a 250"
BATCHES = {"queued syncer": "in the middle of a batch of queued", "deliverd worker": "in the middle of a batch of deliverd"}
ALERT = 40          # events after an ignored sync at each of which the power is cut
SEGMENTS = "queued syncer: fsync of segment/"
TABLE = "tabled: fsync of the table's directory"
KINDS = (  # of files, by their paths below the top
    (re.compile(r""), "the directory above"),
    (re.compile(r"spool"), "the spool's directory"),
    (re.compile(r"spool/segment"), "segment/"),
    (re.compile(r"spool/segment/.*"), "a segment"),
    (re.compile(r"spool/body"), "body/"),
    (re.compile(r"spool/body/.*"), "a body"),
    (re.compile(r"mail"), "the mail root"),
    (re.compile(rf"mail/{ELSEWHERE}/.*/new"), "new/ elsewhere"),
    (re.compile(rf"mail/{ELSEWHERE}/.*/tmp/.*"), "a message in tmp/ elsewhere"),
    (re.compile(r"mail/.*/new"), "new/"),
    (re.compile(r"mail/.*/tmp/.*"), "a message in tmp/"),
    (re.compile(r"table"), "the table's directory"),
    (re.compile(r"table/log\..*"), "the log"),
    (re.compile(r"table/__db\..*"), "a new database"),
    (re.compile(r"table/.*\.db"), "a database"),
)


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


class Replay:
    """
    One pass through the record. The first one, without BASE, learns only what each sync is there for, and what the table has after
    each change. IGNORED: a class of syncs that does nothing; the pass then ends with the first violation.
    """

    def __init__(self, recording, recovery, states, seed, ignored=None, base=None):
        self.operations = recording.operations
        self.recovery = recovery
        self.ledger = recovery.ledger
        self.top = recording.top
        self.states = states
        self.random = random.Random(seed)
        self.ignored = ignored
        self.disk = Disk(self.top, REGIONS, {"table": PAGE}, spoils=("spool",), base=recording.base)
        self.keys = random.Random(1)
        self.weights = {}   # of a change: a random number; a state's key is the XOR of those that are in it
        self.folded = dict.fromkeys(REGIONS, 0)
        self.events = self.make_events(recording.promises)
        self.learn = base is None
        self.begun = self.returned = 0  # changes of the table: the last that was begun, and that returned
        self.promised = set()  # (queue id, user)
        self.discharged = set()  # those of which nothing needs to be left any more
        self.marks = {}      # of a queue id: what was promised to hold of the message, or not to
        self.ended = set()  # what is over, durably
        self.current = {region: {} for region in REGIONS}  # key: Found, of the states at this cut
        self.rows = base.rows if base else [self.find("table", {}).rows]  # after each change of the table
        self.violations = []
        self.cuts = self.checked = 0
        self.reasons = collections.Counter()  # of the cuts that are made in any case
        self.before = sum(recovery.built.values())  # states, of earlier replays
        self.passed = dict.fromkeys(REGIONS, 0)  # events of each region, so far
        self.total = self.count_events()
        self.alert = 0        # events for which an ignored sync is looked at closely
        self.orphans = set()  # changes that an ignored sync would have covered
        self.spoiled = None  # of the choices at a cut: that of spoiled blocks
        self.names = base.names if base else {}  # of syncs: their classes

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
        for began, ended, returned in self.ledger.changes:
            events.append((began, 1, "begun", None))
            events.append((ended, 1, "over", returned))
        for began, ended, verb, names in self.ledger.orders:
            events.append((began, 1, "order", (verb, names)))
            if ended:
                events.append((ended, 1, "obeyed", (verb, names)))
        events.extend((when, 1, "relayed", recipient) for recipient, when in self.ledger.relayed.items())
        events.sort(key=lambda event: event[:2])
        return events

    def run(self):
        """Each event is for one region, and is a reason for a cut or none."""
        for _, _, kind, what in self.events:
            region, important = getattr(self, "on_" + kind)(what)
            if region:
                self.passed[region] += 1
                self.current[region] = {}
                self.alert -= 1
            if region and not self.learn and (important or self.is_worth(region)):
                self.reasons[important] += 1
                self.cut(region)
            if self.ignored and (self.violations or self.spent > self.states):
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

    def count_batches(self):
        return sum(operation.who in BATCHES for operation in self.names)

    def is_worth(self, region):
        """Whether to cut where no sync and no promise has just been: as far as the states last, or close behind an ignored sync."""
        return self.alert > 0 if self.ignored else self.affordable(region)

    @property
    def spent(self):
        return sum(self.recovery.built.values()) - self.before

    def weigh(self):
        """Gives each new change its weight, in the order of their numbers."""
        while len(self.weights) < self.disk.numbers:
            self.weights[len(self.weights) + 1] = self.keys.getrandbits(64)

    def on_change(self, operation):
        if not self.disk.begin(operation):
            return None, ""
        self.weigh()
        return self.region_of(operation.path), ""

    def region_of(self, path):
        words = self.disk.split(path)
        return words[0] if words else "spool"

    def name_of(self, operation):
        """The class of a sync that has begun. Some calls make the same directory durable for several reasons."""
        name = class_of(operation, self.top)
        covered = self.disk.covered[operation]
        if name == SEGMENTS and covered and all(change.target is None for change in covered):
            return name + " behind a removal"
        if name == TABLE:
            made = [change.name for change in covered if change.process == operation.process and change.target is not None]
            return name + (" for a new log" if made and made[-1].startswith("log.") else " for a new database")
        return name

    def on_ask(self, operation):
        if not self.disk.begin(operation):
            return None, ""
        if self.learn:
            self.names[operation] = self.name_of(operation)
        name = self.names[operation]
        if name == self.ignored:
            self.orphans.update(self.disk.covered.pop(operation))
            self.alert = ALERT
            return None, ""
        return self.region_of(operation.path), BATCHES.get(operation.who, "when another sync begins")

    def on_done(self, operation):
        if operation not in self.disk.covered:
            return None, ""
        before = {change: region for region in REGIONS for change in self.disk.pending[region]}
        self.disk.end_sync(operation)
        for change, region in before.items():
            if change not in self.disk.pending[region]:
                self.folded[region] ^= self.weights[change.number]
        return self.region_of(operation.path), "when a sync has ended"

    def on_promise(self, name):
        self.promised.update((name, user) for user in self.ledger.messages[name][1])
        return "spool", BEHIND_250

    def on_order(self, order):
        """From now on it may be obeyed, or not yet."""
        verb, names = order
        for name in names:
            if verb == "delete":
                self.discharged.update((name, user) for user in self.ledger.messages[name][1])
            elif verb in MARKS:
                self.marks.setdefault(name, {}).pop(MARKS[verb][0], None)
        return None, ""

    def on_obeyed(self, order):
        verb, names = order
        for name in names:
            if verb == "delete":
                self.ended.update((name, user) for user in self.ledger.messages[name][1])
            elif verb in MARKS:
                mark, holds = MARKS[verb]
                self.marks[name][mark] = holds
        return "spool", "behind an order of queuetool's"

    def on_relayed(self, recipient):
        """Another host has it."""
        self.discharged.add(recipient)
        return "spool", "when another host has a message"

    def on_begun(self, _):
        self.begun += 1
        return None, ""

    def on_over(self, returned):
        """A change that was killed is there or not; what comes behind it is built on what is seen now."""
        if self.learn:
            chosen = dict.fromkeys(self.disk.open_changes("table"), True)
            self.rows.append(self.find("table", chosen).rows)
            if returned and self.rows[-1] == self.rows[-2]:
                self.violate("table", "a change that returned is not there at all")
        if returned:
            self.returned = self.begun
        return "table", "behind a change of the table"

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
        if not self.ignored or self.alert > 0:
            yield everything
        if changes and (not self.ignored or self.alert > 0):
            yield {changes[-1]: True}  # ahead of everything before it
        self.spoiled = self.disk.spoil(changes)
        if self.spoiled and not self.ignored:
            yield self.spoiled
        if orphans:
            yield {change: change not in self.orphans for change in changes}
        if orphans and self.alert > 0:
            yield {change: change in self.orphans for change in changes}
            missing = self.random.choice(orphans)
            yield {change: change is not missing for change in changes}
            yield {change: change is missing for change in changes}
        if not changes or self.ignored or not self.affordable(region):
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
        for number, chosen in enumerate(self.choices(region)):
            found = self.find(region, chosen)
            self.check(region, found, self.describe(region, chosen), chosen is self.spoiled)
            if number == 0 and region == "spool" and not found.faults:
                self.ended |= self.promised - found.here

    def describe(self, region, chosen):
        names = []
        for change in self.disk.open_changes(region):
            choice = chosen.get(change, False)
            fate = "done" if choice is True else "torn" if choice else "undone"
            names.append(f"{change.kind} {change.name or change.offset} {fate}")
        return ", ".join(names[-12:])

    def check(self, region, found, where, spoiled):
        self.checked += 1
        for fault in found.faults:
            self.violate(region, fault, where)
        if region == "table":
            self.check_rows(found, where)
            return
        if region == "spool":
            self.check_queue(found, where, spoiled)
        others = [other for other in ("spool", *MAIL) if other != region]
        for other in others:
            if not self.current[other]:
                self.find(other, {})
        missing = self.promised - self.discharged - found.here
        for partners in itertools.product(*(self.current[other].values() for other in others)):
            lost = missing.difference(*(partner.here for partner in partners))
            if lost:
                self.violate(region, f"lost, neither in the queue nor in a mailbox: {sorted(lost)[:3]}", where)
                break

    def check_queue(self, found, where, spoiled):
        """
        What has ended does not come back, and what queuetool said holds. (SPOILED may be a block of which the queue did not know yet that
        it had become durable, and on which it built nothing.)
        """
        back = self.ended & found.here
        if back and not spoiled:
            self.violate("spool", f"ended recipients came back: {sorted(back)[:3]}", where)
        for name, marks in self.marks.items():
            for mark, holds in marks.items():
                if name in found.marks and (mark in found.marks[name]) != holds:
                    self.violate("spool", f"{name} is {'not ' if holds else ''}{mark}", where)

    def check_rows(self, found, where):
        """The table is as after the last change that returned, or after the one that has begun since."""
        if found.faults or found.rows in self.rows[self.returned:self.begun + 1]:
            return
        known = f"after change {self.rows.index(found.rows)}" if found.rows in self.rows else "after no change that is known"
        self.violate("table", f"the table is as {known}, and change {self.returned} had returned", where)

    def violate(self, region, what, where=""):
        if len(self.violations) < 1000:
            self.violations.append(f"{region}: {what} [{where}]")
