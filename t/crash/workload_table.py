"""A workload of dbtool alone, on a table with small log files: changes that are killed at each of their syncs in turn."""

import itertools

from harness import DOMAIN
from workload import Workload

# Read by Berkeley DB itself: files of the log that are soon full, and whose records do not wait long in memory.
SMALL_LOGS = "set_lg_bsize 32768\nset_lg_max 131072\n"
FEW = 10         # aliases, on pages that have nothing to do with each other
SEVERAL = 800    # for which one file of the log may not be enough
MANY = 10000     # that need more than the cache, so that pages are written before the transaction ends


class TableWorkload(Workload):
    name = "table"
    share = 0.15
    services = ()
    directives = {"table_cache_size": "1M"}

    def kill_in_turn(self, *words, lines=lambda name: None, behind=()):
        """
        A change like no other for each sync in it; the last one is not killed any more. LINES: of a name that differs, for an import. BEHIND:
        a change that comes, undisturbed, after each that was killed.
        """
        def named(words):
            return [word.replace("NAME", name) for word in words]

        for call in ("fsync", "fdatasync"):
            for number in itertools.count(1):
                name = f"{call}{number}"
                if not self.change(*named(words), stdin=lines(name), command=self.killed_at(call, number), may_die=True):
                    break
                if behind:
                    self.change(*named(behind), command=self.suite.wrapper)

    @staticmethod
    def aliases(name, count):
        """Lines for an import."""
        return "".join(f"alias {index * (SEVERAL // FEW if count == FEW else 1)}-{name}@{DOMAIN} to=somebody{index}@{DOMAIN}\n" for index in range(count))

    def run(self):
        self.change("domain", "add", DOMAIN, command=self.killed_at("fsync", 1), may_die=True)
        (self.suite.directory / "table" / "DB_CONFIG").write_text(SMALL_LOGS)
        self.kill_in_turn("domain", "add", "NAME." + DOMAIN)
        self.change("domain", "add", DOMAIN, command=self.suite.wrapper)
        self.change("import", command=self.suite.wrapper, stdin=self.aliases("", SEVERAL))
        self.kill_in_turn("import", lines=lambda name: f"domain {name}.scattered.example\n" + self.aliases(name, FEW))
        self.kill_in_turn("import", lines=lambda name: self.aliases(name + "-more", SEVERAL), behind=("domain", "add", "behind-NAME." + DOMAIN))
        for number in (5, 10):
            self.change("import", command=self.killed_at("fsync", number), stdin=self.aliases("many", MANY), may_die=True)
        self.change("import", command=self.suite.wrapper, stdin=self.aliases("many", MANY))
