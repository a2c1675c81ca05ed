"""An established link: messages in, frames out, and the other way round.

Theory of operation. The application sends messages: a kind (0..255), a priority (0..5) and opaque
bytes. `data_to_send` cuts them into frames of at most 16 KiB, the most urgent first, and seals
each at the moment it is handed out, so a live message that comes later overtakes bulk that is
still queued. `receive` opens frames and puts messages together again, one at a time for each
priority; messages of one priority arrive in the order they were sent.

Rules:
- Receive, then drain: after `send`, `grant`, `ping`, `close`, `receive` and `timers`, call
  `data_to_send` when the socket can take more.
- Bulk (priorities 2 to 5) is bounded by credit, see `transport.proto.window`. Priorities 0 and 1
  are not: the application takes them as they come, and whoever moves the bytes stops reading
  from the socket while too many are unread. They are small by nature.
- One fault ends the session: frames after it are refused, only `close` still speaks.
- Silence ends it too: nothing heard for 5 s asks for a pong, nothing for 2.5 s after that is a
  fault. Any frame is a sign of life.
- `now` is a monotonic time in seconds and never goes backwards.
"""

from typing import NamedTuple

from transport.proto.errors import LocalFault, Reason, RemoteFault
from transport.proto.handshake import Established
from transport.proto.limits import (
    CREDIT_MAX_BYTES,
    FIRST_BULK_PRIORITY,
    FRAME_MAX_BYTES,
    FRAME_PLAINTEXT_MAX_BYTES,
    IDLE_BEFORE_PING_SECONDS,
    INITIAL_CREDIT_BYTES,
    MEASURE_RTT_EVERY_SECONDS,
    PONG_WITHIN_SECONDS,
    PONGS_WAITING_MAX,
    REKEY_EVERY_FRAMES,
)
from transport.proto.outbox import Outbox
from transport.proto.reassembly import Reassembly
from transport.proto.records import (
    Close,
    Credit,
    Fragment,
    Ping,
    Pong,
    Record,
    decode_frame,
    encode_control,
)
from transport.proto.window import ReceiveWindow


class MessageReceived(NamedTuple):
    """A whole message. Bulk ones (priority >= 2) are to be granted once they are stored."""

    kind: int
    priority: int
    payload: bytes


class CreditGranted(NamedTuple):
    """The other side takes this many more bulk bytes."""

    granted_bytes: int


class PongReceived(NamedTuple):
    """A ping came back after `round_trip` seconds."""

    round_trip: float


class Closed(NamedTuple):
    """The other side said goodbye. `text` is theirs: sanitise it before showing it."""

    code: int
    text: str


Event = MessageReceived | CreditGranted | PongReceived | Closed


