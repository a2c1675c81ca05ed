"""Authors for tests of the store: devices that write real entries, and seeded randomness."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from chat.store import Store, WorkspaceStore
from crdt import entry as entries
from crdt import ops
from crdt.clock import reading
from crdt.entry import NO_ENTRY, Entry, LogId, Position
from crdt.keys import DeviceKeys, Entropy, digest
from crdt.timeline import Stamp, TimelineOp

NOW_MS = 1_790_000_000_000
KEY = digest(b"x1.test", b"database key")
WORKSPACE = digest(b"x1.test", b"workspace")
CHANNEL_KEY = digest(b"x1.test", b"channel key")


def named(name: str, size: int = 32) -> bytes:
    """A value that stands for something."""
    return digest(b"x1.test", name.encode())[:size]


GENERAL, RANDOM = named("#general", 16), named("#random", 16)
EPOCH = named("epoch")


def seeded(name: str) -> Entropy:
    """Bytes that are the same every time."""
    count = 0

    def entropy(size: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.blake2b(f"{name}/{count}".encode(), digest_size=size).digest()

    return entropy


def in_memory(name: str = "store") -> Store:
    return Store.in_memory(seeded(name))


def on_disk(path: Path, name: str = "store") -> Store:
    return Store(path, KEY, seeded(name))


class Author:
    """A device of a member, and the logs it wrote."""

    def __init__(self, name: str, workspace: bytes = WORKSPACE) -> None:
        self.name = name
        self.member = named(f"member {name}", 16)
        self.keys = DeviceKeys.generate(seeded(f"keys of {name}"))
        self.device = self.keys.public.sign
        self.incarnation = named(f"incarnation of {name}", 8)
        self.workspace = workspace
        self.heads: tuple[bytes, ...] = (named("founding op"),)
        self.epoch = EPOCH
        self.now_ms = NOW_MS
        self.written: dict[LogId, list[Entry]] = {}
        self.operations: dict[bytes, ops.AnyOp] = {}
        self._hlc = 0
        self._salts = 0

    def log(self, channel: bytes = GENERAL, part: int = ops.PART_TIMELINE) -> LogId:
        return LogId(channel, part, self.device, self.incarnation)

    def salt(self) -> bytes:
        self._salts += 1
        return named(f"salt {self.name} {self._salts}", 16)

    def write(self, op: ops.AnyOp, channel: bytes = GENERAL, *, at_ms: int | None = None) -> Entry:
        """The next entry of the log that the operation belongs to."""
        log = self.log(channel, ops.part_of(op))
        before = self.written.setdefault(log, [])
        position = Position(0, NO_ENTRY, b"")
        if before:
            position = Position(len(before), before[-1].id, before[-1].roster)
        self._hlc = max(self._hlc + 1, reading(self.now_ms)) if at_ms is None else reading(at_ms)
        entry = entries.write(
            self.workspace,
            log,
            position,
            ops.encode(op),
            hlc=self._hlc,
            heads=self.heads,
            epoch=self.epoch,
            channel_key=CHANNEL_KEY,
            sign_seed=self.keys.sign_seed,
            nonce=named(f"nonce {self.name} {log} {len(before)}", 24),
        )
        before.append(entry)
        self.operations[entry.id] = op
        return entry

    def post(
        self, text: str = "hello", channel: bytes = GENERAL, *, at_ms: int | None = None
    ) -> Entry:
        return self.write(ops.Post(self.salt(), text), channel, at_ms=at_ms)

    def posts(self, count: int, channel: bytes = GENERAL) -> list[Entry]:
        return [self.post(f"hello {number}", channel) for number in range(count)]

    def message(self, entry: Entry) -> bytes:
        """The id of the message that an own entry posted."""
        op = self.operations[entry.id]
        assert isinstance(op, ops.Post)
        return ops.message_id(self.member, op.salt)

    def delivery(self, entry: Entry) -> tuple[TimelineOp, bytes, Stamp]:
        """An own timeline entry as the timeline in memory takes it."""
        op = self.operations[entry.id]
        assert isinstance(op, TimelineOp)
        return op, self.member, Stamp(entry.hlc, entry.id)


def take(
    store: WorkspaceStore,
    author: Author,
    entries: Sequence[Entry],
    *,
    me: bytes | None = None,
    now_ms: int = NOW_MS,
) -> list[bytes]:
    """Append consecutive entries of one log and project them; gives the ids of new messages."""
    arrival = store.append(entries)
    changes = store.project_many(
        [
            (entry, number, author.operations[entry.id], author.member, author.member == me)
            for number, entry in enumerate(entries, arrival)
        ],
        now_ms=now_ms,
        me=me,
    )
    return [change.message for change in changes if change.is_new and change.message]
