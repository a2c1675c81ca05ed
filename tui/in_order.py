"""Keys act one after the other, however fast they come.

Textual hands a key to the focused widget and takes the next one at once. What a key is bound to
is looked for only when it has come up through every parent, and what a widget makes of a key is
often a message to its screen. So in a burst (a fast typist on a slow line, or a macro) the letters
after Ctrl+U stood in the line when it was emptied, those after Enter went with what was sent, and
those after Ctrl+K went to the composer and not into the dialog.

Here a key that may do more than put a letter into a line has a turn, and what is typed meanwhile
waits. The turn ends when a message that follows the key, through the same queues, has come up to
the application; as often as a key's work makes messages of its own (`ROUNDS`). A letter in a line
needs no turn, since the widget takes it at once, in order; the next key that is none waits for what
comes of the letters.

A dialog that shows what the session has to be asked for is opened by a worker, later than any such
message. Who starts the worker says so (`dialog_comes`), and everything waits until the dialog is
there, or until it is known that none comes. Either way nothing waits longer than `TURN_SECONDS`.
"""

import time
from collections import deque
from collections.abc import Callable

from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, TextArea

from tui.limits import TURN_LOOK_SECONDS, TURN_SECONDS

ROUNDS = 3
"""After the key, after what its action posts (`TextArea.Changed`), after what comes of that."""


class TurnOver(Message):
    """Comes up behind a key."""

    def __init__(self, turn: int, rounds: int) -> None:
        super().__init__()
        self.turn = turn
        self.rounds = rounds


class OrderlyApp(App[int]):
    """An application in which a key is done with before the next one is looked at."""

    def __init__(self) -> None:
        super().__init__()
        self._turn = 0
        self._turn_of: DOMNode | None = None
        self._turn_began = 0.0
        self._held: deque[events.Key | events.Paste] = deque()
        self._letters = False
        self._looks = False
        self._coming: set[object] = set()
        """A token for each dialog that is on its way."""

    def dialog_comes(self) -> Callable[[], None]:
        """What is typed from now on is for a dialog; gives what to call when it is there or not."""
        token = object()
        self._coming.add(token)
        self._turn_began = time.monotonic()

        def came() -> None:
            if token in self._coming:
                self._coming.remove(token)
                self._begin_turn()  # It takes the focus in its own time, as after a key.

        return came

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            self._held.append(event)
            await self._take_held()
        else:
            await super().on_event(event)

    async def _take_held(self) -> None:
        """Hand on what was typed, up to the next key that has a turn."""
        while self._held and self._turn_of is None and not self._coming:
            event = self._held[0]
            letter = isinstance(event, events.Key) and event.is_printable
            if letter and isinstance(self.focused, Input | TextArea):
                self._letters = True
            elif self._letters:
                # What letters brought up, such as completions, may be what this key is for.
                self._letters = False
                self._begin_turn()
                continue
            self._held.popleft()
            await super().on_event(event)
            if not self._letters:
                self._begin_turn()
        if self._held and not self._looks:
            self._looks = True
            self.set_timer(TURN_LOOK_SECONDS, self._look_at_turn)

    def _begin_turn(self) -> None:
        self._turn += 1
        self._turn_began = time.monotonic()
        self._follow(ROUNDS)

    def _follow(self, rounds: int) -> None:
        """Send a message behind the key, from where it was handed to."""
        if not self.screen_stack:  # It ends: what was typed behind that key has no place any more.
            self._turn_of = None
            self._held.clear()
            return
        target: Widget = self.focused or self.screen
        # A widget that is being taken away takes no messages: nothing of the key is left there.
        followed = target.post_message(TurnOver(self._turn, rounds))
        self._turn_of = target if followed else None

    async def on_turn_over(self, event: TurnOver) -> None:
        if event.turn != self._turn or self._turn_of is None:
            return
        if event.rounds > 1:
            self._follow(event.rounds - 1)
        else:
            self._turn_of = None
        await self._take_held()

    async def _look_at_turn(self) -> None:
        """Whatever the widget took with it when it went, no letter waits for that."""
        self._looks = False
        gone = self._turn_of is not None and not self._turn_of.is_attached
        late = time.monotonic() - self._turn_began > TURN_SECONDS
        if late:
            self._coming.clear()
        if gone or late:
            self._turn_of = None
        await self._take_held()
