"""Decodes and scales one picture with Pillow. Runs in the limited process only.

Two things make it cheap: a JPEG is decoded at an eighth, a quarter or half of its size when that
is enough, and pictures are scaled before they are turned and made RGB.
"""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from importlib import import_module

from PIL import Image

from chat.pictures.formats import DECODABLE, HEIF, has_heif
from chat.pictures.limits import (
    ANIMATION_MAX_BYTES,
    FRAME_PIXELS_MAX,
    FRAMES_MAX,
    PIXELS_MAX,
    PREVIEW_BYTES,
    PREVIEW_EDGE_PIXELS,
)
from chat.pictures.metadata.exif import orientation_of
from chat.pictures.pipe import Answer, Colour, Draw, Drawn, Refusal

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation to what makes it upright."""
_SIDEWAYS = 5
"""Orientations from here on swap width and height."""
_TRIES = ((1.0, (75, 60, 45, 30)), (0.75, (45, 30)), (0.5, (45, 30, 10)), (0.25, (30, 1)))
"""Share of the largest preview, and WebP qualities to try at that size, best first."""
_kinds = set(DECODABLE.values())
"""Decoders that may be tried; `prepare` adds those that are installed beside Pillow."""
_DAMAGED = (
    OSError,
    EOFError,
    ValueError,
    SyntaxError,
    LookupError,
    ArithmeticError,
    TypeError,
    struct.error,
    zlib.error,
)
"""What Pillow raises for bytes that are no picture. Anything else ends the process."""


def prepare() -> None:
    """Load the decoders, and make a picture of too many pixels an error before it is decoded."""
    Image.MAX_IMAGE_PIXELS = PIXELS_MAX
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    Image.init()
    if has_heif():
        import_module("pillow_heif").register_heif_opener()
        _kinds.update(HEIF.values())


def draw(request: Draw) -> Answer:
    """Carry out a request."""
    try:
        return _draw(request)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        limit = PIXELS_MAX // 1_000_000
        return Refusal(False, f"this picture has more than {limit} million pixels")
    except MemoryError:
        return Refusal(False, "this picture needs more memory than it may have")
    except _DAMAGED:
        return Refusal(True, "this picture is damaged")


def _draw(request: Draw) -> Answer:
    with Image.open(io.BytesIO(request.data), formats=tuple(_kinds)) as image:
        # Our own reader: a broken EXIF block is no reason not to show the picture.
        exif = image.info.get("exif")
        orientation = orientation_of(exif) if isinstance(exif, bytes) else 1
        sideways = orientation >= _SIDEWAYS
        original = image.size[::-1] if sideways else image.size
        box = (request.width, request.height)
        box = box[::-1] if sideways else box
        if request.what == "frames":
            return _frames(image, request, box, original, orientation)
        small = _upright(_scaled(image, box), orientation)
        if request.what == "preview":
            data = _webp(small)
            return Drawn(*small.size, original, [(0, data)])
        rgb = _flat(small, request.background)
        return Drawn(*small.size, original, [(0, rgb)])


def _scaled(image: Image.Image, box: tuple[int, int]) -> Image.Image:
    image.draft("RGB", box)
    if image.mode.startswith("I;16"):
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    elif image.mode in ("P", "PA", "1", "LA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
    elif image.mode not in ("L", "RGB", "RGBA"):
        image = image.convert("RGB")
    else:
        image = image.copy()
    image.thumbnail(box, Image.Resampling.LANCZOS, reducing_gap=2.0)
    return image


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def _flat(image: Image.Image, background: Colour) -> bytes:
    if image.mode != "RGBA":
        return image.convert("RGB").tobytes()
    under = Image.new("RGB", image.size, background)
    under.paste(image, mask=image.getchannel("A"))
    return under.tobytes()


def _webp(image: Image.Image) -> bytes:
    """The best WebP that fits `PREVIEW_BYTES`; the smallest size always does."""
    data = b""
    for share, qualities in _TRIES:
        edge = max(1, round(PREVIEW_EDGE_PIXELS * share))
        smaller = image.copy()
        smaller.thumbnail((edge, edge), Image.Resampling.LANCZOS)
        for quality in qualities:
            out = io.BytesIO()
            smaller.save(out, "WEBP", quality=quality, method=6, exif=b"", icc_profile=b"", xmp=b"")
            data = out.getvalue()
            if len(data) <= PREVIEW_BYTES:
                return data
    return data


def _frames(
    image: Image.Image,
    request: Draw,
    box: tuple[int, int],
    original: tuple[int, int],
    orientation: int,
) -> Answer:
    count = getattr(image, "n_frames", 1)
    if count * image.width * image.height > FRAME_PIXELS_MAX:
        return Refusal(False, "this animation is too large to play")
    step = -(-count // FRAMES_MAX)
    shown: list[tuple[int, bytes]] = []
    size = (1, 1)
    total = 0
    for duration, frame in _every(image, count, step):
        small = _upright(_scaled(frame, box), orientation)
        size = small.size
        shown.append((duration, _flat(small, request.background)))
        total += len(shown[-1][1])
        if total > ANIMATION_MAX_BYTES:
            return Refusal(False, "this animation is too large to play")
    return Drawn(*size, original, shown)


def _every(image: Image.Image, count: int, step: int) -> Iterator[tuple[int, Image.Image]]:
    """Each `step`-th frame, with the time until the next one that is given."""
    duration = 0
    held: Image.Image | None = None
    for index in range(count):
        image.seek(index)
        if index % step == 0:
            if held is not None:
                yield duration, held
            held, duration = image.copy(), 0
        duration += int(image.info.get("duration") or 0)
    if held is not None:
        yield duration, held
