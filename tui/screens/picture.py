"""One picture as large as the terminal, and where it came from.

The preview is shown at once; the file itself is fetched into a folder that is removed again when
the screen closes, and decoded by the picture decoder's process.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from rich.segment import Segment
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from chat import commands
from chat.errors import ChatError
from chat.events import Event, TransferChanged
from chat.model import FileView, Transfer
from chat.session import Session
from tui import workers
from tui.pictures import Painted, PictureDecoder, PictureError, picture_rows
from tui.text import cells, moments
from tui.text.cells import width_of
from tui.text.parts import bar
from tui.text.styled import Piece, styled
from tui.world import provenance


class PictureView(Widget):
    """Painted rows in the middle of the widget."""

    def __init__(self) -> None:
        super().__init__()
        self._rows: Painted = []

    def show(self, rows: Painted) -> None:
        self._rows = rows
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width, height = self.size
        base = self.rich_style
        at = y - max((height - len(self._rows)) // 2, 0)
        if not 0 <= at < len(self._rows):
            return Strip.blank(width, base)
        row = self._rows[at]
        used = sum(width_of(segment.text) for segment in row)
        left = max((width - used) // 2, 0)
        segments = [Segment(" " * left, base), *row]
        segments.append(Segment(" " * max(width - left - used, 0), base))
        return Strip(segments, max(width, left + used)).crop(0, width)


class PictureScreen(Screen[None]):
    """Full screen; any of Escape, q, Enter and o closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,o", "app.pop_screen", "Close", show=False),
        Binding("ctrl+q", "app.quit", show=False, priority=True),
    ]

    def __init__(
        self,
        session: Session,
        decoder: PictureDecoder,
        picture: FileView,
        author: str,
        transfer: Transfer | None = None,
    ) -> None:
        super().__init__()
        self._session = session
        self._decoder = decoder
        self._picture = picture
        self._author = author
        self._folder = tempfile.TemporaryDirectory(prefix="clowder-")
        self._transfer = transfer
        self._whole: Path | None = None
        self._problem = ""
        self._view = PictureView()
        self._line = Static("", id="picture-text", markup=False)

    def compose(self) -> ComposeResult:
        yield self._view
        yield self._line

    def on_mount(self) -> None:
        self._tell()
        workers.start(self, "fetch", self._fetch)

    def on_unmount(self) -> None:
        self._folder.cleanup()

    def on_resize(self) -> None:
        self._tell()
        workers.restart(self, "draw", self._draw)

    def take(self, events: Sequence[Event]) -> None:
        """Follow the file's transfer."""
        for event in events:
            if isinstance(event, TransferChanged) and event.transfer.id == self._picture.id:
                self._transfer = event.transfer
                self._tell()

    async def _fetch(self) -> None:
        path = Path(self._folder.name) / "picture"
        try:
            done: Transfer = await self._session.call(commands.Get(self._picture.id, str(path)))
        except ChatError as error:
            self._problem = str(error)
        else:
            # What was here already names no sources; how it once came is still worth telling.
            if done.sources or self._transfer is None or self._transfer.state != "done":
                self._transfer = done
            self._whole = path
            workers.restart(self, "draw", self._draw)
        self._tell()

    async def _draw(self) -> None:
        source: bytes | Path = self._whole or self._picture.preview
        if not source:
            return
        view = self._view
        size = view.size
        if not size:
            return
        try:
            view.show(await self._rows(source, size, view))
        except PictureError as error:
            self._problem = str(error)
            self._tell()

    async def _rows(self, source: bytes | Path, size: Size, view: PictureView) -> Painted:
        picture = self._picture
        ground = view.background_colors[1].rgb
        return await picture_rows(
            self._decoder, source, (picture.width, picture.height), size.width, size.height, ground
        )

    def _tell(self) -> None:
        picture = self._picture
        facts = f"{picture.width}×{picture.height}, {moments.size(picture.size)}"
        pieces: list[Piece] = [(cells.fit(picture.name, 40), "bold"), f"  {facts}"]
        pieces.append((f"  shared by {self._author}", "$muted"))
        transfer = self._transfer
        if self._problem:
            pieces.append((f"\n{self._problem}", "$warning"))
        elif transfer is None or transfer.state != "done":
            share = transfer.done / transfer.total if transfer and transfer.total else picture.have
            pieces.append((f"\n{bar(share, 16)} {share:.0%} ", "$accent"))
            pieces.append((provenance(transfer) if transfer else "", "$muted"))
        else:
            pieces.append((f"\n{provenance(transfer) or 'it was here already'}", "$muted"))
        if picture.alt:
            pieces.append((f"   {picture.alt}", "italic $muted"))
        self._line.update(styled(*pieces))
