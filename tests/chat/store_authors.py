"""Authors for tests of the store: devices that write real entries, and seeded randomness."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from hypothesis import strategies as st

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


class Written(NamedTuple):
    """An entry of some author and what it says."""

    author: Author
    entry: Entry
    op: ops.AnyOp


ME = named("member cid", 16)
NAMES = ("ana", "bo", "cid")
SALTS = [named(f"salt {number}", 16) for number in range(3)]
TEXTS = ("hello cats", "Café à côté", "猫が好き", "clean\x1b[2Jme", "", "two\nlines", "server down")
FILES = tuple(
    ops.FileInfo(
        named(f"root {number}", 36) + bytes(4),
        named(f"file key {number}"),
        named(f"plaintext {number // 2}"),
        1000 + number,
        f"../pic{number}\x1b.png",
        "image/png",
        alt="a tabby",
    )
    for number in range(3)
)


def message_of(author: str, salt: bytes) -> bytes:
    return ops.message_id(named(f"member {author}", 16), salt)


IDS = [message_of(author, salt) for author in NAMES for salt in SALTS]
_IDS = st.sampled_from(IDS)
_SALTS = st.sampled_from(SALTS)
_TEXTS = st.sampled_from(TEXTS)
_MENTIONS = st.sampled_from([(), (), (ME,), (named("member bo", 16), ME)])
_POSTS = st.builds(
    ops.Post,
    _SALTS,
    _TEXTS,
    st.sampled_from([None, None, *IDS[:3]]),
    _MENTIONS,
    st.sampled_from([(), (), FILES[:1], FILES[1:]]),
)
_OPS = st.one_of(
    _POSTS,
    _POSTS,
    st.builds(ops.Post, _SALTS, _TEXTS),
    st.builds(ops.Edit, _SALTS, _TEXTS, _MENTIONS),
    st.builds(ops.Delete, _SALTS),
    st.builds(ops.React, _IDS, st.sampled_from(["👍", "🐱", "👍\x1b"]), st.booleans()),
    st.builds(ops.Topic, _TEXTS),
    st.builds(ops.Pin, _IDS, st.sampled_from([True, True, False])),
    st.builds(ops.Profile, _TEXTS, st.sampled_from(["", "red"])),
    st.builds(ops.Setting, st.sampled_from(["mode", "mo\x00de", "\x00"]), _TEXTS),
)


@st.composite
def scripts(draw: st.DrawFn, max_size: int = 24) -> list[Written]:
    """Some authors write; few messages, so that most operations meet others on the same one."""
    authors = [Author(name) for name in NAMES]
    # The length is drawn first: lists that end by chance are mostly too short to disagree in.
    size = draw(st.integers(0, max_size))
    steps = draw(
        st.lists(
            st.tuples(
                st.sampled_from(authors),
                _OPS,
                st.sampled_from([GENERAL, GENERAL, RANDOM]),
                st.integers(-2, 2),
            ),
            min_size=size,
            max_size=size,
        )
    )
    written = []
    for author, op, channel, minutes in steps:
        entry = author.write(op, channel, at_ms=NOW_MS + minutes * 60_000)
        written.append(Written(author, entry, op))
    return written


def store_entries(store: WorkspaceStore, script: Sequence[Written]) -> dict[bytes, int]:
    """Append what was written; gives arrival numbers by entry id."""
    return {item.entry.id: store.append([item.entry]) for item in script}


def project(
    store: WorkspaceStore,
    arrivals: dict[bytes, int],
    batch: Sequence[Written],
    *,
    now_ms: int = NOW_MS,
) -> None:
    """Add operations of stored entries to the projection, as this member `ME` sees them."""
    items = [
        (item.entry, arrivals[item.entry.id], item.op, item.author.member, item.author.member == ME)
        for item in batch
    ]
    store.project_many(items, now_ms=now_ms, me=ME)


def snapshot(store: WorkspaceStore) -> list[object]:
    """Everything that a face can read of a workspace."""
    seen: list[object] = [store.count_messages(), store.count_entries(), sorted(store.roots())]
    seen += [store.find_message(""), store.messages(limit=1000)]
    seen += [store.search(query) for query in ("cats", "cafe", "猫", "tabby", "pic1", "cl")]
    seen += [store.file_of_root(file.root) for file in FILES]
    seen += [store.files_by_plaintext(file.sha256) for file in FILES]
    for channel in (GENERAL, RANDOM):
        seen += [store.canonical(channel), store.registers(channel), store.unread(channel)]
        seen += [store.messages(channel, limit=1000), store.messages(channel, limit=9, pinned=True)]
        seen += [store.messages(channel, limit=9, thread=IDS[0]), store.channel_last(channel)]
    return seen
