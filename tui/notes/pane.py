"""A channel's notes beside its timeline.

The pane joins the text area with the pure draft: local edits go out in batches of at least 300 ms,
changes of others come in without moving the cursor. What was typed in the last moment before the
pane closes or the program ends is sent then.
"""

import asyncio
import time
from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message

from chat import commands, model
from chat.errors import ChatError
from chat.model import Notes
from tui import keymap, workers
from tui.asking import Asker
from tui.limits import NOTES_BATCH_SECONDS
from tui.notes.area import NotesArea, OtherCursor
from tui.notes.delta import Delta
from tui.notes.draft import NotesDraft
from tui.notes.undo import Undo
from tui.screens.notes_past import NotesAtScreen, NotesPastScreen
from tui.text.styled import Piece
from tui.widgets.title_row import TitleRow


class NotesPane(Vertical):
    """Hidden while no notes are open."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", show=False, priority=True),
        *(
            Binding(key.keys, key.action, key.text, show=False, priority=key.priority, id=key.id)
            for key in keymap.scope("notes")
        ),
    ]

    class Closed(Message):
        """The user closed the pane."""

    def __init__(self, asker: Asker, hue: Callable[[str], str], *, id: str | None = None) -> None:
        super().__init__(id=id, classes="pane")
        self._asker = asker
        self._hue = hue
        self._area = NotesArea(self._edited, self._undone, id="notes-area")
        self._title = TitleRow()
        self._channel = ""
        self._draft: NotesDraft | None = None
        self._undo = Undo()
        self._newest = Notes("", "")
        self._cursor_sent: int | None = None
        self._sending = asyncio.Lock()
        self.shows_authors = False
        self.display = False

    def compose(self) -> ComposeResult:
        yield self._title
        yield self._area

    def on_mount(self) -> None:
        self.set_interval(NOTES_BATCH_SECONDS, self._send_batch)

    async def on_unmount(self) -> None:
        # The widgets inside are gone already: what comes back is not shown any more.
        draft, self._draft = self._draft, None
        await self._send_rest(self._channel, draft)

    def open(self, channel: str) -> None:
        """Show a channel's notes."""
        workers.restart(self, "notes", self._open, channel)
        self.display = True

    async def _open(self, channel: str) -> None:
        await self._send_rest(self._channel, self._draft)
        self._draft = None
        self._channel = channel
        notes = await self._asker.ask(commands.GetNotes(channel))
        if notes is None:
            self.action_close()
            return
        self._draft = NotesDraft(notes)
        self._undo = Undo()
        self._newest = notes
        self._area.load_text(notes.text)
        self._area.focus()
        self._show_others()

    def close(self) -> None:
        """Hide the pane; what was typed goes out."""
        channel, draft = self._channel, self._draft
        self._draft, self._channel = None, ""
        self.display = False
        if channel:
            workers.start(self, "notes rest", self._send_rest, channel, draft)

    def action_close(self) -> None:
        self.close()
        self.post_message(self.Closed())

    def action_toggle_task(self) -> None:
        if self._draft is not None:
            self._area.toggle_task()

    def action_toggle_authors(self) -> None:
        self.shows_authors = not self.shows_authors
        self._show_others()

    def action_past(self) -> None:
        if self._draft is not None:
            workers.start(self, "notes past", self._look_back, self._channel, self._draft)

    async def _look_back(self, channel: str, draft: NotesDraft) -> None:
        """Show what was before, and go back to one of it when that is wanted."""
        await self._send(channel, draft)
        past: model.NotesPast | None = await self._asker.ask(commands.GetNotesPast(channel, 500))
        if past is None:
            return
        chosen = await self.app.push_screen_wait(NotesPastScreen(past))
        version = next((each for each in past.versions if each.id == chosen), None)
        if version is None:
            return
        notes = await self._asker.ask(commands.GetNotesAt(channel, version.id))
        if notes is None or not await self.app.push_screen_wait(NotesAtScreen(version, notes)):
            return
        restored = await self._asker.ask(commands.RestoreNotes(channel, version.id))
        if restored is not None:
            self.take(restored)

    def on_text_area_selection_changed(self) -> None:
        if self._draft is not None and self.shows_authors:
            self._retitle()

    def take(self, notes: Notes) -> None:
        """The notes changed at the node."""
        if self._draft is None or notes.channel != self._channel:
            return
        if notes.version >= self._newest.version:
            self._newest = notes
        self._show(self._draft.remote(notes))

    def renew(self) -> None:
        """Another node holds the profile: what is shown here goes on there."""
        if self._draft is not None:
            workers.start(self, "notes", self._renew, self._draft)

    async def _renew(self, draft: NotesDraft) -> None:
        async with self._sending:
            notes = await self._asker.look(commands.GetNotes(self._channel))
            if notes is not None and draft is self._draft:
                self._newest = notes
                self._cursor_sent = None
                self._show(draft.restart(notes))

    def _show(self, change: Delta) -> None:
        """A change from elsewhere."""
        self._undo.remote(change)
        self._area.change(change)
        self._show_others()

    # The user's edits.

    def _edited(self, change: Delta, before: str) -> None:
        if self._draft is not None:
            self._draft.edit(change)
            self._undo.edited(change, before, time.monotonic())

    def _undone(self, back: bool) -> Delta | None:
        text = self._area.text
        change = self._undo.undo(text) if back else self._undo.redo(text)
        if change is not None and self._draft is not None:
            self._draft.edit(change)
        return change

    def _send_batch(self) -> None:
        draft = self._draft
        if draft is None:
            return
        if not (self._sending.locked() or draft.is_clean or draft.refused):
            workers.start(self, "notes send", self._send, self._channel, draft)
        self._send_cursor(draft)

    async def _send(self, channel: str, draft: NotesDraft) -> None:
        """One batch, if there is one; batches go one after the other."""
        async with self._sending:
            batch = draft.batch()
            if batch is None:
                return
            try:
                notes = await self._asker.session.call(commands.SpliceNotes(channel, *batch))
            except ChatError as error:
                self._asker.complain(error)
                change = draft.failed()
            else:
                change = draft.confirmed(notes)
                if draft is self._draft and notes.version >= self._newest.version:
                    self._newest = notes
            if draft is self._draft:
                self._show(change)

    async def _send_rest(self, channel: str, draft: NotesDraft | None) -> None:
        """Send all of a draft that is about to go away, and hide the cursor."""
        if draft is None:
            return
        while not (draft.is_clean or draft.refused):
            await self._send(channel, draft)
        self._cursor_sent = None
        await self._asker.look(commands.MoveCursor(channel, None))

    def _send_cursor(self, draft: NotesDraft) -> None:
        if not self._area.has_focus or not draft.is_clean:
            return
        index = draft.index_at_node(self._area.index_of(self._area.cursor_location))
        if index != self._cursor_sent:
            self._cursor_sent = index
            self._asker.tell(commands.MoveCursor(self._channel, index))

    # The others.

    def _show_others(self) -> None:
        draft = self._draft
        if draft is None:
            return
        others = [
            OtherCursor(
                cursor.author.name,
                self._hue(cursor.author.member),
                draft.index_on_screen(cursor.index),
            )
            for cursor in self._newest.cursors
        ]
        self._area.show_cursors(others)
        self._area.show_authors(self._line_authors(draft) if self.shows_authors else None)
        self._retitle()

    def _line_authors(self, draft: NotesDraft) -> list[str]:
        """By whom each line on the screen is; what was just typed is not known to be mine yet."""
        place = draft.index_on_screen
        runs = tuple(
            (place(start), place(start + length) - place(start), nick)
            for start, length, nick in self._newest.authors
        )
        shown = Notes(self._channel, self._area.text, authors=runs)
        return [", ".join(who) for who in model.line_authors(shown)]

    def _retitle(self) -> None:
        right: list[Piece] = []
        for cursor in self._newest.cursors:
            right.append((f" ▌{cursor.author.name}", self._hue(cursor.author.member)))
        if self._newest.earlier:
            right.append((" begun before you came: not all is shown", "$warning"))
        if self._newest.quarantined:
            right.append((f" {self._newest.quarantined} set aside", "$warning"))
        # The line with the cursor has its author here, too: beside it there may be no room.
        who = self._area.author_of(self._area.cursor_location[0])
        if who:
            right.append((f" this line: {who}", "$muted"))
        self._title.show(f"notes · #{self._channel}", right or [(" Esc closes", "$faint")])
