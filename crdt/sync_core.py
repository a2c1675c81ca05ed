"""What the parts of the replicator share: its links, its ports, and the effects it collects."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from crdt import limits
from crdt.budget import Budget
from crdt.entry import Entry, LogId
from crdt.retention import Forgets
from crdt.sync_messages import (
    TAKES_ERASED,
    TOLD,
    UNKNOWN_PEER,
    VERSION,
    Cursor,
    Hello,
    Mark,
    Message,
    Range,
    Seals,
    channel_set,
    encode,
    state_bytes,
)
from crdt.sync_ports import Effect, EntryStore, RosterView, Send, Visible

NO_MARK = Mark(0, bytes(8))
PRIORITY_LIVE = 0
CHANNELS_REMEMBERED = 100_000  # a cache; a peer that names more channels only makes it start anew


class PeerHead(NamedTuple):
    """What a peer holds of a log that is longer there than here."""

    low: int
    head: int
    hlc: int


@dataclass(slots=True)
class Request:
    """Something asked of one link and not yet answered to the end.

    Attributes:
        ranges, backward: what a Want asks for.
        page: the channel whose newest page is asked for.
        channels: those whose heads are asked for.
        brought: whether some piece of the answer had entries.
        useless_bytes: of it that others had brought already, or that does not follow yet.
    """

    ranges: tuple[Range, ...] = ()
    backward: bool = False
    page: bytes | None = None
    channels: tuple[bytes, ...] = ()
    brought: bool = False
    useless_bytes: int = 0


@dataclass(slots=True)
class Search:
    """Where a peer's branch of a log parts from the one here, as far as that is known.

    Attributes:
        other: the lowest place at which the peer is known to have another entry.
        equal: the highest place at which it has the same, None when none is known.
        proven: whether both branches from `other` on were seen, up to their signatures.
    """

    other: int
    equal: int | None = None
    proven: bool = False
    steps: int = 0


@dataclass(slots=True)
class Link:
    """One link, as long as it lasts. Times are milliseconds, None for never.

    Who is there:
        number, device, relay: as the caller said.
        unknown: no roster op here names the peer's device; almost nothing passes.
        was_member: some op here named it while the link lasted.
        unknown_bytes, waste_bytes: what counts against the peer's bounds.
    Hellos:
        hello_sent, hello: what was last said each way.
        checked_at, check_due: when the last hello was said, and when another one is due.
        checked_again: a second hello was said; from the third on they are held apart.
        news: the peer sent content since the last hello here.
        equal: states were equal when last compared, or differed by forks only.
        shown_equal: what the caller was last told of that.
    Roster and seals:
        roster_asked: the heads here were sent, and the answer is not complete.
        rosters_compared: hashes of both rosters when both were brought together last.
        missing_asked: the missing parents that the peer was last asked for.
        ops_known: ops that the peer has.
        seals_asked, seals_wanted: epochs asked of the peer, and by the peer in vain.
        seals_ahead: blocks that came before the ops which name them, by epoch.
    What the peer was told:
        answered: what it lacks was sent or announced; since then changes are pushed.
        told, marked: arrival up to which that holds, and up to which it was said.
        mark_due: when to say it.
        known: log to the seq up to which the peer has it.
        later: logs whose news others were sending the peer; announced later if it lacks them.
        unserved: logs of whose beginning the peer was told, or asked for, more than is here.
    What the peer told:
        read: its mark up to which everything was sent or announced; `saved` of it is stored.
        wanted: log to the peer's head, for logs whose head here is lower.
        noted: log to the number of the newest request when the peer last listed it.
        lows: log to the seq below which the peer cannot help.
        stalled: wanted logs whose runs wait for roster ops.
        refused: logs of which the peer holds another branch.
        searches: of those, where it parts from the one here is being looked for.
        requests, heard_at: what was asked and not answered yet, and the last sign of an answer.
    Comparing channels:
        compared_at, compare_due: when fingerprints were last asked for, and when they will be.
        listed: channels whose fingerprints came in the comparison under way.
        to_compare, comparing: channels whose heads to ask for, and requests for them.
        compared: fingerprints came, and what they lead to is not done.
    Forks:
        forks_told, forks_listed: log to the place of the proof that the peer was told of or told
            of itself, and that it listed.
        forks_asked, forks_sent: the places whose proofs it was asked for, and sent.
        forks_version: what there was to tell when it was told last.
    A cache:
        channels: whether both may hold a channel.
    """

    number: int
    device: bytes
    relay: bool
    unknown: bool
    was_member: bool = False
    unknown_bytes: int = 0
    waste_bytes: int = 0

    hello_sent: Hello | None = None
    hello: Hello | None = None
    checked_at: int | None = None
    check_due: int | None = None
    checked_again: bool = False
    news: bool = False
    equal: bool = False
    shown_equal: bool = False

    roster_asked: bool = False
    rosters_compared: tuple[bytes, bytes] | None = None
    missing_asked: frozenset[bytes] = frozenset()
    ops_known: set[bytes] = field(default_factory=set)
    seals_asked: set[bytes] = field(default_factory=set)
    seals_wanted: set[bytes] = field(default_factory=set)
    seals_ahead: dict[bytes, Seals] = field(default_factory=dict)

    answered: bool = False
    told: int = 0
    marked: int = 0
    mark_due: int | None = None
    known: dict[LogId, int] = field(default_factory=dict)
    later: set[LogId] = field(default_factory=set)
    unserved: set[LogId] = field(default_factory=set)

    read: Mark | None = None
    saved: int = 0
    wanted: dict[LogId, PeerHead] = field(default_factory=dict)
    noted: dict[LogId, int] = field(default_factory=dict)
    lows: dict[LogId, int] = field(default_factory=dict)
    stalled: set[LogId] = field(default_factory=set)
    refused: set[LogId] = field(default_factory=set)
    searches: dict[LogId, Search] = field(default_factory=dict)
    requests: dict[int, Request] = field(default_factory=dict)
    heard_at: int = 0

    compared_at: int | None = None
    compare_due: int | None = None
    listed: set[bytes] = field(default_factory=set)
    to_compare: deque[bytes] = field(default_factory=deque)
    comparing: set[int] = field(default_factory=set)
    compared: bool = False

    forks_told: dict[LogId, int] = field(default_factory=dict)
    forks_listed: dict[LogId, int] = field(default_factory=dict)
    forks_asked: dict[LogId, int] = field(default_factory=dict)
    forks_sent: dict[LogId, int] = field(default_factory=dict)
    forks_version: int = -1

    channels: dict[bytes, bool] = field(default_factory=dict)

    @property
    def unknown_there(self) -> bool:
        """Whether the peer's roster does not name my device yet."""
        return self.hello is not None and bool(self.hello.flags & UNKNOWN_PEER)

    @property
    def open(self) -> bool:
        """Whether both sides know each other, so that content may pass."""
        return self.hello is not None and not self.unknown and not self.unknown_there

    def takes(self, entries: Sequence[Entry]) -> bool:
        """Whether the peer's build can use entries; older ones take none without ciphertext."""
        flags = 0 if self.hello is None else self.hello.flags
        return bool(flags & TAKES_ERASED) or all(e.ciphertext is not None for e in entries)

    @property
    def needs(self) -> bool:
        """Whether something announced by the peer is not here yet."""
        return bool(self.wanted or self.comparing or self.to_compare)


