"""A model of a disk under power cuts: what is durable, what was only asked for, and every state that a cut may leave of that.

The file system is taken to be a journalling one (it is itself consistent, and a rename or any other change of one name is whole or not at
all), but without any order among changes beyond what was synced:

- Data that was written and not synced is there, or not, or in parts (of TEAR bytes), or the file has only grown, by zeros or garbage.
- In the regions that SPOILS names such a write may spoil each block that it touches, also what had been durable in that block.
- A change of a file's size that was not synced has happened, or not. fdatasync covers it, as fdatasync(2) says.
- A name that was made, removed, or moved, is as before until its directory is synced; syncing the file itself does not help. (ext4 does
  more than that; it is not relied upon.) A move never leaves a file without both names; it may leave both.
- A sync covers what had ended before it began, and counts when it has ended.

All these happen in any combination.
"""

SECTOR = 512
PAGE = 4096
SPOILED = 256  # the fate of a part whose block is garbage


class Change:
    """One change that may not be durable yet. KIND: data, size, name."""
    __slots__ = ("kind", "inode", "ended", "durable", "offset", "data", "size", "name", "target", "added", "number", "process")

    def __init__(self, kind, inode, operation, number):
        self.kind = kind
        self.inode = inode      # the file, or the directory of the name
        self.ended = operation.ended
        self.process = operation.process
        self.number = number
        self.durable = False
        self.offset = 0
        self.data = b""
        self.size = 0
        self.name = ""
        self.target = None      # what the name leads to from then on; None: nothing
        self.added = None       # of a removal by a move: the change that adds the other name


class Inode:
    """BASE is what is durable: the bytes of a file, or the names of a directory. NOW is what the processes see."""

    def __init__(self, region, directory, content=b""):
        self.region = region
        self.directory = directory
        self.base = {} if directory else content
        self.now = {} if directory else content
        self.position = 0
        self.pending = []
        self.note = None  # of the checker, while nothing is pending

    def own(self):
        """Of a file: before the first change of it, the content is whoever's it came from."""
        if isinstance(self.now, bytes):
            self.base = bytearray(self.base)
            self.now = bytearray(self.now)

    def apply(self, content, change, choice):
        """CHOICE: True, or a list of what happened to each part of the data."""
        if change.kind == "name":
            if change.target is None:
                content.pop(change.name, None)
            else:
                content[change.name] = change.target
        elif change.kind == "size":
            resize(content, change.size)
        elif choice is True:
            end = change.offset + len(change.data)
            if len(content) < end:
                resize(content, end)
            content[change.offset:end] = change.data
        else:
            write_torn(content, change, choice)


def resize(content, size):
    if size < len(content):
        del content[size:]
    else:
        content.extend(bytes(size - len(content)))


def parts_of(change, tear):
    """The parts, by their ends in the file, in which data comes to the disk."""
    end = change.offset + len(change.data)
    first = change.offset // tear * tear + tear
    return [*range(first, end, tear), end]


def write_torn(content, change, parts):
    """PARTS: (end, fate); fate 1: written, 0: not, SPOILED, else garbage where the file grew, and zeros where it did not."""
    before = len(content)
    at = change.offset
    for end, fate in parts:
        if fate and len(content) < end:
            resize(content, end)
        if fate == 1:
            content[at:end] = change.data[at - change.offset:end - change.offset]
        elif fate == SPOILED:
            block = at // PAGE * PAGE
            length = min(len(content), block + PAGE) - block
            content[block:block + length] = bytes((i * 7 + at) % 256 for i in range(length))
        elif fate and at >= before:
            content[at:end] = bytes((fate + i * 7) % 256 for i in range(end - at))
        at = end


