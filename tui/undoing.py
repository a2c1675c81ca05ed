"""Undo of sending: what waits is not sent at all, what never left this machine loses its words.

After that a message can only be deleted for everybody, which is asked about, since the others may
have read it. Either way its text comes back into the composer, if nothing else stands there.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from chat import commands
from chat.errors import ChatError, UsageError
from chat.model import Message
from tui import workers
from tui.errors import InputError
from tui.holding import Held, Holding
from tui.screens.choice import Choice
from tui.widgets.composer_box import Mode

if TYPE_CHECKING:
    from tui.screens.workspace import WorkspaceScreen


class Undoing:
    """Sends what was written, sooner or later, and takes it back.

    Args:
        send: sends a message now.
        changed: what is held changed, so that the draft did.
    """

    def __init__(
        self,
        screen: "WorkspaceScreen",
        send: Callable[[Held], None],
        changed: Callable[[], None],
    ) -> None:
        self._screen = screen
        self._asker = screen.asker
        self._changed = changed
        self._holding = Holding(screen, send, self._show)

    @property
    def held(self) -> Held | None:
        """The message that waits."""
        return self._holding.held

    def hold(self, held: Held, seconds: int) -> None:
        """Send this after so many seconds."""
        self._holding.hold(held, seconds)
        self._changed()

    def let_go(self) -> None:
        """Send what waits, now."""
        if self._holding.held is not None:
            self._holding.let_go()

    async def keep(self) -> None:
        """Send what waits, durably when this returns; if that fails it is a draft again."""
        held = self._holding.take_back()
        if held is None:
            return
        try:
            await self._asker.session.call(held.command)
        except ChatError:
            self.restore(held.typed, held.mode)

    def undo(self, message: Message | None) -> None:
        """Take back what waits, else this message.

        Raises:
            InputError: there is nothing to take back.
        """
        held = self._holding.take_back()
        if held is not None:
            self.restore(held.typed, held.mode)
            self._changed()
            self._asker.say("It was not sent.")
        elif message is None:
            raise InputError("There is nothing of yours here to take back.")
        else:
            workers.start(self._screen, "commands", self._take_back, message)

    async def _take_back(self, message: Message) -> None:
        try:
            gone: Message = await self._asker.session.call(commands.TakeBack(message.id))
        except UsageError:
            self._offer_to_delete(message)
        except ChatError as error:
            self._asker.complain(error)
        else:
            self._gone(message, gone)
            self._asker.say("Taken back; it never left this machine.")

    def _offer_to_delete(self, message: Message) -> None:
        def answered(answer: str | None) -> None:
            if answer == "yes":
                delete = commands.Delete(message.id)
                self._asker.send(delete, lambda gone: self._gone(message, gone))

        question = "It may have left this machine already. Delete it for everybody?"
        self._screen.app.push_screen(Choice(question, [("no", "No"), ("yes", "Yes")]), answered)

    def _gone(self, message: Message, gone: Message) -> None:
        self._screen.take_messages([gone])
        answered = self._screen.timeline.sheet.get(message.reply_to or "")
        self.restore(message.text, Mode("reply", answered) if answered is not None else None)

    def restore(self, text: str, mode: Mode | None) -> None:
        """Back into the composer, if nothing is written there."""
        box = self._screen.box
        if not box.composer.text:
            if mode is not None and box.mode is None:
                box.set_mode(mode)
            box.composer.set_text(text)

    def _show(self, held: Held | None, seconds: int) -> None:
        self._screen.box.show_waiting(held.typed if held is not None else "", seconds)
        if held is None:
            self._changed()
