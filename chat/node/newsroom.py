"""What changed becomes events: messages at once, small views at their own pace.

Nothing is built while nobody listens. Messages that changed in one turn are read once each after
the commit; of more than a page only the number is told, and whoever shows them reads a page.
"""

import asyncio
from collections.abc import Callable

from chat import events, model
from chat.effects import MessageTouched, View
from chat.errors import StoreError
from chat.hub import Hub, before

MESSAGES_TOLD_MAX = 50
"""Changed messages of one channel and turn that are told one by one."""
VIEW_PAUSE_SECONDS = 0.1
"""Between two events about the same small view; faster than reading."""


class Newsroom:
    """Builds events.

    Args:
        hub: where they go.
        message: a message's view by channel and id, None when it is not shown.
        oldest: the hybrid clock of the oldest of some messages, None when none is shown.
        channel_name: how a channel is called here.
        views: for each small view, what makes its events.
    """

    def __init__(
        self,
        hub: Hub,
        message: Callable[[bytes, bytes], model.Message | None],
        oldest: Callable[[bytes, list[bytes]], int | None],
        channel_name: Callable[[bytes], str | None],
        views: dict[View, Callable[[], list[events.Event]]],
    ) -> None:
        self._hub = hub
        self._message = message
        self._oldest = oldest
        self._channel_name = channel_name
        self._views = views
        self._touched: dict[bytes, dict[bytes, bool]] = {}
        self._remade: dict[bytes, None] = {}
        self._changed: set[View] = set()
        self._timer: asyncio.TimerHandle | None = None

    def touch(self, touched: MessageTouched) -> None:
        """A message is new or changed; `tell` follows."""
        if not self._hub.has_listeners:
            return
        known = self._touched.setdefault(touched.channel, {})
        known[touched.message] = touched.new or known.get(touched.message, False)

    def remade(self, channel: bytes) -> None:
        """All of a channel may look different; `tell` follows."""
        self._remade[channel] = None

    def change(self, what: View) -> None:
        """A small view changed."""
        if not self._hub.has_listeners:
            return
        self._changed.add(what)
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(VIEW_PAUSE_SECONDS, self._tell_views)

    def tell(self) -> None:
        """Tell of all messages touched since the last call."""
        touched, self._touched = self._touched, {}
        remade, self._remade = self._remade, {}
        if not self._hub.has_listeners:
            return
        for channel in remade:
            name = self._channel_name(channel)
            if name is not None:
                self._hub.emit(events.MessagesArrived(name, MESSAGES_TOLD_MAX))
        for channel, messages in touched.items():
            name = self._channel_name(channel)
            if name is None:
                continue
            if len(messages) > MESSAGES_TOLD_MAX:
                oldest = self._oldest(channel, list(messages))
                if oldest is not None:
                    arrived = events.MessagesArrived(name, len(messages), before(oldest))
                    self._hub.emit(arrived)
                continue
            for mid, new in messages.items():
                view = self._message(channel, mid)
                if view is not None:
                    self._hub.emit(events.MessageChanged(view, new))

    def _tell_views(self) -> None:
        self._timer = None
        changed, self._changed = self._changed, set()
        for what in sorted(changed):
            try:
                for event in self._views[what]():
                    self._hub.emit(event)
            except StoreError as error:
                self._hub.emit(events.Warned(str(error)))

    def close(self) -> None:
        """Tell nothing more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