class Disk:
    """
    REGIONS: paths below TOP, each of which counts as a file system of its own; one inside another is a mount point, which is there from the
    beginning. BASE: what is there, too: {path below TOP: content, or None for a directory}.
    """

    def __init__(self, top, regions, tear=None, spoils=(), base=None):
        self.top = str(top)
        self.regions = regions
        self.tear = tear or {}
        self.spoils = spoils
        self.root = Inode("", True)
        for region in regions:
            if "/" in region:
                self.root.base[region] = self.root.now[region] = Inode(region, True)
        self.pending = {region: {} for region in regions}  # changes, oldest first; a dict for its order
        self.version = dict.fromkeys(regions, 0)
        self.numbers = 0
        self.covered = {}  # of a sync that has begun: the changes that it makes durable
        for path, content in sorted((base or {}).items()):
            self.load(path, content)

    def load(self, path, content):
        words = self.split(f"{self.top}/{path}")
        above = self.find(words[:-1])
        above.base[words[-1]] = above.now[words[-1]] = Inode(words[0], content is None, content)

    # ---- names ----

    def split(self, path):
        """The region that PATH is in, and the words behind that; else None."""
        below = path[len(self.top) + 1:] if path.startswith(self.top + "/") else ""
        region = max((name for name in self.regions if below == name or below.startswith(name + "/")), key=len, default=None)
        return [region, *below[len(region) + 1:].split("/")] if region and below != region else region and [region]

    def find(self, words):
        inode = self.root
        for word in words:
            if not inode or not inode.directory:
                return None
            inode = inode.now.get(word)
        return inode

    def look_up(self, path):
        if path == self.top:
            return self.root
        words = self.split(path)
        return self.find(words) if words else None

    # ---- changes ----

    def change(self, kind, inode, region, operation):
        self.numbers += 1
        if kind != "name":
            inode.own()
        change = Change(kind, inode, operation, self.numbers)
        inode.pending.append(change)
        inode.note = None
        self.pending[region][change] = True
        self.version[region] += 1
        return change

    def set_name(self, words, target, operation, added=None):
        directory = self.find(words[:-1])
        if directory is None:
            raise AssertionError(f"the record lacks the directory of {'/'.join(words)}")
        change = self.change("name", directory, words[0], operation)
        change.name, change.target, change.added = words[-1], target, added
        directory.apply(directory.now, change, True)
        return change

    def begin(self, operation):
        """What the processes see from now on. False: it is not about a region."""
        if operation.kind == "sync":
            return self.begin_sync(operation)
        words = self.split(operation.path)
        if words is None:
            return False
        return getattr(self, "begin_" + operation.kind)(operation, words)

    def begin_create(self, operation, words):
        inode = self.find(words)
        if inode is None:
            self.set_name(words, Inode(words[0], False), operation)
        elif operation.size and inode.now:
            self.set_size(inode, 0, operation)
        return True

    def begin_mkdir(self, operation, words):
        self.set_name(words, Inode(words[0], True), operation)
        return True

    def begin_unlink(self, operation, words):
        self.set_name(words, None, operation)
        return True

    def begin_link(self, operation, words):
        self.set_name(self.split(operation.to), self.find(words), operation)
        return True

    def begin_rename(self, operation, words):
        added = self.set_name(self.split(operation.to), self.find(words), operation)
        self.set_name(words, None, operation, added)
        return True

    def begin_seek(self, operation, words):
        inode = self.find(words)
        if inode and not inode.directory:
            inode.position = operation.offset
        return False

    def begin_write(self, operation, words):
        inode = self.find(words)
        if inode is None:
            raise AssertionError(f"the record lacks the creation of {operation.path}")
        change = self.change("data", inode, inode.region, operation)
        change.data = operation.data
        change.offset = operation.offset if operation.offset >= 0 else inode.position
        if operation.offset < 0:
            inode.position = change.offset + len(change.data)
        inode.apply(inode.now, change, True)
        return True

    def begin_size(self, operation, words):
        inode = self.find(words)
        size = max(operation.size, len(inode.now)) if operation.call == "fallocate" else operation.size
        if size != len(inode.now):
            self.set_size(inode, size, operation)
        return True

    def set_size(self, inode, size, operation):
        change = self.change("size", inode, inode.region, operation)
        change.size, change.offset = size, len(inode.now)
        inode.apply(inode.now, change, True)

    # ---- syncs ----

    def begin_sync(self, operation):
        inode = self.look_up(operation.path)
        if inode is None:
            return False
        changes = self.pending[inode.region] if operation.call == "syncfs" else inode.pending
        self.covered[operation] = [change for change in changes if change.ended <= operation.began]
        return True

    def end_sync(self, operation):
        touched = {}
        for change in self.covered.pop(operation, ()):
            if not change.durable:
                change.durable = True
                touched[change.inode] = True
        for inode in touched:
            self.fold(inode)

    def fold(self, inode):
        """What is durable, and has nothing before it that is not, becomes a part of the base."""
        count = 0
        for change in inode.pending:
            if not change.durable:
                break
            inode.apply(inode.base, change, True)
            region = change.name if inode is self.root else inode.region
            del self.pending[region][change]
            self.version[region] += 1
            count += 1
        del inode.pending[:count]
        inode.note = None

    # ---- states after a cut ----

    def open_changes(self, region):
        return [change for change in self.pending[region] if not change.durable]

    def tear_of(self, change):
        return self.tear.get(change.inode.region, SECTOR)

    def tear_data(self, change, rng):
        style = rng.random()
        odds = (1, 1, 0) if style < 0.5 else (1, 0, 0, rng.randrange(2, 256))
        return [(end, rng.choice(odds)) for end in parts_of(change, self.tear_of(change))]

    def spoil(self, changes):
        """The newest of CHANGES that is data may have spoiled its blocks; None when there is none that may."""
        for change in reversed(changes):
            if change.kind == "data" and change.inode.region in self.spoils:
                return {change: [(end, SPOILED) for end in parts_of(change, PAGE)]}
        return None

    def content(self, inode, chosen):
        """What a cut leaves of a file or directory; CHOSEN gives for each open change False, True, or parts. Not to be changed."""
        if not inode.pending:
            return inode.base
        content = inode.base.copy()
        for change in inode.pending:
            choice = True if change.durable else chosen.get(change, False)
            if change.added is not None and choice is True and not change.added.durable and not chosen.get(change.added, False):
                continue  # the removal half of a move that did not happen
            if choice:
                inode.apply(content, change, choice)
        return content

    def view(self, region, chosen):
        """(path, inode) of every file and directory in the state, below REGION."""
        inode = self.content(self.root, chosen).get(region)
        found = []
        if inode is not None:
            self.collect(inode, "", chosen, found)
        return found

    def collect(self, inode, path, chosen, found):
        found.append((path, inode))
        if inode.directory:
            for name, target in self.content(inode, chosen).items():
                self.collect(target, path + "/" + name, chosen, found)