class Core:
    """Ports, links and the effects of the call under way."""

    def __init__(
        self,
        workspace: bytes,
        store: EntryStore,
        roster: RosterView,
        device: bytes,
        visible: Visible,
        budget: Budget,
        forgets: Forgets,
    ) -> None:
        self.workspace = workspace
        self.store = store
        self.roster = roster
        self.device = device
        self.visible = visible
        self.budget = budget
        self.forgets = forgets
        self.links: dict[int, Link] = {}
        self.effects: list[Effect] = []
        self.now = 0
        self.progress = False
        self.gaps: dict[LogId, int] = {}
        """Logs that lack their beginning: how many ranges were fetched since start."""
        self.settled: dict[bytes, tuple[bytes, bytes]] = {}
        """Device to (state here, state there) that differ in nothing anybody could send."""
        self.stored: list[Sequence[Entry]] = []
        """What this call put above heads, each of one log."""
        self.told: set[bytes] = set()
        """Tags of the devices that were sent what this call brought in."""
        self.roster_news: list[bytes] = []
        """Roster ops that this call brought in."""
        self.completed: list[LogId] = []
        """Logs whose beginning this call brought in."""
        self.roster_short: set[int] = set()
        """Links that sent entries whose roster ops are not here."""
        self.bad_links: dict[int, str] = {}
        """Links found out later than they sent, with the reason."""
        self.request_number = 0

    def send(self, link: Link, message: Message, priority: int = PRIORITY_LIVE) -> None:
        self.effects.append(Send(link.number, priority, encode(message)))

    def next_request(self) -> int:
        self.request_number += 1
        return self.request_number

    def level(self, device: bytes) -> int | None:
        """The level of a device that is in the workspace now, else None."""
        found = self.roster.state.devices.get(device)
        return None if found is None else found.level

    def was_in(self, device: bytes) -> bool:
        """Whether a device is, or was, one of the workspace."""
        return self.level(device) is not None or bool(self.roster.farewell(device))

    def common(self, link: Link, channel: bytes) -> bool:
        """Whether both this device and the peer may hold a channel."""
        held = link.channels.get(channel)
        if held is None:
            held = self.visible(channel, link.device) and self.visible(channel, self.device)
            if len(link.channels) >= CHANNELS_REMEMBERED:
                link.channels.clear()
            link.channels[channel] = held
        return held

    def mark(self) -> Mark:
        """The newest arrival of the store."""
        arrival = self.store.arrival_max
        found = self.store.id_at(arrival) if arrival else None
        return NO_MARK if found is None else Mark(arrival, found[:8])

    def hello(self, link: Link) -> Hello:
        """What there is to say to a peer now."""
        mark, flags = self.mark(), TAKES_ERASED
        if link.unknown:
            empty = bytes(limits.ID_BYTES)
            roster = self.roster.heads_hash[: limits.ID_BYTES]
            replica = self.store.replica_id
            return Hello(VERSION, replica, 0, bytes(8), None, roster, empty, empty, UNKNOWN_PEER)
        if link.answered:
            flags |= TOLD
        prints = self.store.fingerprints()
        shared = [channel for channel in prints if self.common(link, channel)]
        return Hello(
            VERSION,
            self.store.replica_id,
            mark.arrival,
            mark.id,
            self._read(link),
            self.roster.heads_hash[: limits.ID_BYTES],
            channel_set(shared),
            state_bytes(sum(prints[channel] for channel in shared)),
            flags,
        )

    def say_hello(self, link: Link) -> None:
        link.hello_sent = self.hello(link)
        link.checked_at = self.now
        if link.answered:
            link.marked = link.hello_sent.arrival
        self.send(link, link.hello_sent)

    def missing(self, links: Sequence[Link]) -> int:
        """Entries that the peers of these links are known to have, and this store lacks."""
        heads: dict[LogId, int] = {}
        lows: dict[LogId, int] = {}
        for link in links:
            for log, wanted in link.wanted.items():
                heads[log] = max(heads.get(log, -1), wanted.head)
                lows[log] = min(lows.get(log, wanted.low), wanted.low)
        count = 0
        for log, head in heads.items():
            state = self.store.log_state(log)
            count += head - (lows[log] - 1 if state is None else state.head)
        for log in self.gaps:
            state = self.store.log_state(log)
            able = [link for link in links if self.common(link, log.channel)]
            if state is not None and able:
                count += max(0, state.low - min(link.lows.get(log, 0) for link in able))
        return count

    def read_all(self, link: Link) -> bool:
        """Whether all that the peer had at its last hello is here, or was announced and is."""
        if link.needs or link.hello is None:
            return False
        stored = self._read(link)
        read = 0 if link.read is None else link.read.arrival
        return max(read, 0 if stored is None else stored.arrival) >= link.hello.arrival

    def _read(self, link: Link) -> Cursor | None:
        """How far the peer's store was read. Its name is looked up by device before its hello.

        The table of cursors holds, beside one row a replica, one row a device: (0, replica).
        """
        if link.hello is not None:
            replica = link.hello.replica
        else:
            last = self.store.cursor(link.device)
            if last is None:
                return None
            replica = last[1]
        found = self.store.cursor(replica)
        return None if found is None else Cursor(replica, found[0], found[1])


def entry_bytes(entry: Entry) -> int:
    """About how long an entry is on the wire, without what a run says once."""
    return entry.ct_len + 48 + 34 * len(entry.heads)
