"""Events to whoever listens; a slow listener loses none and holds up nobody.

What waits for a listener is kept by what it is about: a later event of the same kind about the
same thing replaces the earlier one, since events carry whole values. Many changed messages of one
channel that nobody has read yet become one "many arrived", which tells the reader to look anew.

While the profile is locked events wait, as they do for somebody who does not look; only the status
passes, which says so.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Hashable

from msgspec.structs import replace

from chat import events

MESSAGES_WAITING_MAX = 256
"""Of one channel and one listener; more are told as a number."""


def before(hlc: int) -> str:
    """A place in a timeline before every message of this reading, as `History.after` takes it."""
    return f"{hlc - 1:016x}" + "f" * 32 if hlc > 0 else "0" * 48


class Listener:
    """One listener's events, as an asynchronous iterator; it listens from the moment it is made."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._waiting: dict[Hashable, events.Event] = {}
        self._channels: dict[str, str] = {}
        """Channel by message that waits, as it was called when the message was counted."""
        self._counts: Counter[str] = Counter()
        self._wake = asyncio.Event()
        self._ended = False

    def __aiter__(self) -> AsyncIterator[events.Event]:
        return self

    async def __anext__(self) -> events.Event:
        while (key := self._next()) is None:
            if self._ended:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        event = self._waiting.pop(key)
        if isinstance(event, events.MessageChanged):
            channel = self._channels.pop(event.message.id)
            self._counts[channel] -= 1
            if not self._counts[channel]:
                del self._counts[channel]
        return event

    def _next(self) -> Hashable | None:
        """What is given next."""
        if self._hub.held:
            status = events.StatusChanged
            return status if status in self._waiting else None
        return next(iter(self._waiting), None)

    def wake(self) -> None:
        """Look again at what waits."""
        self._wake.set()

    async def aclose(self) -> None:
        """Listen no more."""
        self._hub.forget(self)
        self.end()

    def end(self) -> None:
        """There will be no more events; those that wait are still given."""
        self._ended = True
        self._wake.set()

    def add(self, event: events.Event) -> None:
        """Take an event."""
        if isinstance(event, events.MessageChanged):
            self._add_message(event)
        elif isinstance(event, events.MessagesArrived):
            self._add_many(event)
        else:
            self._waiting[self._key(event)] = event
        self._wake.set()

    def _add_message(self, event: events.MessageChanged) -> None:
        channel, key = event.message.channel, ("message", event.message.id)
        known = self._waiting.get(key)
        if isinstance(known, events.MessageChanged):
            self._waiting[key] = replace(event, new=event.new or known.new)
            return
        full = self._counts[channel] >= MESSAGES_WAITING_MAX
        if ("many", channel) in self._waiting or full:
            place = before(int(event.message.order[:16], 16))
            self._add_many(events.MessagesArrived(channel, 1, place))
            return
        self._counts[channel] += 1
        self._channels[event.message.id] = channel
        self._waiting[key] = event

    def _add_many(self, event: events.MessagesArrived) -> None:
        known = self._waiting.get(("many", event.channel))
        if isinstance(known, events.MessagesArrived):
            event = events.MessagesArrived(
                event.channel, event.count + known.count, min(event.after, known.after)
            )
        self._waiting["many", event.channel] = event

    def _key(self, event: events.Event) -> Hashable:
        match event:
            case events.ChannelChanged(channel=channel):
                return ("channel", channel.id)
            case events.ChannelGone(channel=gone):
                return ("channel", gone)
            case events.NotesChanged(notes=notes):
                return ("notes", notes.channel)
            case events.TransferChanged(transfer=transfer):
                return ("transfer", transfer.id)
            case events.TypingShown(channel=name, author=author):
                return ("typing", name, author.member)
            case events.Warned(text=text):
                return ("warned", text)
            case _:
                return type(event)


class Hub:
    """All listeners."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._closed = False
        self._held = False

    @property
    def has_listeners(self) -> bool:
        """Whether anybody would hear an event."""
        return bool(self._listeners)

    @property
    def held(self) -> bool:
        """Whether events wait until `hold(False)`, but for the status."""
        return self._held

    def hold(self, held: bool) -> None:
        """Let events wait, or go on."""
        self._held = held
        for listener in self._listeners:
            listener.wake()

    def listen(self) -> Listener:
        """A new listener; it hears everything from now on. After `close` that is nothing."""
        listener = Listener(self)
        if self._closed:
            listener.end()
        else:
            self._listeners.append(listener)
        return listener

    def forget(self, listener: Listener) -> None:
        """This listener listens no more."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def emit(self, event: events.Event) -> None:
        """Tell everybody."""
        for listener in self._listeners:
            listener.add(event)

    def close(self) -> None:
        """There will be no more events."""
        self._closed = True
        for listener in self._listeners:
            listener.end()
        self._listeners.clear()
