"""Messages that merged into the past while the reader looked elsewhere. Pure.

A message of somebody who was cut off for a while goes where it belongs, which may be far above what
is on screen, or what is loaded. So that nobody misses it, it is counted until it was in view, also
while another channel is open.
"""

from collections.abc import Iterable

from chat.model import Message


class LateArrivals:
    """Late arrivals that were not in view yet."""

    def __init__(self) -> None:
        self._channel = ""
        self._missed: dict[str, Message] = {}
        self._seen: set[str] = set()

    def __len__(self) -> int:
        return sum(message.channel == self._channel for message in self._missed.values())

    def turn_to(self, channel: str) -> None:
        """This channel is shown from now on."""
        self._channel = channel

    def take(self, messages: Iterable[Message]) -> None:
        """Messages that are new here."""
        for message in messages:
            if message.late and not message.mine and message.id not in self._seen:
                self._missed[message.id] = message

    def seen(self, shown: Iterable[str]) -> None:
        """These are in view."""
        for each in shown:
            if self._missed.pop(each, None) is not None:
                self._seen.add(each)

    @property
    def lowest(self) -> Message | None:
        """The newest of them in the channel that is shown."""
        here = [m for m in self._missed.values() if m.channel == self._channel]
        return max(here, key=lambda message: message.order, default=None)
