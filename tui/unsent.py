"""What is being written and not sent yet: a draft for each channel, and telling others of it.

Drafts outlast this program. The node keeps them for this device alone (`chat.commands.KeepDraft`),
a moment after the last key, at once when another channel is opened, and when the screen closes.
An answer's message is kept by its id; that a text is a change of an old message is not kept,
since that message may be another one by then.
"""

import time
from collections.abc import Callable

from textual.timer import Timer
from textual.widget import Widget

from chat import commands
from chat.model import Channel, Message, Private
from tui import workers
from tui.asking import Asker
from tui.holding import Held
from tui.limits import DRAFT_KEPT_SECONDS, TYPING_SENT_SECONDS
from tui.widgets.composer_box import ComposerBox, Draft, Mode

_Kept = tuple[str, str | None]
"""A text and the id of the message it answers, as the node has them."""


class Unsent:
    """Between the composer box and the node. `widget` owns the timer and the work."""

    def __init__(
        self,
        asker: Asker,
        widget: Widget,
        box: ComposerBox,
        private: Callable[[], Private],
        held: Callable[[], Held | None],
        back: Callable[[], None],
    ) -> None:
        """`held` is what waits to be sent; `back` hears that somebody writes."""
        self._asker = asker
        self._widget = widget
        self._box = box
        self._private = private
        self._held = held
        self._back = back
        self._drafts: dict[str, Draft] = {}
        self._kept: dict[str, _Kept] = {}
        self._channel: Channel | None = None
        self._timer: Timer | None = None
        self._typing_told = 0.0

    def open(self, channel: Channel) -> None:
        """Another channel is written in: its draft comes back, that of the one before waits."""
        before = self._channel
        if before is not None:
            self._drafts[before.id] = self._box.take()
            self._keep_soon(0)
        self._channel = channel
        draft = self._drafts.get(channel.id)
        known = self._private().drafts.get(channel.id)
        self._kept.setdefault(channel.id, (known.text, known.reply_to) if known else ("", None))
        if draft is None and known is not None:
            draft = Draft(known.text)
            if known.reply_to:
                workers.start(self._widget, "drafts", self._answer, channel, known.reply_to)
        self._box.give(draft or Draft(), channel.name)

    async def _answer(self, channel: Channel, message_id: str) -> None:
        """The message that a draft of an earlier run answers."""
        found = await self._asker.look(commands.GetMessage(message_id))
        here = self._channel is not None and self._channel.id == channel.id
        if isinstance(found, Message) and here and self._box.mode is None:
            self._box.set_mode(Mode("reply", found))

    def edited(self) -> None:
        """Something was typed."""
        self._keep_soon(DRAFT_KEPT_SECONDS)
        now = time.monotonic()
        text = self._box.composer.text
        if self._channel is None or not text or text[0] == "/":
            return
        self._back()
        if now - self._typing_told > TYPING_SENT_SECONDS:
            self._typing_told = now
            self._asker.tell(commands.Typing(self._channel.name))

    def keep_now(self) -> None:
        """The draft changed, by more than a key."""
        self._keep_soon(0)

    def _keep_soon(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if seconds:
            self._timer = self._widget.set_timer(seconds, lambda: self._keep_soon(0))
        elif (command := self._unkept()) is not None:
            self._asker.tell(command)

    async def flush(self) -> None:
        """The screen closes: keep what is not kept yet, before the node goes."""
        command = self._unkept()
        if command is not None:
            await self._asker.look(command)

    def _unkept(self) -> commands.KeepDraft | None:
        """What the node does not know yet of the open channel's draft; it is asked to now."""
        channel = self._channel
        if channel is None:
            return None
        draft = self._box.take()
        if draft.mode is not None and draft.mode.kind == "edit":
            return None
        answers = draft.mode.message.id if draft.mode and draft.mode.kind == "reply" else None
        text = draft.text
        if (held := self._held()) is not None:
            # Should this program end now, what waits is back in the composer at the next start.
            text = f"{held.typed}\n{text}" if text.strip() else held.typed
            answers = held.command.reply_to
        now: _Kept = (text, answers) if text.strip() else ("", None)
        if self._kept.get(channel.id) == now:
            return None
        self._kept[channel.id] = now
        return commands.KeepDraft(channel.id, *now)
