"""How much bulk the other side may send: the receiving half of credit.

A sender of bulk (priorities 2 to 5) spends credit byte by byte. The application here gives the
bytes of a message back with `grant` after it has stored them, and this window turns that into
credit for the other side, so what is received and not yet stored is bounded:

    delivered and not granted   <= largest window so far + one message for each bulk priority
    in reassembly               <= one message for each bulk priority

Fragments of a message that is not complete count as given back at once; otherwise a message
longer than the window could never be finished. Their memory is bounded by the length limits.

The window follows the line: twice the measured rate times the measured loop (shortest round trip
plus the time storing takes), between 48 KiB and 4 MiB. While the line is not full the rate doubles
with the window each round, as in TCP slow start; when it is full the window stays at two
bandwidth-delay products (the idea of dynamic right-sizing, Fisk and Feng, 2001).
"""

from transport.proto.errors import LocalFault, Reason, RemoteFault
from transport.proto.limits import (
    CREDIT_STEP_DIVISOR,
    INITIAL_CREDIT_BYTES,
    RATE_DECAY,
    STORE_DELAY_MAX_SECONDS,
    WINDOW_MAX_BYTES,
    WINDOW_MIN_BYTES,
)

_ROUND_MIN_SECONDS = 0.001
"""Shorter rounds measure the scheduler, not the line."""


class ReceiveWindow:
    """Bulk bytes received, delivered, granted and promised.

    Attributes:
        size_bytes: the window of the moment.
        owed_bytes: delivered to the application and not yet granted.
    """

    def __init__(self, now: float) -> None:
        self.size_bytes = WINDOW_MIN_BYTES
        self.owed_bytes = 0
        self._received = 0
        self._promised = INITIAL_CREDIT_BYTES
        self._shortest_round_trip: float | None = None
        self._store_delay = 0.0
        self._delay_sample: tuple[int, float] | None = None
        self._rate = 0.0
        self._round_start = now
        self._round_received = 0

    def fragment_received(self, size: int, now: float) -> None:
        """Bulk bytes arrived.

        Raises:
            RemoteFault: more than was granted.
        """
        self._received += size
        if self._received > self._promised:
            raise RemoteFault(Reason.CREDIT, "more bulk bytes than were granted")
        if self._shortest_round_trip is None:
            return
        loop = max(self._shortest_round_trip + self._store_delay, _ROUND_MIN_SECONDS)
        elapsed = now - self._round_start
        if elapsed >= loop:
            sample = (self._received - self._round_received) / elapsed
            self._rate = max(sample, self._rate * RATE_DECAY)
            wanted = int(2 * self._rate * loop)
            self.size_bytes = min(max(wanted, WINDOW_MIN_BYTES), WINDOW_MAX_BYTES)
            self._round_start, self._round_received = now, self._received

    def message_delivered(self, size: int, now: float) -> None:
        """A whole bulk message went to the application."""
        self.owed_bytes += size
        if self._delay_sample is None:
            self._delay_sample = (self.owed_bytes, now)

    def grant(self, size: int, now: float) -> None:
        """The application has stored this many bytes of bulk messages.

        Raises:
            LocalFault: more than it was given.
        """
        if not 0 <= size <= self.owed_bytes:
            raise LocalFault(f"{size} bytes granted of {self.owed_bytes} delivered")
        self.owed_bytes -= size
        if self._delay_sample is not None:
            outstanding, since = self._delay_sample
            outstanding -= size
            self._delay_sample = (outstanding, since) if outstanding > 0 else None
            if outstanding <= 0:
                self._store_delay = min(now - since, STORE_DELAY_MAX_SECONDS)

    def round_trip_measured(self, seconds: float) -> None:
        """A ping came back."""
        if self._shortest_round_trip is None or seconds < self._shortest_round_trip:
            self._shortest_round_trip = seconds

    def credit_due(self) -> int:
        """Bytes to grant the other side now; 0 while that is not worth a record."""
        given_back = self._received - self.owed_bytes
        step = given_back + self.size_bytes - self._promised
        return step if step >= self.size_bytes // CREDIT_STEP_DIVISOR else 0

    def credit_sent(self, size: int) -> None:
        """A credit record of this size was sent."""
        self._promised += size
