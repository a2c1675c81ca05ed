"""AVIF and HEIF: ISO base media boxes (ISO/IEC 14496-12) with items (23008-12).

Everything in such a file is addressed by offset, so nothing is moved: the payloads of the Exif and
XMP items, padding, and the times in movie headers are overwritten in place, and the file keeps its
length. A box, item or addressing that is not on the lists below may hold metadata that this code
does not understand; such a file is refused, with the way out. The orientation is an item property
(`irot`, `imir`) and stays.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from chat.pictures.errors import CannotClean, Invalid
from chat.pictures.limits import BOX_DEPTH_MAX, EXTENTS_MAX, SEGMENTS_MAX
from chat.pictures.metadata.exif import EMPTY_TIFF
from chat.pictures.metadata.spans import Places, gaps

_CONTAINERS = frozenset(b"moov trak mdia minf stbl edts dinf".split())
_PLAIN = frozenset(
    b"ftyp styp tref elst hdlr vmhd dref stsd stts stsc stsz stz2 stco co64 "
    b"stss ctts sdtp sgpd sbgp nmhd ccst".split()
)
_META_PLAIN = frozenset(b"hdlr pitm iref iprp idat dinf grpl".split())
_PROPERTIES = frozenset(
    b"ispe pixi colr pasp irot imir clap auxC av1C a1op a1lx lsel hvcC lhvC avcC j2kH clli mdcv "
    b"cclv amve ndwt rloc tols oinf uncC cmpd".split()
)
_PADDING = frozenset(b"free skip".split())
_TIMED = frozenset(b"mvhd tkhd mdhd".split())
_PICTURE_ITEMS = frozenset(b"av01 hvc1 hvc2 avc1 jpeg j2k1 unci grid iovl iden tmap tili".split())
_XMP_TYPE = b"application/rdf+xml"


@dataclass(frozen=True, slots=True)
class _Box:
    """A box: its name, and where its contents begin and end in the file."""

    name: bytes
    start: int
    end: int


@dataclass(slots=True)
class _Items:
    """What the `meta` box says about items.

    Attributes:
        kinds: item number to "EXIF", "XMP" or "" for a part of the picture.
        extents: item number to the (start, end) of its bytes in the file; absent when it has none.
        followed: whether all positions could be followed.
    """

    kinds: dict[int, str] = field(default_factory=dict)
    extents: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    followed: bool = True

    def spans(self, *, picture_only: bool = False) -> list[tuple[int, int]]:
        """Where the bytes of items are in the file, sorted."""
        return sorted(
            span
            for item, kind in self.kinds.items()
            if not (kind and picture_only)
            for span in self.of(item)
        )

    def of(self, item: int) -> list[tuple[int, int]]:
        return self.extents.get(item, [])


def clean_isobmff(data: bytes) -> tuple[bytes, set[str]]:
    """The file with its metadata overwritten, and what that was. Raises Invalid, CannotClean."""
    if data[4:8] != b"ftyp":
        raise Invalid("the picture does not begin like an AVIF or HEIF file")
    file = _File(data)
    file.walk()
    file.overwrite_items()
    file.clear_between()
    return bytes(file.out), file.removed


def _cannot(what: str) -> CannotClean:
    return CannotClean(
        f"this AVIF or HEIF file has {what}, which may hold metadata that cannot be removed; "
        "convert it to JPEG or PNG, or keep the metadata"
    )


def _shown(name: bytes) -> str:
    return "".join(chr(byte) if 32 < byte < 127 else "?" for byte in name)


def _boxes(data: bytes, at: int, end: int) -> Iterator[_Box]:
    for _ in range(SEGMENTS_MAX):
        if at == end:
            return
        size, name, head = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8], 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        elif size == 0:
            size = end - at
        if at + head > end or size < head or at + size > end:
            raise Invalid("the picture has a box that is longer than the file")
        yield _Box(name, at + head, at + size)
        at += size
    raise Invalid("the picture has more boxes than it can need")


class _File:
    """A file being cleaned: what was read stays as it was, changes go to `out`."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.out = bytearray(data)
        self.removed: set[str] = set()
        self._lists: list[_Items] = []
        self._payloads: list[_Box] = []
        self._places: list[_Box] = []
        self._moving = False

    def walk(self) -> None:
        """Visit every box; clear padding and times on the way, and read the lists of items."""
        for box in _boxes(self.data, 0, len(self.data)):
            self._visit(box, BOX_DEPTH_MAX)

    def _visit(self, box: _Box, depth: int) -> None:
        self._moving = self._moving or box.name == b"moov"
        if box.name in _PADDING:
            self._clear(box.start, box.end, "padding")
        elif box.name == b"meta":
            self._lists.append(self._read_items(box))
        elif box.name in _CONTAINERS and depth:
            for inner in _boxes(self.data, box.start, box.end):
                self._visit(inner, depth - 1)
        elif box.name in _TIMED:
            width = 16 if self.data[box.start : box.start + 1] == b"\1" else 8
            self._clear(box.start + 4, min(box.start + 4 + width, box.end), "time")
        elif box.name == b"mdat":
            self._payloads.append(box)
            self._places.append(box)
        elif box.name not in _PLAIN:
            raise _cannot(f"a part named {_shown(box.name)}")

    def _clear(self, start: int, end: int, kind: str) -> None:
        if any(self.out[start:end]):
            self.out[start:end] = bytes(end - start)
            self.removed.add(kind)

    def _read_items(self, meta: _Box) -> _Items:
        items = _Items()
        idat: _Box | None = None
        iloc: _Box | None = None
        for box in _boxes(self.data, min(meta.start + 4, meta.end), meta.end):
            if box.name == b"iinf":
                _read_kinds(self.data, box, items)
            elif box.name == b"iloc":
                iloc = box
            elif box.name in _PADDING:
                self._clear(box.start, box.end, "padding")
            elif box.name not in _META_PLAIN:
                raise _cannot(f"a part named {_shown(box.name)}")
            elif box.name == b"idat":
                idat = box
                self._places.append(box)
            elif box.name == b"iprp":
                _check_properties(self.data, box)
        if iloc is not None:
            _Locations(self.data, iloc, idat).read(items)
        return items

    def overwrite_items(self) -> None:
        """Put an empty block of the same kind over every item that is metadata."""
        picture = [span for items in self._lists for span in items.spans(picture_only=True)]
        places = Places([(box.start, box.end) for box in self._places])
        for items in self._lists:
            for item, kind in items.kinds.items():
                spans = items.of(item) if kind else []
                for start, end in spans:
                    # A damaged list may point at the boxes themselves.
                    if not places.hold(start, end):
                        raise _cannot("metadata outside of its payload")
                    if any(start < stop and begin < end for begin, stop in picture):
                        raise _cannot("metadata in the same bytes as the picture")
                self._overwrite(spans, kind)

    def _overwrite(self, spans: list[tuple[int, int]], kind: str) -> None:
        filling = _empty(kind, sum(end - start for start, end in spans))
        for start, end in spans:
            part, filling = filling[: end - start], filling[end - start :]
            if self.out[start:end] != part:
                self.removed.add(kind)
            self.out[start:end] = part

    def clear_between(self) -> None:
        """Zero the payload that belongs to no item.

        Only where all positions are known: not in animations, whose tables are not read.
        """
        if self._moving or not self._lists or not all(each.followed for each in self._lists):
            return
        spans = [span for items in self._lists for span in items.spans()]
        for start, end in gaps([(box.start, box.end) for box in self._payloads], spans):
            self._clear(start, end, "other")


