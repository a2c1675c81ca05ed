"""The pictures of a channel, newest first: looked at, saved, and found where they were said."""

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Static

from chat import commands
from chat.events import Event, MessageChanged
from chat.model import FileView, Message, SharedFile
from tui import workers
from tui.limits import GALLERY_LOOK_SECONDS
from tui.pictures import Gallery
from tui.text import cells, moments
from tui.text.moments import Calendar
from tui.text.parts import is_picture
from tui.text.styled import Piece, styled
from tui.widgets.picture_grid import PictureGrid

_KEYS = "Enter look  s save  y copy link  m message  q close"


class Doors(NamedTuple):
    """What the gallery asks for.

    Attributes:
        find: messages of the channel that carry pictures, newest first; None when that failed.
        hold: the files of the channel, where they are; None when nobody knows.
        look, save: show a picture of a message large, and write it to the downloads.
    """

    find: Callable[[], Awaitable[list[Message] | None]]
    hold: Callable[[], Awaitable[list[SharedFile] | None]]
    look: Callable[[FileView, Message], None]
    save: Callable[[FileView, Message], None]


def pictures_of(messages: Sequence[Message]) -> dict[str, tuple[FileView, Message]]:
    """Each picture once, by its id, at the first message that carries it."""
    found: dict[str, tuple[FileView, Message]] = {}
    for message in messages:
        for file in message.files:
            if is_picture(file) and not message.deleted:
                found.setdefault(file.id, (file, message))
    return found


def where(held: SharedFile | None) -> str:
    """Where a file is, as far as is known."""
    if held is None:
        return ""
    said = ["here" if held.here == held.blocks else f"{held.here} of {held.blocks} blocks here"]
    if held.kept:
        said.append("kept")
    if held.holders:
        said.append(f"also with {', '.join(held.holders)}")
    return "  " + ", ".join(said)


class GalleryScreen(Screen[Message | None]):
    """Full screen; dismisses with the message to go to."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Close", show=False),
        Binding("ctrl+q", "app.quit", show=False, priority=True),
        Binding("enter,o", "look", "Look", show=False),
        Binding("s", "save", "Save", show=False),
        Binding("y", "copy", "Copy its link", show=False),
        Binding("m", "message", "Go to its message", show=False),
        Binding("left,h", "move(-1)", show=False),
        Binding("right,l", "move(1)", show=False),
        Binding("up,k", "move_rows(-1)", show=False),
        Binding("down,j", "move_rows(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home,g", "move(-1000000)", show=False),
        Binding("end,G", "move(1000000)", show=False),
    ]

    def __init__(self, channel: str, gallery: Gallery, doors: Doors, *, drawn: bool = True) -> None:
        """`channel` is the name of it; `drawn`: whether previews are drawn, or described."""
        super().__init__()
        self._channel = channel
        self._doors = doors
        self._found: dict[str, tuple[FileView, Message]] = {}
        self._held: dict[str, SharedFile] = {}
        self._calendar = Calendar()
        self._grid = PictureGrid(gallery, drawn=drawn, id="grid")
        self._title = Static("", id="gallery-title", markup=False)
        self._line = Static("", id="picture-text", markup=False)
        self._read_once = False

    def compose(self) -> ComposeResult:
        yield self._title
        yield self._grid
        yield self._line

    def on_mount(self) -> None:
        self._grid.focus()
        self._tell()
        self._read_again()
        self.set_interval(GALLERY_LOOK_SECONDS, self._hold_again)

    def take(self, events: Sequence[Event]) -> None:
        """Follow what is posted here, taken back or fetched."""
        for event in events:
            if isinstance(event, MessageChanged) and event.message.channel == self._channel:
                known = any(message.id == event.message.id for _, message in self._found.values())
                if event.message.files or known:
                    self._read_again()
                    return

    def _read_again(self) -> None:
        workers.restart(self, "read", self._read)

    async def _read(self) -> None:
        messages = await self._doors.find()
        if messages is not None:
            self._found = pictures_of(messages)
        self._read_once = True
        self._grid.show([file for file, _ in self._found.values()])
        self._tell()
        self._hold_again()

    def _hold_again(self) -> None:
        workers.restart(self, "hold", self._hold)

    async def _hold(self) -> None:
        held = await self._doors.hold()
        if held is not None:
            self._held = {file.id: file for file in held}
            self._tell()

    @on(PictureGrid.Moved)
    def _tell(self) -> None:
        count = moments.plural(len(self._found), "picture")
        self._title.update(styled((f"#{self._channel}", "bold"), (f"  {count}", "$muted")))
        file = self._grid.chosen
        if file is None:
            told = "No pictures here yet. /put shares one." if self._read_once else ""
            self._line.update(styled((told, "$muted"), (f"\n{_KEYS}", "$faint")))
            return
        _, message = self._found[file.id]
        facts = f"  {file.width}×{file.height}, {moments.size(file.size)}"
        pieces: list[Piece] = [(cells.fit(file.name, 40), "bold"), facts]
        when = self._calendar.moment(message.at)
        pieces.append((f"  {message.author.name}, {when}", "$muted"))
        pieces.append((f"\n{file.alt or 'no description'}", "italic $muted"))
        pieces.append((where(self._held.get(file.id)), "$muted"))
        pieces.append((f"\n{_KEYS}", "$faint"))
        self._line.update(styled(*pieces))

    # Keys.

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_move(self, by: int) -> None:
        self._grid.move(by)

    def action_move_rows(self, by: int) -> None:
        self._grid.move_rows(by)

    def action_page(self, by: int) -> None:
        self._grid.move(by * self._grid.page_rows * self._grid.across)

    def action_look(self) -> None:
        file = self._grid.chosen
        if file is not None:
            self._doors.look(*self._found[file.id])

    def action_save(self) -> None:
        file = self._grid.chosen
        if file is not None:
            self._doors.save(*self._found[file.id])

    def action_copy(self) -> None:
        file = self._grid.chosen
        if file is not None:
            self.app.copy_to_clipboard(commands.FILE_LINK + file.id)
            self.notify("Its link is copied; clowder get takes it.", markup=False)

    def action_message(self) -> None:
        file = self._grid.chosen
        if file is not None:
            self.dismiss(self._found[file.id][1])
