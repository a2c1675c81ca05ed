"""What replication needs from its surroundings, and what it asks of them.

The ports are protocols: a store and a roster of any make. The effects are what a caller does
after it has committed what the machine wrote to the store: persist first, then tell.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from crdt.entry import Entry, LogId

if TYPE_CHECKING:
    from crdt.erasure import Erasure


class LogState(Protocol):
    """What is held of one log: the contiguous range `low` to `head`."""

    @property
    def log(self) -> LogId: ...
    @property
    def low(self) -> int: ...
    @property
    def head(self) -> int: ...
    @property
    def head_id(self) -> bytes: ...
    @property
    def low_prev(self) -> bytes:
        """`prev` of the entry at `low`."""
        ...

    @property
    def head_roster(self) -> bytes: ...
    @property
    def head_hlc(self) -> int: ...
    @property
    def first_kept(self) -> int:
        """From here to `head` content is kept; below it was forgotten by age (`crdt.retention`).

        At most `head`, whose entry may be forgotten as well.
        """
        ...

    @property
    def lacks_beginning(self) -> bool:
        """Whether there is more below `low` than this store would forget."""
        ...


class EntryStore(Protocol):
    """Entries with gap-free arrival numbers (from 1), and the small tables beside them.

    Everything is written inside the caller's transaction.
    """

    @property
    def replica_id(self) -> bytes: ...
    @property
    def arrival_max(self) -> int: ...
    def log_state(self, log: LogId) -> LogState | None: ...
    def logs(self, channel: bytes | None = None) -> Iterable[LogState]: ...
    def append(self, entries: Sequence[Entry]) -> int:
        """Store entries that follow a log's head or begin a log; gives the first arrival."""
        ...

    def prepend(self, entries: Sequence[Entry]) -> int:
        """Store entries that end right below a log's low end; gives the first arrival."""
        ...

    def entries(self, log: LogId, first: int, last: int) -> Sequence[Entry]: ...
    def since(self, arrival: int, limit: int) -> Sequence[tuple[int, Entry]]: ...
    def id_at(self, arrival: int) -> bytes | None: ...
    def touched_since(self, arrival: int) -> Sequence[LogState]: ...
    def newest(
        self, channel: bytes, part: int, before_hlc: int | None, limit: int
    ) -> Mapping[LogId, tuple[int, int]]: ...
    def fingerprints(self) -> Mapping[bytes, int]: ...
    def head_set(self, roster_hash: bytes) -> Sequence[bytes] | None: ...
    def remember_head_set(self, roster_hash: bytes, heads: Sequence[bytes]) -> None: ...
    def cursor(self, replica_id: bytes) -> tuple[int, bytes] | None: ...
    def set_cursor(self, replica_id: bytes, arrival: int, entry_id: bytes) -> None: ...
    def add_receipt(self, device: bytes, log: LogId, seq: int) -> bool: ...
    def receipts(self, log: LogId) -> Mapping[bytes, int]: ...
    def add_erasure(self, arrival: int, erasure: Erasure) -> None:
        """Remember what the statement with an arrival number names; once more changes nothing."""
        ...

    def named(self, log: LogId, first: int, last: int) -> Collection[int]:
        """The places of a range that held statements name, whether or not they are held."""
        ...

    def add_fork(self, log: LogId, seq: int, first: bytes, second: bytes) -> bool:
        """Keep a proof, the two runs of it; False when a lower one is known, or too many are."""
        ...

    def fork(self, log: LogId) -> tuple[bytes, bytes] | None: ...
    def fork_points(self) -> Mapping[LogId, int]:
        """The lowest proven place of every log that was forked."""
        ...

    def spent(self, device: bytes, day: int) -> tuple[int, int]: ...
    def spend(self, device: bytes, day: int, size: int, entries: int) -> None: ...
    def add_op(self, op_id: bytes, wire: bytes) -> None: ...
    def put_seals(self, epoch: bytes, block: bytes) -> None: ...


class RosterDevice(Protocol):
    """A device that some valid op names."""

    @property
    def level(self) -> int: ...


class RosterState(Protocol):
    """Who is in now."""

    @property
    def devices(self) -> Mapping[bytes, RosterDevice]: ...


class RosterView(Protocol):
    """The signed history of who may do what."""

    @property
    def heads(self) -> Sequence[bytes]: ...
    @property
    def heads_hash(self) -> bytes: ...
    @property
    def state(self) -> RosterState: ...
    def add(self, wire: bytes) -> Sequence[bytes]:
        """Take an op; gives the ids that became part of the history. Raises Invalid."""
        ...

    def missing(self) -> Iterable[bytes]: ...
    def missing_from(self, their_heads: Sequence[bytes]) -> Sequence[bytes]: ...
    def wire(self, op_id: bytes) -> bytes: ...
    def has(self, op_id: bytes) -> bool: ...
    def farewell(self, device: bytes) -> Sequence[bytes]:
        """What a device that was in may know, to learn that it is out, parents first; else none."""
        ...

    def same_member(self, one: bytes, other: bytes) -> bool:
        """Whether two devices belong, or belonged, to one member."""
        ...

    def register_heads(self, heads: Sequence[bytes]) -> bytes | None: ...
    def may_write(self, device: bytes, roster_hash: bytes) -> bool | None: ...
    def descends(self, new_hash: bytes, old_hash: bytes) -> bool: ...


class SealStore(Protocol):
    """Blocks of sealed epoch keys, which rekey ops name by hash."""

    def missing(self) -> Sequence[bytes]:
        """Epochs whose block is named by the roster and not here."""
        ...

    def seals(self, epoch: bytes) -> bytes | None: ...
    def add_seals(self, epoch: bytes, block: bytes) -> object:
        """Take a block. Raises Invalid when it is not the one the op names."""
        ...


Visible = Callable[[bytes, bytes], bool]
"""`visible(channel, device)`: may this device hold the channel? Relays may hold all."""

Choose = Callable[[int], int]
"""`choose(n)` gives a random number from 0 to n - 1."""


@dataclass(frozen=True, slots=True)
class Send:
    """Put a payload on a link. Within one priority, a link keeps the order."""

    link: int
    priority: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Stored:
    """Entries of one log came in; `prepended` below what was held, else above it."""

    entries: Sequence[Entry]
    first_arrival: int
    link: int | None
    prepended: bool


@dataclass(frozen=True, slots=True)
class RosterChanged:
    """These ops became part of the history, and were stored."""

    ids: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class SealsArrived:
    """The block of this epoch came in, and was stored."""

    epoch: bytes


@dataclass(frozen=True, slots=True)
class ForkProven:
    """A log is proven to be forked from `seq` on, and not only from a later place."""

    log: LogId
    seq: int


@dataclass(frozen=True, slots=True)
class ClaimArrived:
    """Somebody wants to come in."""

    wire: bytes
    link: int


@dataclass(frozen=True, slots=True)
class Misbehaved:
    """The peer broke a rule: close the link. What was stored stays."""

    link: int
    reason: str


@dataclass(frozen=True, slots=True)
class ReceiptsChanged:
    """More devices are known to hold these logs."""

    logs: tuple[LogId, ...]


@dataclass(frozen=True, slots=True)
class ProgressChanged:
    """What `behind` and `in_sync` say may have changed."""


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Call `tick` at this time; replaces every earlier WakeAt."""

    ms: int


Effect = (
    Send
    | Stored
    | RosterChanged
    | SealsArrived
    | ForkProven
    | ClaimArrived
    | Misbehaved
    | ReceiptsChanged
    | ProgressChanged
    | WakeAt
)
