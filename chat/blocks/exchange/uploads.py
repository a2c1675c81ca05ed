"""Who is given what: admission to this machine's uplink.

Two rules keep a swarm fast (measured: notes on block exchange, docs/protocol/blocks.md):

- At most two chunks wait for the uplink; who comes then hears BUSY and when to ask again. A queue
  any deeper commits chunks to peers that could have had them from somebody else meanwhile.
- A chunk that nobody else is known to hold is given to one peer only; others hear DEFERRED until
  the first has had time to hand it on. So twenty peers cost the origin one copy. The mark goes when
  its recipient's link ends, and does not hold back a peer that is `alone` (it could not get the
  chunk from the recipient) nor, when the recipient only prefetches, a peer that waits for the file.

Peers that only prefetch have one of the two places while people ask, so that a person finds one;
else both, since each refusal crosses the line that a relay is there to spare.

Manifests are small and exempt from both.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass

from chat.blocks.limits import (
    BUSY_LINE_MAX_MS,
    BUSY_LINE_SHARE,
    ONCE_MARKS_MAX,
    ONCE_MAX_MS,
    ONCE_MIN_MS,
    ONCE_SPREADS,
    RETRY_MAX_MS,
    UPLINK_GUESS_BYTES_PER_MS,
    UPLOAD_FORGET_MS,
    UPLOAD_STALL_LENGTHS,
    UPLOAD_STALL_MS,
    UPLOADS_ALONE_MAX,
    UPLOADS_OPEN_MAX,
    UPLOADS_PEOPLE_MS,
    UPLOADS_PREFETCH_MAX,
    UPLOADS_QUEUED_MAX,
)
from chat.blocks.messages import BUSY, DEFERRED

_RATE_WEIGHT = 0.25  # how much one finished upload moves the measured rate


@dataclass(frozen=True, slots=True)
class Ask:
    """A peer asks for a chunk.

    Attributes:
        length: bytes of the block.
        file_bytes: sealed bytes of the whole file, for how long a first serving holds others back.
        elsewhere: somebody else is known to hold the chunk.
    """

    peer: bytes
    cid: bytes
    length: int
    file_bytes: int
    alone: bool
    prefetch: bool
    elsewhere: bool


@dataclass(frozen=True, slots=True)
class No:
    """A refusal: BUSY or DEFERRED, and when to ask again."""

    reason: int
    retry_ms: int


@dataclass(frozen=True, slots=True)
class _Upload:
    length: int
    since: float
    prefetch: bool


@dataclass(frozen=True, slots=True)
class _Mark:
    peer: bytes
    until: float
    prefetch: bool


class Uploads:
    """The uplink's queue and the marks of first servings."""

    def __init__(self) -> None:
        self._open: dict[tuple[bytes, bytes], _Upload] = {}
        self._marks: OrderedDict[bytes, _Mark] = OrderedDict()
        self._rate: float = UPLINK_GUESS_BYTES_PER_MS
        self._last_sent_at: float = 0.0
        self._line: float = 0.0
        """When the last peer that was refused is expected back."""
        self._block_length = 0
        self._person_at = -math.inf
        """When a peer asked last for what somebody waits for."""

    def admit(self, ask: Ask, now: float) -> No | None:
        """None: the caller reads and sends the block. Else the refusal to answer with."""
        if not ask.prefetch:
            self._person_at = now
        if (ask.peer, ask.cid) in self._open:
            return self._busy(now)
        held_back = self._held_back(ask, now)
        if held_back is not None:
            return held_back
        if self._full(ask, now):
            return self._busy(now)
        self._block_length = ask.length
        self._open[ask.peer, ask.cid] = _Upload(ask.length, now, ask.prefetch)
        if not ask.elsewhere and not ask.alone:
            self._mark(ask, now)
        return None

    def _full(self, ask: Ask, now: float) -> bool:
        queued = self._queued(now)
        if len(self._open) >= UPLOADS_OPEN_MAX:
            return True
        if ask.prefetch:
            people = now - self._person_at < UPLOADS_PEOPLE_MS
            prefetched = sum(each.prefetch for each in queued)
            most = UPLOADS_PREFETCH_MAX if people else UPLOADS_QUEUED_MAX
            return len(queued) >= UPLOADS_QUEUED_MAX or prefetched >= most
        if ask.alone:
            own = sum(peer == ask.peer for peer, _ in self._open)
            return own >= UPLOADS_ALONE_MAX
        return len(queued) >= UPLOADS_QUEUED_MAX

    def _busy(self, now: float) -> No:
        """Give those who are refused different times to come back, as if they stood in a line.

        Without that, twenty refused peers would all ask again for the one place that frees.
        """
        free_at = now + self._length_left(now) / self._rate
        self._line = min(max(self._line, free_at), free_at + BUSY_LINE_MAX_MS)
        no = No(BUSY, self._retry_ms(self._line - now))
        self._line += BUSY_LINE_SHARE * self._block_length / self._rate
        return no

    def _held_back(self, ask: Ask, now: float) -> No | None:
        mark = self._marks.get(ask.cid)
        if mark is None or ask.elsewhere or ask.alone or mark.peer == ask.peer:
            return None
        if mark.until <= now or (mark.prefetch and not ask.prefetch):
            return None
        return No(DEFERRED, self._retry_ms(mark.until - now))

    def _mark(self, ask: Ask, now: float) -> None:
        hold = ONCE_SPREADS * ask.file_bytes / self._rate
        until = now + min(max(hold, ONCE_MIN_MS), ONCE_MAX_MS)
        self._marks[ask.cid] = _Mark(ask.peer, until, ask.prefetch)
        self._marks.move_to_end(ask.cid)
        if len(self._marks) > ONCE_MARKS_MAX:
            self._marks.popitem(last=False)

    def _queued(self, now: float) -> list[_Upload]:
        """Uploads that wait for our uplink; those that wait for a slow far end do not count."""
        for key, upload in list(self._open.items()):
            if now - upload.since > UPLOAD_FORGET_MS:
                del self._open[key]
        return [each for each in self._open.values() if now - each.since <= self._patience(each)]

    def _patience(self, upload: _Upload) -> float:
        """How long an upload can take for our own uplink's sake."""
        return max(UPLOAD_STALL_MS, UPLOAD_STALL_LENGTHS * upload.length / self._rate)

    def _length_left(self, now: float) -> float:
        """Bytes until one place in the queue is free, as far as the rate tells."""
        queued = self._queued(now)
        if not queued:
            return self._rate * UPLOAD_STALL_MS
        first = min(queued, key=lambda each: each.since)
        begun = max(first.since, self._last_sent_at)
        return max(0.0, first.length - (now - begun) * self._rate)

    @staticmethod
    def _retry_ms(span: float) -> int:
        return min(max(1, int(span) + 1), RETRY_MAX_MS)

    def sent(self, peer: bytes, cid: bytes, now: float) -> None:
        """The block has left; its place is free and the rate better known."""
        upload = self._open.pop((peer, cid), None)
        if upload is None:
            return
        took = now - max(upload.since, self._last_sent_at)
        self._last_sent_at = now
        if took > 0:
            self._rate += _RATE_WEIGHT * (upload.length / took - self._rate)

    def abandon(self, peer: bytes, cid: bytes) -> None:
        """The block could not be read, or nobody wants it any more: place and mark are free."""
        self._open.pop((peer, cid), None)
        mark = self._marks.get(cid)
        if mark is not None and mark.peer == peer:
            del self._marks[cid]

    def peer_gone(self, peer: bytes) -> None:
        """What was given to this peer may be given again: it can hand on nothing now."""
        for key in [key for key in self._open if key[0] == peer]:
            del self._open[key]
        for cid in [cid for cid, mark in self._marks.items() if mark.peer == peer]:
            del self._marks[cid]
