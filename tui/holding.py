"""Messages that wait a moment before they are sent, so that they can be taken back.

A held message is not sent, and nothing says that it was: it stands above the composer with what is
left of its time, and as the channel's draft in the profile, from where it comes back if this
program dies. One is held at a time; the next one, another channel, leaving and locking send it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from textual.timer import Timer
from textual.widget import Widget

from chat import commands
from tui.widgets.composer_box import Mode


@dataclass(frozen=True)
class Held:
    """A message that waits: what it would be, and what was typed for it."""

    command: commands.Post
    typed: str
    mode: Mode | None


class Holding:
    """Holds one message. `widget` owns the timer, `send` sends, `show` hears what is held and for
    how many seconds more."""

    def __init__(
        self,
        widget: Widget,
        send: Callable[[Held], None],
        show: Callable[[Held | None, int], None],
    ) -> None:
        self._widget = widget
        self._send = send
        self._show = show
        self._held: Held | None = None
        self._until = 0.0
        self._timer: Timer | None = None

    @property
    def held(self) -> Held | None:
        """The message that waits."""
        return self._held

    def hold(self, held: Held, seconds: int) -> None:
        """Wait with this one; the one before goes."""
        self.let_go()
        self._held, self._until = held, time.monotonic() + seconds
        self._timer = self._widget.set_interval(1.0, self._look)
        self._show(held, seconds)

    def _look(self) -> None:
        left = self._until - time.monotonic()
        if left <= 0.05:
            self.let_go()
        else:
            self._show(self._held, round(left))

    def let_go(self) -> None:
        """Send what is held."""
        held = self._taken()
        if held is not None:
            self._send(held)

    def take_back(self) -> Held | None:
        """What was held, which is not sent any more."""
        return self._taken()

    def _taken(self) -> Held | None:
        held, self._held = self._held, None
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if held is not None:
            self._show(None, 0)
        return held
