"""One picture as large as the terminal, and where it came from.

The preview is shown at once; the file itself is fetched into a folder that is removed again when
the screen closes, and decoded by the picture decoder's process. What moves is played, unless
nothing may move; a picture that was made larger stands still.
"""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static

from chat import commands
from chat.errors import ChatError
from chat.events import Event, TransferChanged
from chat.model import FileView, Transfer
from chat.session import Session
from tui import outside, workers
from tui.errors import InputError
from tui.film import Film
from tui.graphics import pixels_of
from tui.limits import FILM_COLUMNS, FILM_ROWS, ZOOM_MAX
from tui.pictures import PictureDecoder, PictureError, box
from tui.text import cells, moments
from tui.text.parts import bar
from tui.text.styled import Piece, styled
from tui.widgets.picture_view import PictureView
from tui.world import provenance

_NEVER_MOVE = frozenset({"image/jpeg"})
"""Media types of a single frame; the others are asked for all of theirs."""
_HINTS = "o viewer  s save  y copy link  + - zoom  q close"


class PictureScreen(Screen[None]):
    """Full screen; any of Escape, q and Enter closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "app.pop_screen", "Close", show=False),
        Binding("ctrl+q", "app.quit", show=False, priority=True),
        Binding("o", "outside", "Open in the viewer of the system", show=False),
        Binding("s", "save", "Save", show=False),
        Binding("y", "copy", "Copy its link", show=False),
        Binding("plus,plus_sign,equals_sign", "zoom(1)", "Larger", show=False),
        Binding("minus,hyphen_minus", "zoom(-1)", "Smaller", show=False),
        Binding("0", "fit", "As large as the terminal", show=False),
        Binding("space", "play", "Play or pause", show=False),
        Binding("left,h", "pan(-1,0)", show=False),
        Binding("right,l", "pan(1,0)", show=False),
        Binding("up,k", "pan(0,-1)", show=False),
        Binding("down,j", "pan(0,1)", show=False),
    ]

    def __init__(
        self,
        session: Session,
        decoder: PictureDecoder,
        picture: FileView,
        author: str,
        transfer: Transfer | None = None,
        save: Callable[[], None] | None = None,
    ) -> None:
        """`save` writes the file where the user keeps such things, and says so."""
        super().__init__()
        self._session = session
        self._decoder = decoder
        self._picture = picture
        self._author = author
        self._save = save
        self._folder = tempfile.TemporaryDirectory(prefix="clowder-")
        self._transfer = transfer
        self._whole: Path | None = None
        self._problem = ""
        self._zoom = 1
        self._film: Film | None = None
        self._paused = False
        self._clock: Timer | None = None
        self._drawn: Widget | None = None
        self._view = PictureView()
        self._line = Static("", id="picture-text", markup=False)

    def compose(self) -> ComposeResult:
        yield self._view
        yield self._line

    def on_mount(self) -> None:
        self._paused = self.app.animation_level == "none"
        self._tell()
        workers.start(self, "fetch", self._fetch)

    def on_unmount(self) -> None:
        self._stop()
        self._folder.cleanup()

    def on_resize(self) -> None:
        self._tell()
        self._draw_anew()

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
            self._draw_anew()
        self._tell()

    # Drawing.

    def _draw_anew(self) -> None:
        workers.restart(self, "draw", self._draw)

    async def _draw(self) -> None:
        self._stop()
        self._film = None
        await self._show_pixels(None)
        source: bytes | Path = self._whole or self._picture.preview
        if not source or not self._view.size:
            return
        try:
            await self._draw_still(source)
        except PictureError as error:
            self._problem = _sentence(error)
            self._tell()
            return
        if self._whole and self._zoom == 1 and self._picture.type not in _NEVER_MOVE:
            await self._draw_film(self._whole)

    async def _draw_still(self, source: bytes | Path) -> None:
        view, picture = self._view, self._picture
        width, height = view.size
        size = (picture.width, picture.height)
        asked = box(size, width * self._zoom, height * self._zoom)
        view.look(await self._decoder.thumbnail(source, *asked, view.ground))
        self._tell()
        pixels = pixels_of(self.app)
        if pixels is not None and self._zoom == 1:
            across, down = pixels.cell
            # A box counts two pixels a row.
            asked = box(size, width * across, height * down // 2)
            drawn = pixels.draw(await self._decoder.thumbnail(source, *asked, view.ground))
            await self._show_pixels(drawn)

    async def _show_pixels(self, drawn: Widget | None) -> None:
        """Show a widget in place of half blocks, or none."""
        if self._drawn is not None:
            await self._drawn.remove()
            self._drawn = None
        if drawn is not None:
            drawn.add_class("pixels")
            await self.mount(drawn, before=self._line)
            self._drawn = drawn
            self._view.show([])

    async def _draw_film(self, source: Path) -> None:
        view, picture = self._view, self._picture
        columns, rows = min(view.size.width, FILM_COLUMNS), min(view.size.height, FILM_ROWS)
        asked = box((picture.width, picture.height), columns, rows)
        try:
            moving = await self._decoder.animation(source, *asked, view.ground)
        except PictureError as error:
            self._problem = _sentence(error)
        else:
            if len(moving.frames) > 1:
                await self._show_pixels(None)
                self._film = Film(moving, view.ground)
                view.show(self._film.rows)
                self._go_on()
        self._tell()

    # What moves.

    def _stop(self) -> None:
        if self._clock is not None:
            self._clock.stop()
            self._clock = None

    def _go_on(self) -> None:
        self._stop()
        if self._film is not None and not self._paused:
            self._clock = self.set_timer(self._film.seconds, self._next)

    def _next(self) -> None:
        if self._film is not None and self._view.is_mounted:
            self._film.step()
            self._view.show(self._film.rows)
            self._go_on()

    def action_play(self) -> None:
        self._paused = not self._paused
        self._go_on()
        self._tell()

    # Larger, and another part of it.

    def action_zoom(self, by: int) -> None:
        zoom = self._zoom * 2 if by > 0 else self._zoom // 2
        if by > 0 and self._zoom > 1 and not self._view.can_pan:
            return  # it has all its pixels already
        self._set_zoom(min(max(zoom, 1), ZOOM_MAX))

    def action_fit(self) -> None:
        self._set_zoom(1)

    def _set_zoom(self, zoom: int) -> None:
        if zoom != self._zoom:
            self._zoom = zoom
            self._draw_anew()

    def action_pan(self, across: int, down: int) -> None:
        self._view.pan(across, down)

    # Out of here.

    def action_outside(self) -> None:
        if self._whole is None:
            self.notify("It is not here yet.", markup=False)
        else:
            workers.start(self, "work", self._show_outside, self._whole)

    async def _show_outside(self, source: Path) -> None:
        try:
            await asyncio.to_thread(outside.show, source)
        except InputError as error:
            self.notify(str(error), severity="error", markup=False)
        else:
            self.notify("Opened in the viewer of the system.", markup=False)

    def action_save(self) -> None:
        if self._save is not None:
            self._save()

    def action_copy(self) -> None:
        self.app.copy_to_clipboard(commands.FILE_LINK + self._picture.id)
        self.notify("Its link is copied; clowder get takes it.", markup=False)

    # The words below.

    def _tell(self) -> None:
        picture = self._picture
        facts = f"{picture.width}×{picture.height}, {moments.size(picture.size)}"
        pieces: list[Piece] = [(cells.fit(picture.name, 40), "bold"), f"  {facts}"]
        pieces.append((f"  shared by {self._author}{self._state()}", "$muted"))
        pieces += self._progress()
        if picture.alt:
            pieces.append((f"   {picture.alt}", "italic $muted"))
        pieces.append((f"\n{_HINTS}", "$faint"))
        self._line.update(styled(*pieces))

    def _state(self) -> str:
        if self._zoom > 1:
            return f"  {self._zoom}×, arrows move it"
        if self._film is None:
            return ""
        frames = moments.plural(len(self._film), "frame")
        return f"  {frames}, space {'plays' if self._paused else 'pauses'}"

    def _progress(self) -> list[Piece]:
        transfer = self._transfer
        if self._problem:
            return [(f"\n{self._problem}", "$warning")]
        if transfer is None or transfer.state != "done":
            here = self._picture.have
            share = transfer.done / transfer.total if transfer and transfer.total else here
            told = provenance(transfer) if transfer else ""
            return [(f"\n{bar(share, 16)} {share:.0%} ", "$accent"), (told, "$muted")]
        told = provenance(transfer) or "it was here already"
        # It is written only when its hash is the one that the message names.
        return [(f"\n{told}{', hash ok' if self._whole else ''}", "$muted")]


def _sentence(error: PictureError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."
