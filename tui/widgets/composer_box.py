"""The composer and the line above it that says what Enter will do."""

from dataclasses import dataclass
from typing import Literal

from textual.app import ComposeResult
from textual.containers import Vertical

from chat.model import Message
from tui.text import cells, markup
from tui.text.styled import styled
from tui.widgets.composer import Composer
from tui.widgets.still import Still


@dataclass(frozen=True)
class Mode:
    """What Enter does: answers a message, or changes one."""

    kind: Literal["reply", "edit", "thread"]
    message: Message


@dataclass(frozen=True)
class Draft:
    """An unsent text and its mode, kept for each channel."""

    text: str = ""
    mode: Mode | None = None


class ComposerBox(Vertical):
    """One bordered box."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.composer = Composer(id="composer")
        self._line = Still(id="mode-line")
        self._line.display = False
        self._waiting = Still(id="waiting")
        self._waiting.display = False
        self._mode: Mode | None = None
        self._before_edit = ""
        self._invites = ""

    def compose(self) -> ComposeResult:
        yield self._waiting
        yield self._line
        yield self.composer

    @property
    def mode(self) -> Mode | None:
        return self._mode

    def set_mode(self, mode: Mode | None) -> None:
        """Answer, change, or (None) just write; leaving an edit brings back what was there."""
        composer = self.composer
        if self._mode is not None and self._mode.kind == "edit":
            composer.set_text(self._before_edit)
            self._before_edit = ""
        self._mode = mode
        if mode is not None and mode.kind == "edit":
            self._before_edit = composer.text
            composer.set_text(mode.message.text)
        self._show_mode()

    def rest(self, said: str) -> None:
        """What an empty composer says while keys go elsewhere; "" while they come here."""
        self.composer.placeholder = said or self._invites

    def _show_mode(self) -> None:
        line = self._line
        line.display = self._mode is not None
        if self._mode is None:
            return
        message = self._mode.message
        what = {"reply": "answering ", "thread": "in the thread of ", "edit": "changing "}
        name = "your message" if self._mode.kind == "edit" else message.author.name
        said = markup.plain(message.text) or (message.files[0].name if message.files else "")
        lead = f"{what[self._mode.kind]}{name}"
        room = max(self.content_size.width - cells.width_of(lead) - 14, 0)
        line.update(
            styled(
                (lead, "$accent"),
                (f"  {cells.fit(said, room)}", "$muted"),
                ("  Esc ends", "$faint"),
            )
        )

    def show_waiting(self, text: str, seconds: int) -> None:
        """A message that is sent in so many seconds; "" for none."""
        self._waiting.display = bool(text)
        if text:
            lead, end = f"sent in {seconds} s  ", "  Ctrl+Z takes it back"
            room = max(self.content_size.width - cells.width_of(lead + end), 0)
            shown = cells.fit(markup.plain(text), room)
            self._waiting.update(styled((lead, "$warning"), (shown, "$muted"), (end, "$faint")))

    def on_resize(self) -> None:
        self._show_mode()

    def take(self) -> Draft:
        """The draft, to be kept while another channel is open."""
        return Draft(self.composer.text, self._mode)

    def give(self, draft: Draft, channel: str) -> None:
        """A channel was opened: its draft comes back."""
        self._mode = None
        self._before_edit = ""
        if draft.mode is not None and draft.mode.kind == "edit":
            self._mode = draft.mode
        else:
            self.set_mode(draft.mode)
        self.composer.set_text(draft.text)
        self._invites = f"Message #{channel}"
        if self.composer.has_focus or not self.composer.placeholder:
            self.composer.placeholder = self._invites
        self._show_mode()

    def clear(self) -> None:
        """It was sent: empty, and an answer is over; a thread goes on."""
        self.composer.set_text("")
        self._before_edit = ""
        if self._mode is not None and self._mode.kind != "thread":
            self.set_mode(None)
