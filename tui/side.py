"""The place beside the timeline: a thread or the notes, never both.

While a thread is open, Enter in the composer answers in it.
"""

from collections.abc import Callable

from chat import commands
from chat.model import Message
from tui import workers
from tui.asking import Asker
from tui.limits import HISTORY_PAGE_MESSAGES
from tui.notes.pane import NotesPane
from tui.widgets.composer_box import ComposerBox, Mode
from tui.widgets.thread_pane import ThreadPane


class Side:
    """Opens and closes the two panes; `changed` hears whether one is open."""

    def __init__(
        self,
        asker: Asker,
        box: ComposerBox,
        thread: ThreadPane,
        notes: NotesPane,
        changed: Callable[[bool], None],
    ) -> None:
        self._asker = asker
        self._box = box
        self._thread = thread
        self._notes = notes
        self._changed = changed

    @property
    def has_thread(self) -> bool:
        """Whether a thread is open."""
        return self._thread.display

    def open_thread(self, channel: str, message: Message) -> None:
        """Show the thread that a message belongs to."""
        workers.restart(self._thread, "thread", self._open_thread, channel, message)

    async def _open_thread(self, channel: str, message: Message) -> None:
        root = message.reply_to or message.id
        wanted = commands.History(channel, HISTORY_PAGE_MESSAGES, thread=root)
        messages: list[Message] | None = await self._asker.ask(wanted)
        if messages:
            self._notes.close()
            self._thread.show(root, messages)
            self._box.set_mode(Mode("thread", messages[0]))
            self._box.composer.focus()
        self._tell()

    def renew(self, channel: str) -> None:
        """Read an open thread anew: more came than was told one by one."""
        if self._thread.root:
            workers.restart(self._thread, "thread", self._renew, channel, self._thread.root)

    async def _renew(self, channel: str, root: str) -> None:
        wanted = commands.History(channel, HISTORY_PAGE_MESSAGES, thread=root)
        messages: list[Message] = await self._asker.look(wanted) or []
        if root == self._thread.root:
            self._thread.take(messages)

    def close_thread(self) -> None:
        """Hide the thread; Enter posts to the channel again."""
        self._thread.close()
        if self._box.mode is not None and self._box.mode.kind == "thread":
            self._box.set_mode(None)
        self._tell()

    def toggle_notes(self, channel: str) -> None:
        """Open a channel's notes, or close them."""
        if self._notes.display:
            self._notes.close()
            self._box.composer.focus()
        elif channel:
            self.close_thread()
            self._notes.open(channel)
        self._tell()

    def notes_closed(self) -> None:
        """The notes were closed from inside."""
        self._box.composer.focus()
        self._tell()

    def follow(self, channel: str) -> None:
        """Another channel was opened: its notes, if notes are open; no thread."""
        self._thread.close()
        if self._notes.display:
            self._notes.open(channel)
        self._tell()

    def _tell(self) -> None:
        self._changed(self._thread.display or self._notes.display)