def _empty(kind: str, length: int) -> bytes:
    """An EXIF or XMP item of so many bytes with nothing in it."""
    if kind != "EXIF":
        return b" " * length
    # The first four bytes say where in the item the TIFF block begins.
    empty = bytes(4) + EMPTY_TIFF
    return empty + bytes(length - len(empty)) if length >= len(empty) else bytes(length)


def _check_properties(data: bytes, iprp: _Box) -> None:
    for box in _boxes(data, iprp.start, iprp.end):
        if box.name == b"ipco":
            for inner in _boxes(data, box.start, box.end):
                if inner.name not in _PROPERTIES:
                    raise _cannot(f"a property named {_shown(inner.name)}")
        elif box.name != b"ipma":
            raise _cannot(f"a part named {_shown(box.name)}")


def _read_kinds(data: bytes, iinf: _Box, items: _Items) -> None:
    """The item types (14496-12 section 8.11.6)."""
    version = data[iinf.start : iinf.start + 1]
    at = iinf.start + 4 + (2 if version == b"\0" else 4)
    if at > iinf.end:
        raise Invalid("the picture's list of items ends early")
    for box in _boxes(data, at, iinf.end):
        entry = data[box.start : box.end]
        if box.name != b"infe" or entry[:1] not in (b"\2", b"\3"):
            raise _cannot("a list of items in an old form")
        width = 2 if entry[:1] == b"\2" else 4
        number = int.from_bytes(entry[4 : 4 + width], "big")
        kind = entry[6 + width : 10 + width]
        rest = entry[10 + width :]
        if number in items.kinds or len(kind) != 4:
            raise Invalid("the picture's list of items is damaged")
        if kind in _PICTURE_ITEMS:
            items.kinds[number] = ""
        elif kind == b"Exif":
            items.kinds[number] = "EXIF"
        elif kind == b"mime" and rest.split(b"\0")[1:2] == [_XMP_TYPE]:
            items.kinds[number] = "XMP"
        else:
            raise _cannot(f"an item of type {_shown(kind)}")


