"""Commands from the face to the session: never awaited in a key handler, errors as sentences."""

from collections.abc import Callable
from typing import Any

from textual.widget import Widget

from chat.commands import Command
from chat.errors import ChatError
from chat.session import Session
from tui import workers


class Asker:
    """Calls the session for a widget and shows what went wrong."""

    def __init__(self, session: Session, widget: Widget) -> None:
        self.session = session
        self._widget = widget

    async def ask(self, command: Command) -> Any:
        """The reply, or None after the error was shown."""
        try:
            return await self.session.call(command)
        except ChatError as error:
            self.complain(error)
            return None

    async def look(self, command: Command) -> Any:
        """The reply, or None when there is none; nothing is shown."""
        try:
            return await self.session.call(command)
        except ChatError:
            return None

    def send(
        self,
        command: Command,
        done: Callable[[Any], None] | None = None,
        failed: Callable[[], None] | None = None,
    ) -> None:
        """Call in the background; then `done(reply)`, or `failed()` after the error was shown."""

        async def work() -> None:
            try:
                reply = await self.session.call(command)
            except ChatError as error:
                self.complain(error)
                if failed is not None:
                    failed()
                return
            if done is not None:
                done(reply)

        workers.start(self._widget, "commands", work)

    def bring(self, command: Command, opened: Callable[[Any], None]) -> None:
        """Call in the background; then `opened(reply)` opens a dialog, for which typing waits."""

        async def work() -> None:
            reply = await self.ask(command)
            if reply is not None:
                opened(reply)

        workers.bring(self._widget, "commands", work)

    def tell(self, command: Command) -> None:
        """Call in the background; whether it worked matters to nobody here."""
        workers.start(self._widget, "tellings", self._tell, command)

    async def _tell(self, command: Command) -> None:
        await self.look(command)

    def complain(self, error: Exception) -> None:
        """Show an error's sentence."""
        self._widget.notify(str(error), severity="error", timeout=8, markup=False)

    def say(self, text: str) -> None:
        """Show a sentence."""
        self._widget.notify(text, markup=False)
