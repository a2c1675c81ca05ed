"""Events that wait for the next repaint, as few as possible. Pure.

Events carry whole values, so a later one about the same thing stands for all before it. A flood
of changed messages in one channel becomes one MessagesArrived: the timeline then reads a page of
history instead of a thousand messages. The order between different things is kept by when the
first of their events came; nothing in the face depends on more.
"""

from collections.abc import Hashable

from chat.events import (
    ChannelChanged,
    ChannelGone,
    Event,
    MembersChanged,
    MessageChanged,
    MessagesArrived,
    NotesChanged,
    PrivateChanged,
    StatusChanged,
    TransferChanged,
    TypingShown,
)
from tui.limits import EVENTS_WAITING


class Waiting:
    """The events not yet shown."""

    def __init__(self, limit: int = EVENTS_WAITING) -> None:
        self._events: dict[Hashable, Event] = {}
        self._limit = limit
        self._messages: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._events)

    def add(self, event: Event) -> None:
        """Take an event; it replaces what it makes obsolete."""
        if isinstance(event, MessageChanged):
            self._add_message(event)
            return
        if isinstance(event, MessagesArrived):
            self._add_bulk(event.channel, event.count)
            return
        self._events[_subject(event)] = event

    def drain(self) -> list[Event]:
        """All of them; none waits afterwards."""
        drained = list(self._events.values())
        self._events.clear()
        self._messages.clear()
        return drained

    def _add_message(self, event: MessageChanged) -> None:
        message = event.message
        known = self._events.get(message.id)
        if isinstance(known, MessageChanged):
            self._events[message.id] = MessageChanged(message, known.new or event.new)
            return
        waiting = self._messages.get(message.channel, 0) + 1
        if waiting > self._limit:
            self._flood(message.channel)
            self._add_bulk(message.channel, 1)
            return
        self._messages[message.channel] = waiting
        self._events[message.id] = event

    def _add_bulk(self, channel: str, count: int) -> None:
        known = self._events.get(("bulk", channel))
        before = known.count if isinstance(known, MessagesArrived) else 0
        self._events["bulk", channel] = MessagesArrived(channel, before + count)

    def _flood(self, channel: str) -> None:
        """Too many single messages of a channel: count them instead."""
        singles = [
            key
            for key, event in self._events.items()
            if isinstance(event, MessageChanged) and event.message.channel == channel
        ]
        new = 0
        for key in singles:
            event = self._events.pop(key)
            new += isinstance(event, MessageChanged) and event.new
        self._messages[channel] = 0
        self._add_bulk(channel, new)


def _subject(event: Event) -> Hashable:
    """What an event is about."""
    match event:
        case ChannelChanged(channel=channel):
            return "channel", channel.id
        case ChannelGone(channel=gone):
            return "channel", gone
        case NotesChanged(notes=notes):
            return "notes", notes.channel
        case TransferChanged(transfer=transfer):
            return "transfer", transfer.id
        case TypingShown(channel=channel, author=author):
            return "typing", channel, author.member
        case MembersChanged() | StatusChanged() | PrivateChanged():
            return type(event).__name__
        case _:
            # A warning is about itself, and so is what a newer application may add.
            return event
