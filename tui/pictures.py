"""Pictures as painted rows, decoded elsewhere and kept while they may be seen again.

No byte of a peer's picture is decoded in this process: the decoder that the application passes
in works in a limited one (chat.pictures.decoder). Here arrive sizes and RGB bytes only.
"""

from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from chat.model import FileView
from chat.pictures.errors import PictureError
from chat.pictures.halfblocks import UPPER_HALF, Cell, Colour, fit, half_block_rows
from chat.pictures.limits import THUMBNAIL_MAX_PIXELS
from tui.limits import STYLES_KEPT, THUMBNAIL_CACHE_PICTURES


class Thumbnail(Protocol):
    """A small picture: 3 bytes a pixel, rows from the top."""

    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def rgb(self) -> bytes: ...


class Animation(Protocol):
    """Frames as (milliseconds to show, RGB bytes), all of one size."""

    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def frames(self) -> tuple[tuple[int, bytes], ...]: ...


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a picture, as `Thumbnail`."""

    width: int
    height: int
    rgb: bytes


class PictureDecoder(Protocol):
    """Decodes in a process of its own; `chat.pictures.decoder.PictureDecoder` is one."""

    async def thumbnail(
        self, source: bytes | Path, width: int, height: int, background: Colour = (0, 0, 0)
    ) -> Thumbnail:
        """The picture, upright, scaled down to fit `width` x `height` pixels.

        Raises:
            PictureError: a sentence for the user.
        """
        ...

    async def animation(
        self, source: bytes | Path, width: int, height: int, background: Colour = (0, 0, 0)
    ) -> Animation:
        """All frames of a picture, as `thumbnail`; one where it does not move.

        Raises:
            PictureError: also when they are too many or too large.
        """
        ...


Painted = list[list[Segment]]
"""Rows of half blocks."""


class Gallery:
    """Previews of the timeline. A preview that cannot be decoded stays an empty frame."""

    def __init__(self, decoder: PictureDecoder | None) -> None:
        self._decoder = decoder
        self._kept: OrderedDict[tuple[str, int, int, Colour], Painted | None] = OrderedDict()

    def painted(self, file: str, columns: int, rows: int, background: Colour) -> Painted | None:
        """The rows of a preview, None while they are not decoded."""
        key = (file, columns, rows, background)
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def is_wanted(self, file: str, columns: int, rows: int, background: Colour) -> bool:
        """Whether nobody has asked for this preview yet."""
        return self._decoder is not None and (file, columns, rows, background) not in self._kept

    async def decode(self, file: FileView, columns: int, rows: int, background: Colour) -> None:
        """Decode a preview, once however many of its rows ask; afterwards `painted` has it."""
        key = (file.id, columns, rows, background)
        if self._decoder is None or key in self._kept:
            return
        self._kept[key] = None
        while len(self._kept) > THUMBNAIL_CACHE_PICTURES:
            self._kept.popitem(last=False)
        try:
            small = await self._decoder.thumbnail(file.preview, columns, rows * 2, background)
        except PictureError:
            return
        self._kept[key] = paint(small, background)


def box(size: tuple[int, int], columns: int, rows: int) -> tuple[int, int]:
    """The pixels to ask the decoder for, so that a picture of `size` fits so many cells."""
    width, height = fit(*size, columns, rows)
    while width * height > THUMBNAIL_MAX_PIXELS:
        width, height = max(width // 2, 1), max(height // 2, 1)
    return width, height


def part(picture: Thumbnail, left: int, top: int, width: int, height: int) -> Part:
    """The pixels from (left, top), as many as there are of `width` x `height`."""
    width = min(width, picture.width - left)
    height = min(height, picture.height - top)
    assert min(left, top) >= 0
    assert min(width, height) > 0
    stride = picture.width * 3
    starts = (row * stride + left * 3 for row in range(top, top + height))
    return Part(width, height, b"".join(picture.rgb[at : at + width * 3] for at in starts))


def paint(picture: Thumbnail, background: Colour) -> Painted:
    """Half blocks, equal neighbours joined to one segment."""
    cells = half_block_rows(picture.width, picture.height, picture.rgb, background)
    return [_row(row) for row in cells]


def _row(cells: list[Cell]) -> list[Segment]:
    segments: list[Segment] = []
    at = 0
    while at < len(cells):
        end = at + 1
        while end < len(cells) and cells[end] == cells[at]:
            end += 1
        upper, lower = cells[at]
        segments.append(Segment(UPPER_HALF * (end - at), _style(upper, lower)))
        at = end
    return segments


@lru_cache(maxsize=STYLES_KEPT)
def _style(upper: Colour, lower: Colour) -> Style:
    return Style.from_color(Color.from_rgb(*upper), Color.from_rgb(*lower))


__all__ = [
    "Animation",
    "Colour",
    "Gallery",
    "Painted",
    "Part",
    "PictureDecoder",
    "PictureError",
    "Thumbnail",
    "box",
    "paint",
    "part",
]
