"""What is known of each file on its way here, for the person who waits for it.

Who holds a file is taken from what peers say (HAVE, HAVE-NOT, the end of a link), because that
changes while nothing comes in; how far it is comes from the exchange.

Several messages may name one root with different sizes, all but one of them wrong. The exchange
fails a file whose manifest contradicts the size it was given; so every size that was named is kept
and tried before the file counts as failed. Otherwise a liar's message would spoil an honest one's.
"""

import asyncio
from dataclasses import dataclass
from typing import Literal

from chat.files.limits import TRANSFERS_KEPT

State = Literal["wanted", "moving", "done", "failed"]


@dataclass(frozen=True, slots=True)
class TransferState:
    """A file on its way here, at one moment.

    Attributes:
        root: 36-byte id.
        done, total: plaintext bytes; total is 0 while it is not known.
        state: "wanted" nobody linked has it, "moving", "done", "failed".
        sources: (device, sealed bytes) that each holder gave so far.
        seconds: since the first holder was known, until now or the end.
        holders: linked devices that have some of it.
        reason: a sentence, when it failed.
        dropped: (device, reason) of those that broke a rule about this file.
    """

    root: bytes
    done: int
    total: int
    state: State
    sources: tuple[tuple[bytes, int], ...] = ()
    seconds: float = 0.0
    holders: int = 0
    reason: str = ""
    dropped: tuple[tuple[bytes, str], ...] = ()


class Transfer:
    """One wanted file, until it is done or failed. Times are monotonic milliseconds.

    Attributes:
        size: plaintext bytes that the exchange was given; None on a relay, which cannot know.
        holders: linked devices that have some of it.
        ended: how it ended, "" while it has not.
        steps: grows whenever `progress` ends.
    """

    def __init__(self, root: bytes, size: int | None, prefetch: bool) -> None:
        self.root = root
        self.prefetch = prefetch
        self.done = 0
        self.total = size or 0
        self.reason = ""
        self.ended: Literal["", "done", "failed"] = ""
        self.sources: tuple[tuple[bytes, int], ...] = ()
        self.holders: set[bytes] = set()
        self._dropped: list[tuple[bytes, str]] = []
        self._barred: set[bytes] = set()
        self.size = size
        self._other_sizes: list[int] = []
        self._refuted: set[int] = set()
        self._began: float | None = None
        self._ended_at: float | None = None
        self.steps = 0
        self._waiting: list[asyncio.Future[None]] = []

    def state(self, now: float) -> TransferState:
        """How it stands."""
        until = now if self._ended_at is None else self._ended_at
        return TransferState(
            root=self.root,
            done=self.done,
            total=self.total,
            state=self.ended or ("moving" if self.holders else "wanted"),
            sources=self.sources,
            seconds=0.0 if self._began is None else (until - self._began) / 1000,
            holders=len(self.holders),
            reason=self.reason,
            dropped=tuple(self._dropped),
        )

    # Sizes that messages named

    def also_named(self, size: int) -> None:
        """Another message names this root."""
        if size != self.size and size not in self._refuted and size not in self._other_sizes:
            self._other_sizes.append(size)

    def next_size(self) -> int | None:
        """The size tried so far was wrong, or the disk refused: the next one, None when none."""
        if self.size is not None:
            self._refuted.add(self.size)
        if not self._other_sizes:
            return None
        self.size = self._other_sizes.pop(0)
        self.total = self.size
        return self.size

    # Who has it

    def held_by(self, device: bytes, now: float) -> bool:
        """A linked device has some of it; whether that is news."""
        if self.ended or device in self.holders or device in self._barred:
            return False
        self.holders.add(device)
        if self._began is None:
            self._began = now
        return True

    def not_held_by(self, device: bytes) -> bool:
        """A device has none of it; whether that is news."""
        if self.ended or device not in self.holders:
            return False
        self.holders.discard(device)
        return True

    def unlinked(self, device: bytes) -> bool:
        """A device is no longer linked; whether that is news. Linked again, it may try again."""
        self._barred.discard(device)
        return self.not_held_by(device)

    def drop(self, device: bytes, reason: str) -> None:
        """A device broke a rule about this file; what it says of it counts no more."""
        self._dropped.append((device, reason))
        self._barred.add(device)
        self.holders.discard(device)

    # How far it is

    def moved(self, done: int, total: int, sources: tuple[tuple[bytes, int], ...]) -> None:
        """Something came in."""
        self.done, self.total, self.sources = done, total, sources
        self._wake()

    def end(self, how: Literal["done", "failed"], reason: str, now: float) -> None:
        """It is whole, or will not be."""
        if how == "done":
            self.done = self.total
        self.ended, self.reason, self._ended_at = how, reason, now
        self._wake()

    def release(self) -> None:
        """Wake whoever waits although nothing happened: this machine stops."""
        self._wake()

    async def progress(self) -> None:
        """Wait until something of it came in, or it ended, or `release`."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            await future
        finally:
            if future in self._waiting:
                self._waiting.remove(future)

    def _wake(self) -> None:
        self.steps += 1
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)


class Transfers:
    """All files on their way, and the last that ended."""

    def __init__(self) -> None:
        self._all: dict[bytes, Transfer] = {}
        self._ended: list[bytes] = []

    def active(self, root: bytes) -> Transfer | None:
        """The transfer of a file that is wanted now."""
        transfer = self._all.get(root)
        return None if transfer is None or transfer.ended else transfer

    def actives(self) -> list[Transfer]:
        """Those under way, the oldest first."""
        return [each for each in self._all.values() if not each.ended]

    def begin(self, root: bytes, size: int | None, prefetch: bool) -> Transfer:
        """A file is wanted; an earlier, ended transfer of it is forgotten."""
        assert self.active(root) is None
        self.forget(root)
        transfer = self._all[root] = Transfer(root, size, prefetch)
        return transfer

    def ended(self, root: bytes) -> None:
        """A transfer has ended; the oldest of many are forgotten."""
        self._ended.append(root)
        if len(self._ended) > TRANSFERS_KEPT:
            del self._all[self._ended.pop(0)]

    def forget(self, root: bytes) -> None:
        """Do not list this file any more."""
        if self._all.pop(root, None) is not None and root in self._ended:
            self._ended.remove(root)

    def states(self, now: float) -> list[TransferState]:
        """Those under way in the order of their begin, then the ended, the last first."""
        ended = [self._all[root].state(now) for root in reversed(self._ended)]
        return [each.state(now) for each in self.actives()] + ended
