"""A link as the application holds it: the shell around a `Session`.

Nothing here waits. Messages go to the application straight from the socket's callback, and what
the application sends is put on the wire in the next turn of the event loop, all messages of one
turn together; there is no task for a link and none for a message. A slow peer costs its own
queue only: when that is full the link is closed, and what was not sent is still in the store.

The bytes are moved by a `Wire` (a WebSocket, or two links tied together in a test).
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from transport.proto.closing import CloseCode, LinkEnd
from transport.proto.errors import LocalFault, Reason, RemoteFault
from transport.proto.hints import LinkSecret
from transport.proto.limits import (
    DRAIN_BUDGET_BYTES,
    DRAINS_PER_TURN,
    UNREAD_MAX_BYTES,
    UNREAD_MESSAGE_BYTES,
)
from transport.proto.session import Closed, Event, MessageReceived, Session

OnMessage = Callable[[int, int, bytes], None]
"""`on_message(kind, priority, payload)`."""


class Wire(Protocol):
    """What a link needs of a connection."""

    @property
    def writable(self) -> bool:
        """The socket takes more; `Link.wire_writable` is called when it does again."""

    def write(self, frames: list[bytes]) -> None:
        """Send each frame as one WebSocket message."""

    def finish(self) -> None:
        """Close once everything written has left; give up after a moment."""

    def abort(self) -> None:
        """Close now."""

    def pause_reading(self) -> None:
        """Take nothing more from the socket."""

    def resume_reading(self) -> None:
        """Go on after `pause_reading`."""


class Link:
    """One link to one device.

    Iterate over it for `MessageReceived` values, or set `on_message`. Bulk messages (priority 2
    and up) are to be given back with `grant` once they are stored. Sending on a closed link does
    nothing: a link may close at any moment, and `closed` says so.

    Attributes:
        url: what was dialled; None for a link that was accepted.
        remote_address: host and port of the other end.
    """

    def __init__(
        self,
        session: Session,
        wire: Wire,
        *,
        loop: asyncio.AbstractEventLoop,
        remote_address: str = "",
        url: str | None = None,
    ) -> None:
        self._closed: asyncio.Future[LinkEnd] = loop.create_future()
        self._gone: asyncio.Future[None] = loop.create_future()
        self.url = url
        self.remote_address = remote_address
        self._session = session
        self._wire = wire
        self._loop = loop
        self._on_message: OnMessage | None = None
        self._unread: deque[MessageReceived] = deque()
        self._unread_bytes = 0
        self._reading_paused = False
        self._reader: asyncio.Future[None] | None = None
        self._flush_scheduled = False
        self._timer = loop.call_at(session.timers(loop.time()), self._tick)

    # Who is there.

    @property
    def remote_static(self) -> bytes:
        """The other device's X25519 public key, proven by the handshake."""
        return self._session.established.remote_static

    @property
    def remote_payload(self) -> bytes:
        """What the other device said of itself in the handshake."""
        return self._session.established.remote_payload

    @property
    def handshake_hash(self) -> bytes:
        """64 bytes that name this link on both sides."""
        return self._session.established.handshake_hash

    @property
    def secret(self) -> LinkSecret:
        """What the link was opened with."""
        return self._session.established.secret

    @property
    def initiator(self) -> bool:
        """Whether this side dialled."""
        return self._session.established.initiator

    # How it goes.

    @property
    def closed(self) -> asyncio.Future[LinkEnd]:
        """Done when the link is over, with the reason; whoever waits may be cancelled."""
        return asyncio.shield(self._closed)

    @property
    def gone(self) -> asyncio.Future[None]:
        """Done when the connection is gone, too: up to a second after `closed`."""
        return asyncio.shield(self._gone)

    @property
    def is_closed(self) -> bool:
        """Whether the link is over."""
        return self._closed.done()

    @property
    def close_reason(self) -> LinkEnd | None:
        """How the link ended; None while it stands."""
        return self._closed.result() if self._closed.done() else None

    @property
    def bytes_in(self) -> int:
        """Frame bytes received, tags included, WebSocket headers not."""
        return self._session.bytes_in

    @property
    def bytes_out(self) -> int:
        """Frame bytes sent, tags included, WebSocket headers not."""
        return self._session.bytes_out

    @property
    def rtt(self) -> float | None:
        """The latest round trip in seconds; None before the first was measured."""
        return self._session.round_trip

    def queued_bytes(self, priority: int) -> int:
        """Payload bytes of this priority not yet on the wire."""
        return self._session.queued_bytes(priority)

    # What the application does.

    @property
    def on_message(self) -> OnMessage | None:
        """Called for each message; setting it delivers those that have arrived already."""
        return self._on_message

    @on_message.setter
    def on_message(self, callback: OnMessage | None) -> None:
        self._on_message = callback
        while self._unread and self._on_message is not None:
            message = self._take_unread()
            self._on_message(message.kind, message.priority, message.payload)

    def send(self, kind: int, priority: int, payload: bytes) -> None:
        """Queue a message.

        Raises:
            LocalFault: no such kind or priority, or the payload is too long for its kind.
        """
        if self._closed.done():
            return
        try:
            self._session.send(kind, priority, payload)
        except LocalFault as fault:
            if fault.reason is not Reason.QUEUE_FULL:
                raise
            self.close(CloseCode.TOO_SLOW, str(fault))
            return
        self._schedule_flush()

    def grant(self, size: int) -> None:
        """Say that `size` payload bytes of bulk messages are stored.

        Raises:
            LocalFault: more than was received.
        """
        self._session.grant(size, self._loop.time())
        if not self._closed.done() and self._session.has_controls:
            self._schedule_flush()

    def ping(self) -> None:
        """Find out soon whether the other side is still there."""
        if not self._closed.done():
            self._session.ping(self._loop.time())
            self._schedule_flush()
            self._tick()

    def close(self, code: int = CloseCode.GOING_AWAY, text: str = "") -> None:
        """End the link; the other side is told why. Closing again does nothing.

        Messages sent just before still leave if the line is free, up to one budget; what waits
        beyond that is dropped.
        """
        if self._closed.done():
            return
        self._flush()
        self._say_goodbye(code, text)
        self._end(LinkEnd(code, text, by_peer=False))

    def __aiter__(self) -> AsyncIterator[MessageReceived]:
        return self

    async def __anext__(self) -> MessageReceived:
        while not self._unread:
            if self._closed.done():
                raise StopAsyncIteration
            assert self._reader is None, "one task at a time reads from a link"
            self._reader = self._loop.create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        return self._take_unread()

    # What the wire tells.

    def frame_received(self, frame: bytes) -> None:
        """A frame arrived."""
        if self._closed.done():
            return
        try:
            events = self._session.receive(frame, self._loop.time())
        except RemoteFault as fault:
            self._fail(fault)
            return
        for event in events:
            self._handle(event)
        if self._session.has_controls and not self._closed.done():
            self._schedule_flush()

    def fault_received(self, fault: RemoteFault) -> None:
        """The wire itself brought something that breaks a rule."""
        if not self._closed.done():
            self._fail(fault)

    def wire_writable(self) -> None:
        """The socket takes more."""
        if not self._closed.done():
            self._flush()

    def wire_lost(self) -> None:
        """The connection is gone."""
        if not self._closed.done():
            self._end(LinkEnd(CloseCode.LOST, "the connection broke", by_peer=False))

    def wire_gone(self) -> None:
        """Nothing is left of the connection; called once, after `wire_lost`."""
        self._gone.set_result(None)

    def _handle(self, event: Event) -> None:
        if isinstance(event, MessageReceived):
            # The application may have closed the link from within the previous message.
            if self._closed.done():
                return
            if self._on_message is not None:
                self._on_message(event.kind, event.priority, event.payload)
            else:
                self._keep_unread(event)
        elif isinstance(event, Closed):
            self._wire.finish()
            self._end(LinkEnd(event.code, event.text, by_peer=True))
        else:
            self._schedule_flush()

    def _keep_unread(self, message: MessageReceived) -> None:
        self._unread.append(message)
        self._unread_bytes += len(message.payload) + UNREAD_MESSAGE_BYTES
        if self._unread_bytes > UNREAD_MAX_BYTES and not self._reading_paused:
            self._reading_paused = True
            self._wire.pause_reading()
        self._wake_reader()

    def _take_unread(self) -> MessageReceived:
        message = self._unread.popleft()
        self._unread_bytes -= len(message.payload) + UNREAD_MESSAGE_BYTES
        if self._reading_paused and self._unread_bytes <= UNREAD_MAX_BYTES // 2:
            self._reading_paused = False
            self._wire.resume_reading()
        return message

    def _wake_reader(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    # Sending.

    def _schedule_flush(self) -> None:
        if not self._flush_scheduled:
            self._flush_scheduled = True
            self._loop.call_soon(self._scheduled_flush)

    def _scheduled_flush(self) -> None:
        self._flush_scheduled = False
        if not self._closed.done():
            self._flush()

    def _flush(self) -> None:
        """Hand a budget of frames to the socket; the rest waits for another turn.

        What is handed over cannot be overtaken any more, so it is little; and other links get
        their turn in between. A socket that passed all of it on at once gets a few more: waking
        for each costs as much as sealing it.
        """
        for _ in range(DRAINS_PER_TURN):
            if not self._wire.writable:
                return
            frames = self._session.data_to_send(self._loop.time(), DRAIN_BUDGET_BYTES)
            if not frames:
                return
            self._wire.write(frames)
            if sum(map(len, frames)) < DRAIN_BUDGET_BYTES:
                return
        if self._wire.writable:
            self._schedule_flush()

    # Time and endings.

    def _tick(self) -> None:
        self._timer.cancel()
        if self._closed.done():
            return
        now = self._loop.time()
        try:
            deadline = self._session.timers(now)
        except RemoteFault as fault:
            self._wire.abort()
            self._end(LinkEnd(CloseCode.SILENT, str(fault), by_peer=False))
            return
        if self._session.has_controls:
            self._schedule_flush()
        self._timer = self._loop.call_at(deadline, self._tick)

    def _fail(self, fault: RemoteFault) -> None:
        text = f"{fault.reason}: {fault}"
        self._say_goodbye(CloseCode.FAULT, text)
        self._end(LinkEnd(CloseCode.FAULT, text, by_peer=False))

    def _say_goodbye(self, code: int, text: str) -> None:
        self._session.close(code, text)
        self._wire.write(self._session.data_to_send(self._loop.time(), DRAIN_BUDGET_BYTES))
        self._wire.finish()

    def _end(self, end: LinkEnd) -> None:
        self._timer.cancel()
        self._closed.set_result(end)
        self._wake_reader()