class _Locations:
    """Reads the `iloc` box (14496-12 section 8.11.3), every position checked against the file."""

    def __init__(self, data: bytes, iloc: _Box, idat: _Box | None) -> None:
        self._data = data
        self._at = iloc.start
        self._end = iloc.end
        self._idat = idat

    def read(self, items: _Items) -> None:
        """Fill in `items.extents`."""
        version = self._number(1)
        self._number(3)
        sizes = self._number(2)
        offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
        if version > 2 or any(width not in (0, 4, 8) for width in (offset, length, base)):
            raise Invalid("the picture's list of positions is damaged")
        index = index if version else 0
        extents = 0
        for _ in range(self._number(2 if version < 2 else 4)):
            number = self._number(2 if version < 2 else 4)
            method = self._number(2) & 15 if version else 0
            reference = self._number(2)
            start = self._number(base)
            spans: list[tuple[int, int]] = []
            count = self._number(2)
            extents += count
            if extents > EXTENTS_MAX:
                # Positions may take no bytes at all, so a short file can announce any number.
                raise Invalid("the picture's items have more parts than a picture can need")
            for _ in range(count):
                self._number(index)
                first = start + self._number(offset)
                spans.append(self._span(first, self._number(length), method))
            if items.kinds.get(number) and (reference or method > 1):
                raise _cannot("metadata in a place that cannot be followed")
            items.followed = items.followed and not reference and method < 2
            if number in items.extents:
                raise Invalid("the picture's list of positions is damaged")
            items.extents[number] = [] if reference or method > 1 else spans

    def _span(self, first: int, length: int, method: int) -> tuple[int, int]:
        if method > 1:
            return 0, 0
        low, high = 0, len(self._data)
        if method == 1:
            if self._idat is None:
                raise Invalid("the picture's list of positions points nowhere")
            low, high = self._idat.start, self._idat.end
        start = low + first
        end = start + length if length else high
        if start > high or end > high:
            raise Invalid("the picture's list of positions points beyond the file")
        return start, end

    def _number(self, width: int) -> int:
        if self._at + width > self._end:
            raise Invalid("the picture's list of positions ends early")
        value = int.from_bytes(self._data[self._at : self._at + width], "big")
        self._at += width
        return value
