"""Judging a signed export: by the code that judges what peers send, and shown by the code that
shows what they sent.

A file is read into a workspace of its own, in memory, which belongs to nobody who is in it: ops go
through the roster's rules, runs through `crdt.ingest.judge`, entries that stand through the reader.
So what verifies here is what every member's machine would have taken, and reads as it does there;
what is proven to be forked is void here, too.
What opens texts are the keys in the file and those that public channels have in the roster.

A fault in one op or run is noted, and the rest goes on; what rests on it will be a fault too. A
file that is cut or no export ends it.
"""

from collections.abc import Iterator
from typing import Self

import msgspec
from msgspec.structs import replace

from chat import model, reader
from chat.proofs import records
from chat.proofs.exported import EpochKey, Exported, Keys, known_epoch
from chat.proofs.records import Begin, End, Fork, Key, Name, Op, Record, Run
from chat.store import Store
from chat.verification import MEMBER_WORDS, fingerprint, words
from chat.views import Views
from chat.voiding import Voiding
from chat.workspace import Identity, Now
from crdt import entry as entries
from crdt import forks
from crdt.entry import Entry, LogId
from crdt.errors import Invalid, TooNew
from crdt.ingest import Append, judge
from crdt.keys import DeviceKeys, Entropy
from crdt.limits import ID_BYTES, INCARNATION_BYTES, KEY_BYTES
from crdt.ops import PART_TIMELINE
from crdt.roster import Roster

FAULTS_MAX = 100
"""Sentences; whoever reads more than that reads none."""
PAGE_MESSAGES = 500


class ChannelProof(msgspec.Struct, frozen=True):
    """What of one channel is in a file.

    Attributes:
        name: as its own state says, or as whoever exported calls it.
        entries: those that verify.
        messages: those that can be read.
        sealed: entries without a key for them.
        aside: entries that open to nothing that makes sense.
    """

    id: str
    name: str
    mode: str
    entries: int
    messages: int
    sealed: int
    aside: int


class AuthorProof(msgspec.Struct, frozen=True):
    """Who wrote something of it.

    Attributes:
        nick: as they call themselves where that can be read, or as whoever exported calls them.
        state: "in", "removed" or "left".
        words: of their keys, as `clowder verify` shows them; empty of who is not in any more.
        entries, void: how many verify, and how many of these do not stand.
    """

    member: str
    nick: str
    state: str
    words: str
    entries: int
    void: int


class Proof(msgspec.Struct, frozen=True):
    """What a file is worth.

    Attributes:
        exported: when, by the clock of whoever did.
        faults: sentences about what does not verify; nothing of that is counted elsewhere.
    """

    workspace: str
    exported: int
    ops: int
    channels: tuple[ChannelProof, ...]
    authors: tuple[AuthorProof, ...]
    faults: tuple[str, ...]


