"""What waits to be sent on a link, and what goes next.

Live messages (priority 0) go first, always. The others share the rest of the line by weight, so
that none starves: start-time fair queueing (Goyal, Vin, Cheng, 1996). Each priority has a
virtual time that advances by bytes sent over weight; the smallest goes next, and a priority that
was empty starts at the time of the one sent last, so idling earns nothing.

Fragments are cut when they are sent, not when they are queued: a live message waits for one
frame at most, however much bulk was queued before it.
"""

from collections import deque

from transport.proto.errors import LocalFault, Reason
from transport.proto.limits import (
    BULK_FRAGMENT_MIN_BYTES,
    FIRST_BULK_PRIORITY,
    LARGE_REST_BYTES,
    PRIORITIES,
    SEND_QUEUE_MAX_BYTES,
    message_max_bytes,
)
from transport.proto.records import FIRST, LAST, LENGTH_BYTES, TOTAL_BYTES, data_header, with_length

LIVE, PAGE, NEWEST, BACKFILL, BLOCKS, PREFETCH = range(PRIORITIES)
"""What the priorities are meant for. Nothing here depends on it but the weights."""

_WEIGHTS = (0, 16, 8, 4, 2, 1)
"""Shares of the line among priorities 1..5; priority 0 needs none."""


class _Waiting:
    """One message and how much of it is gone."""

    __slots__ = ("kind", "payload", "sent")

    def __init__(self, kind: int, payload: bytes) -> None:
        self.kind = kind
        self.payload = payload
        self.sent = 0


class Outbox:
    """Messages by priority.

    Attributes:
        credit: bulk bytes that may still be sent.
        total_bytes: payload bytes of all priorities not yet sent.
    """

    def __init__(self, credit: int) -> None:
        self.credit = credit
        self.total_bytes = 0
        self._queues: tuple[deque[_Waiting], ...] = tuple(deque() for _ in range(PRIORITIES))
        self._bytes = [0] * PRIORITIES
        self._times = [0.0] * PRIORITIES
        self._time = 0.0

    def queued_bytes(self, priority: int) -> int:
        """Payload bytes of this priority not yet sent."""
        return self._bytes[priority]

    def push(self, kind: int, priority: int, payload: bytes) -> None:
        """Queue a message.

        Raises:
            LocalFault: no such kind or priority, or the payload is too long for its kind;
                with reason `QUEUE_FULL`, the other side does not take what is queued.
        """
        if not 0 <= kind <= 255 or not 0 <= priority < PRIORITIES:
            raise LocalFault(f"there is no kind {kind} or no priority {priority}")
        size = len(payload)
        if size > message_max_bytes(kind):
            raise LocalFault(f"{size} bytes are too many for a message of kind {kind}")
        if self.total_bytes + size > SEND_QUEUE_MAX_BYTES:
            raise LocalFault("too much waits to be sent on this link", Reason.QUEUE_FULL)
        queue = self._queues[priority]
        if not queue:
            self._times[priority] = max(self._times[priority], self._time)
        queue.append(_Waiting(kind, payload))
        self._bytes[priority] += size
        self.total_bytes += size

    def clear(self) -> None:
        """Forget everything that waits."""
        for queue in self._queues:
            queue.clear()
        self._bytes = [0] * PRIORITIES
        self.total_bytes = 0

    def fill(self, room: int) -> bytes:
        """Data records for one frame, at most `room` bytes; nothing if nothing may be sent.

        The first record takes as much of its message as fits. Further ones are added whole, or
        where much room is left: so small messages share a frame, and blocks that follow each other
        fill theirs, and no small message is cut.
        """
        chosen = self._choose()
        if chosen is None:
            return b""
        parts: list[bytes] = []
        header, fragment = self._cut(chosen, room)
        while header[0] & LAST:
            room -= len(header) + len(fragment) + LENGTH_BYTES
            following = self._choose()
            if following is None or not self._fits(following, room):
                break
            parts += (with_length(header, len(fragment)), fragment)
            header, fragment = self._cut(following, room)
        parts += (header, fragment)
        return b"".join(parts)

    def _choose(self) -> int | None:
        if self._queues[LIVE]:
            return LIVE
        best = None
        for priority in range(PAGE, PRIORITIES):
            queue = self._queues[priority]
            if not queue or not self._has_credit(priority, queue[0]):
                continue
            if best is None or self._times[priority] < self._times[best]:
                best = priority
        return best

    def _has_credit(self, priority: int, head: _Waiting) -> bool:
        if priority < FIRST_BULK_PRIORITY:
            return True
        remaining = len(head.payload) - head.sent
        return self.credit >= min(remaining, BULK_FRAGMENT_MIN_BYTES)

    def _fits(self, priority: int, room: int) -> bool:
        """Whether another record is worth its place in a frame."""
        if room >= LARGE_REST_BYTES:
            return True
        head = self._queues[priority][0]
        remaining = len(head.payload) - head.sent
        if priority >= FIRST_BULK_PRIORITY and remaining > self.credit:
            return False
        return (1 if head.sent else 2) + remaining <= room

    def _cut(self, priority: int, room: int) -> tuple[bytes, bytes]:
        """Take the next fragment of a priority off its queue: header and bytes."""
        head = self._queues[priority][0]
        size = len(head.payload)
        remaining = size - head.sent
        bulk = priority >= FIRST_BULK_PRIORITY
        first = head.sent == 0
        header_bytes = 2 if first else 1
        take = min(remaining, self.credit) if bulk else remaining
        flags = FIRST if first else 0
        if take == remaining and header_bytes + remaining <= room:
            flags |= LAST
            fragment = head.payload[head.sent :] if head.sent else head.payload
            self._queues[priority].popleft()
        else:
            take = min(take, room - header_bytes - (TOTAL_BYTES if first else 0))
            fragment = head.payload[head.sent : head.sent + take]
            head.sent += take
        if bulk:
            self.credit -= take
        self._bytes[priority] -= take
        self.total_bytes -= take
        if priority != LIVE:
            self._time = self._times[priority]
            self._times[priority] += (take + header_bytes) / _WEIGHTS[priority]
        return data_header(flags, priority, head.kind, size), fragment