class Session:
    """One side of an established link.

    Attributes:
        established: the handshake this session came from.
        bytes_in, bytes_out: sealed frame bytes so far.
        round_trip: the latest measured, in seconds; None before the first.
        closed: this side said goodbye, or the other did, or a fault ended it.

    Args:
        round_trip: as the handshake took it, while the line was still empty.
    """

    def __init__(
        self, established: Established, now: float, round_trip: float | None = None
    ) -> None:
        self.established = established
        self.bytes_in = 0
        self.bytes_out = 0
        self.round_trip = round_trip
        self.closed = False
        self._send = established.send
        self._receive = established.receive
        self._outbox = Outbox(INITIAL_CREDIT_BYTES)
        self._reassembly = Reassembly()
        self._window = ReceiveWindow(now)
        if round_trip is not None:
            self._window.round_trip_measured(round_trip)
        self._controls: list[Ping | Pong] = []
        self._closing: Close | None = None
        self._pongs_waiting = 0
        self._ping_token = 0
        self._ping_sent: float | None = None
        self._pinged = now
        self._heard = now
        self._answer_by: float | None = None

    # What the application asks for.

    def send(self, kind: int, priority: int, payload: bytes) -> None:
        """Queue a message.

        Raises:
            LocalFault: see `Outbox.push`; or the session is over.
        """
        if self.closed:
            raise LocalFault("this session is over")
        self._outbox.push(kind, priority, payload)

    def grant(self, size: int, now: float) -> None:
        """Say that `size` payload bytes of bulk messages are stored.

        Raises:
            LocalFault: more than was received.
        """
        self._window.grant(size, now)

    def ping(self, now: float) -> None:
        """Ask for a sign of life; unless a frame arrives in time, `timers` will raise."""
        if self._answer_by is None:
            self._answer_by = now + PONG_WITHIN_SECONDS
        self._queue_ping(now)

    def close(self, code: int, text: str = "") -> None:
        """Say goodbye: what waits is dropped, one last frame remains to be sent."""
        if self._closing is None:
            self._closing = Close(code, text)
        self.closed = True
        self._outbox.clear()

    def queued_bytes(self, priority: int) -> int:
        """Payload bytes of this priority not yet handed out as frames."""
        return self._outbox.queued_bytes(priority)

    @property
    def credit_bytes(self) -> int:
        """Bulk bytes the other side takes at the moment."""
        return self._outbox.credit

    @property
    def owed_bytes(self) -> int:
        """Bulk bytes received and not yet granted."""
        return self._window.owed_bytes

    @property
    def window_bytes(self) -> int:
        """The receive window of the moment."""
        return self._window.size_bytes

    @property
    def held_bytes(self) -> int:
        """Bytes of messages that are not complete yet."""
        return self._reassembly.held_bytes

    @property
    def has_controls(self) -> bool:
        """Something other than messages waits to be sent: a ping, a pong, credit."""
        return bool(self._controls) or self._window.credit_due() > 0

    # Frames out.

    def data_to_send(self, now: float, budget_bytes: int) -> list[bytes]:
        """Sealed frames, the most urgent first, until `budget_bytes` or nothing more.

        The last frame may go over the budget: by at most one frame's length.
        """
        frames: list[bytes] = []
        spent = 0
        while spent < budget_bytes:
            plaintext = self._next_plaintext(now)
            if not plaintext:
                break
            frame = self._send.encrypt(b"", plaintext)
            if self._send.nonce % REKEY_EVERY_FRAMES == 0:
                self._send.rekey()
            spent += len(frame)
            frames.append(frame)
        self.bytes_out += spent
        return frames

    def _next_plaintext(self, now: float) -> bytes:
        if self.closed:
            return self._farewell()
        controls = b""
        due = self._window.credit_due()
        if due or self._controls:
            controls = self._take_controls(due, now)
        data = self._outbox.fill(FRAME_PLAINTEXT_MAX_BYTES - len(controls))
        return controls + data if controls else data

    def _farewell(self) -> bytes:
        closing, self._closing = self._closing, None
        # A second call finds nothing; that the session is closed stays on record.
        return b"" if closing is None else encode_control(closing)

    def _take_controls(self, due: int, now: float) -> bytes:
        parts = [encode_control(control) for control in self._controls]
        if any(isinstance(control, Ping) for control in self._controls):
            self._ping_sent = now
        self._controls.clear()
        self._pongs_waiting = 0
        if due:
            parts.append(encode_control(Credit(due)))
            self._window.credit_sent(due)
        return b"".join(parts)

    # Frames in.

    def receive(self, frame: bytes, now: float) -> list[Event]:
        """What a frame brings.

        Raises:
            RemoteFault: it does not open or breaks a rule. The session is over.
            LocalFault: it was over before.
        """
        if self.closed:
            raise LocalFault("this session is over")
        try:
            return self._receive_frame(frame, now)
        except RemoteFault:
            self.closed = True
            self._outbox.clear()
            raise

    def _receive_frame(self, frame: bytes, now: float) -> list[Event]:
        if len(frame) > FRAME_MAX_BYTES:
            raise RemoteFault(Reason.OVERSIZED, "a frame is longer than 16 KiB")
        plaintext = self._receive.decrypt(b"", frame)
        if self._receive.nonce % REKEY_EVERY_FRAMES == 0:
            self._receive.rekey()
        self.bytes_in += len(frame)
        self._heard = now
        self._answer_by = None
        events: list[Event] = []
        for record in decode_frame(plaintext):
            event = self._take(record, now)
            if event is not None:
                events.append(event)
                if self.closed:
                    break
        return events

    def _take(self, record: Record, now: float) -> Event | None:
        if isinstance(record, Fragment):
            return self._take_fragment(record, now)
        if isinstance(record, Credit):
            self._outbox.credit += record.granted_bytes
            if self._outbox.credit > CREDIT_MAX_BYTES:
                raise RemoteFault(Reason.CREDIT, "more credit than makes sense")
            return CreditGranted(record.granted_bytes)
        if isinstance(record, Ping):
            self._pongs_waiting += 1
            if self._pongs_waiting > PONGS_WAITING_MAX:
                raise RemoteFault(Reason.FLOOD, "pings faster than their answers are read")
            self._controls.append(Pong(record.token))
            return None
        if isinstance(record, Pong):
            return self._take_pong(record, now)
        self.closed = True
        self._outbox.clear()
        return Closed(record.code, record.text)

    def _take_fragment(self, fragment: Fragment, now: float) -> Event | None:
        bulk = fragment.priority >= FIRST_BULK_PRIORITY
        if bulk:
            self._window.fragment_received(len(fragment.data), now)
            if now - self._pinged >= MEASURE_RTT_EVERY_SECONDS or self.round_trip is None:
                self._queue_ping(now)
        whole = self._reassembly.add(fragment)
        if whole is None:
            return None
        kind, payload = whole
        if bulk:
            self._window.message_delivered(len(payload), now)
        return MessageReceived(kind, fragment.priority, payload)

    def _take_pong(self, pong: Pong, now: float) -> Event | None:
        """Measure, if it answers the latest ping; an older or invented answer means nothing."""
        if self._ping_sent is None or pong.token != self._ping_token:
            return None
        round_trip = now - self._ping_sent
        self._ping_sent = None
        self.round_trip = round_trip
        self._window.round_trip_measured(round_trip)
        return PongReceived(round_trip)

    # Time.

    def timers(self, now: float) -> float:
        """Do what is due and say when to call again.

        Raises:
            RemoteFault: with reason `SILENT`, the other side is gone.
        """
        if self._answer_by is not None and now >= self._answer_by:
            self.closed = True
            self._outbox.clear()
            raise RemoteFault(Reason.SILENT, "the other side does not answer")
        if self._answer_by is None and now - self._heard >= IDLE_BEFORE_PING_SECONDS:
            self.ping(now)
        if self._answer_by is not None:
            return self._answer_by
        return self._heard + IDLE_BEFORE_PING_SECONDS

    def _queue_ping(self, now: float) -> None:
        if any(isinstance(control, Ping) for control in self._controls):
            return
        if self._ping_sent is not None and now - self._ping_sent < PONG_WITHIN_SECONDS:
            return
        self._ping_token = (self._ping_token + 1) % 2**32
        self._pinged = now
        self._ping_sent = None
        self._controls.append(Ping(self._ping_token))