class Checker:
    """Judges the records of one file, in their order; who makes one closes it.

    `known` is the key of an epoch that came another way. It has to be what that epoch commits to;
    then it leads to the epochs before, too.
    """

    def __init__(self, begin: Begin, entropy: Entropy, known: EpochKey | None = None) -> None:
        self._begin = begin
        self._entropy = entropy
        self._known = known
        self._roster = Roster(begin.workspace)
        self._names: dict[bytes, str] = {}
        self._faults: list[str] = []
        self._ops = 0
        self._broken: set[LogId] = set()
        self._store: Store | None = None

    def take(self, record: Record) -> None:
        """One more record."""
        match record:
            case Op(wire):
                self._take_op(wire)
            case Name(what, text):
                self._names[what] = text
            case Fork(wire):
                self._settle()
                self._take_fork(wire)
            case Key(epoch, channel, key):
                self._settle()
                self._keys.given.setdefault((epoch, channel), key)
            case Run(data):
                self._settle()
                self._take_run(data)
            case End():
                self._settle()

    def fault(self, sentence: str) -> None:
        """Something does not verify."""
        if len(self._faults) < FAULTS_MAX:
            self._faults.append(sentence)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._store is not None:
            self._store.close()

    # Roster -------------------------------------------------------------------------------------

    def _take_op(self, wire: bytes) -> None:
        self._ops += 1
        try:
            if not self._roster.add(wire):
                self.fault(f"Roster op {self._ops} stands twice, or before what it rests on.")
        except TooNew:
            self.fault(f"Roster op {self._ops} needs a newer Clowder.")
        except Invalid as error:
            self.fault(f"Roster op {self._ops} does not verify: {error}.")

    def _settle(self) -> None:
        """All ops are here: what is read from now on is judged by them."""
        if self._store is not None:
            return
        device = DeviceKeys.generate(self._entropy)
        identity = Identity(
            self._begin.workspace,
            bytes(ID_BYTES),
            device.sign_seed,
            device.link_secret,
            device.box_secret,
            bytes(KEY_BYTES),
        )
        self._store = Store.in_memory(self._entropy)
        known: dict[bytes, bytes] = {}
        if self._known is not None:
            try:
                known = known_epoch(self._roster, self._known)
            except Invalid as error:
                self.fault(f"The key that goes with it does not verify: {error}.")
        self._keys = Keys(self._roster, device, known)
        self._keys.refresh()
        self._workspace = Exported(
            identity,
            self._store.workspace(self._begin.workspace),
            self._roster,
            self._keys,
            self._entropy,
            bytes(INCARNATION_BYTES),
            names=self._names,
        )
        self._voiding = Voiding(self._workspace)

    # Entries ------------------------------------------------------------------------------------

    def _take_run(self, data: bytes) -> None:
        try:
            run = entries.decode_run(data)
        except Invalid as error:
            self.fault(f"A run of entries is malformed: {error}.")
            return
        log = run.log
        if log in self._broken:
            return
        try:
            self._judge(run)
        except Invalid as error:
            self._broken.add(log)
            self.fault(
                f"Entries of {self._who(log.device)} in #{self._where(log.channel)}, from number "
                f"{run.first_seq} on, do not verify: {error}."
            )

    def _take_fork(self, wire: bytes) -> None:
        """Nothing has been read yet of the log that a proof is about: it goes by it from now on."""
        try:
            proof = forks.check(self._workspace.id, wire)
        except TooNew:
            self.fault("A proof that a log was forked needs a newer Clowder.")
            return
        except Invalid as error:
            self.fault(f"A proof that a log was forked does not verify: {error}.")
            return
        log = proof.log
        known = self._workspace.member_of(log.device) is not None
        if not known or log.channel not in self._roster.state.channels:
            self.fault("A proof of a fork is about nobody, or about no channel.")
            return
        self._workspace.store.add_fork(log, proof.seq, proof.first, proof.second)

    def _judge(self, run: entries.Run) -> None:
        log, workspace, store = run.log, self._workspace, self._workspace.store
        if log.channel not in self._roster.state.channels:
            raise Invalid("the roster has no such channel")
        held = store.log_state(log)
        if held is not None and run.first_seq != held.head + 1:
            raise Invalid("they do not follow what stands before them")
        verdict = judge(
            workspace.id,
            run,
            held,
            lambda seq: _entry(store.entries(log, seq, seq)),
            self._roster,
            lambda first, last: store.named(log, first, last),
        )
        if not isinstance(verdict, Append) or len(verdict.entries) != len(run.items):
            raise Invalid("a part of them, or of the roster that they name, is missing")
        for roster_hash, heads in verdict.head_sets.items():
            store.remember_head_set(roster_hash, heads)
        arrival = store.append(verdict.entries)
        batch, now = enumerate(verdict.entries, arrival), Now(self._begin.time_ms, 0)
        reader.read(workspace, self._voiding, batch, now)
        if self._voiding.doubts:
            turned = self._voiding.judge()
            if turned is not None:
                reader.read_turned(workspace, self._voiding, turned, now)
        workspace.forget_views()

    def _who(self, device: bytes) -> str:
        member = self._workspace.member_of(device)
        return "a stranger" if member is None else self._workspace.nick(member)

    def _where(self, channel: bytes) -> str:
        known = self._workspace.channel_names().get(channel)
        return known or self._names.get(channel) or channel.hex()[:8]

    # What came of it ----------------------------------------------------------------------------

    def proof(self) -> Proof:
        """What the records were worth, once all were taken."""
        workspace = self._workspace
        sealed = self._sealed()
        counts: dict[bytes, int] = {}
        channels: list[ChannelProof] = []
        for channel, name in sorted(workspace.channel_names().items(), key=lambda item: item[1]):
            total = 0
            for state in workspace.store.logs(channel):
                held = state.head - state.low + 1
                member = workspace.member_of(state.log.device)
                assert member is not None, "it may write"
                counts[member] = counts.get(member, 0) + held
                total += held
            channels.append(
                ChannelProof(
                    channel.hex(),
                    name,
                    self._views.channel(channel).mode,
                    total,
                    sum(1 for _ in self.messages(channel)),
                    sealed.get(channel, 0),
                    len(workspace.store.quarantined(channel)),
                )
            )
        authors = tuple(self._author(member, counts[member]) for member in sorted(counts))
        return Proof(
            self._begin.workspace.hex(),
            self._begin.time_ms,
            self._ops,
            tuple(channels),
            authors,
            tuple(self._faults),
        )

    def messages(self, channel: bytes, since: int = 0) -> Iterator[model.Message]:
        """The messages of a channel that can be read, from a hybrid time on, oldest first.

        Nothing in them says when they reached somebody; that is of a replica, not of a file.
        """
        after: tuple[int, bytes] | None = (since, bytes(ID_BYTES))
        while rows := self._workspace.store.messages(channel, limit=PAGE_MESSAGES, after=after):
            for row in rows:
                message = self._views.message(row)
                yield replace(message, reached=(0, 0), late=False, ahead_ms=0)
            after = rows[-1].hlc, rows[-1].mid

    def complete_since(self, channel: bytes) -> int:
        """The hybrid time from which on no log of a channel's timeline has a gap; 0 when none was
        cut short."""
        store = self._workspace.store
        cut = [s for s in store.logs(channel) if s.low and s.log.part == PART_TIMELINE]
        return max((store.entries(s.log, s.low, s.low)[0].hlc + 1 for s in cut), default=0)

    @property
    def _views(self) -> Views:
        return Views(self._workspace, lambda _: 0.0, set)

    def _sealed(self) -> dict[bytes, int]:
        """How many entries wait for a key, by channel."""
        store = self._workspace.store
        found: dict[bytes, int] = {}
        for epoch in store.waiting_epochs():
            after = 0
            while waiting := store.waiting(epoch, after):
                after = waiting[-1][0]
                for _, entry in waiting:
                    found[entry.log.channel] = found.get(entry.log.channel, 0) + 1
        return found

    def _author(self, member: bytes, total: int) -> AuthorProof:
        workspace, state = self._workspace, self._roster.state
        known, former = state.members.get(member), state.former_members.get(member)
        said, status = "", "removed"
        if known is not None:
            devices = [state.devices[device] for device in known.devices]
            said, status = words(fingerprint(workspace.id, member, devices), MEMBER_WORDS), "in"
        elif former is not None and former.by == member:
            status = "left"
        void = sum(
            count
            for device, count in workspace.store.count_void().items()
            if workspace.member_of(device) == member
        )
        nick = workspace.nick(member)
        return AuthorProof(member.hex(), nick, status, said, total, void)


def check(source: records.Source, entropy: Entropy, known: EpochKey | None = None) -> Checker:
    """Judge a whole file; `known` is the key of an epoch that came another way.

    Raises:
        TooNew: it needs a newer build.
        Invalid: it is no export, or cut, or damaged.
    """
    found = records.read(source)
    begin = next(found)
    assert isinstance(begin, Begin), "the reader saw to it"
    checker = Checker(begin, entropy, known)
    try:
        for record in found:
            checker.take(record)
    except Invalid:
        with checker:
            raise
    return checker


def _entry(found: list[Entry]) -> Entry | None:
    return found[0] if found else None
