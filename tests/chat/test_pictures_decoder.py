"""Pictures are decoded in a process of its own: bombs are refused, crashes survived."""

import asyncio
import io
import os
import random
import signal
import struct
import sys
import zlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from chat.pictures import pipe
from chat.pictures.decoder import PictureDecoder
from chat.pictures.errors import DecoderFailed, Invalid, PictureError, Refused
from chat.pictures.limits import PIXELS_MAX, PREVIEW_BYTES, RESULT_MAX_BYTES
from chat.pictures.sample import cat_picture

RED, BLUE = (255, 0, 0), (0, 0, 255)
Story = Callable[[PictureDecoder], Awaitable[None]]


def tell(story: Story, timeout: float = 15.0) -> None:
    async def run() -> None:
        decoder = PictureDecoder(timeout)
        try:
            await story(decoder)
        finally:
            await decoder.aclose()

    asyncio.run(run())


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def flag(width: int = 60, height: int = 40) -> Image.Image:
    """Red above, blue below."""
    image = Image.new("RGB", (width, height), RED)
    ImageDraw.Draw(image).rectangle((0, height // 2, width, height), fill=BLUE)
    return image


def near(pixel: bytes, colour: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 12 for a, b in zip(pixel, colour, strict=True))


def png(width: int, height: int, rows: bytes) -> bytes:
    """A grey PNG whose compressed rows are given: what it claims need not be true."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        sum32 = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", sum32)

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_every_format_gives_the_same_picture() -> None:
    async def story(decoder: PictureDecoder) -> None:
        for kind in ("PNG", "JPEG", "GIF", "WEBP", "AVIF"):
            shown = await decoder.thumbnail(encoded(flag(), kind), 30, 30)
            assert (shown.width, shown.height, shown.original) == (30, 20, (60, 40))
            assert near(shown.rgb[:3], RED)
            assert near(shown.rgb[-3:], BLUE)

    tell(story)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_pictures_are_turned_upright(kind: str) -> None:
    """The camera lay on its side: stored with red at the left, shown with red at the top."""
    stored = flag().transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(stored, kind, exif=exif.tobytes())

    async def story(decoder: PictureDecoder) -> None:
        shown = await decoder.thumbnail(data, 30, 30)
        assert (shown.width, shown.height, shown.original) == (30, 20, (60, 40))
        assert near(shown.rgb[:3], RED)
        assert near(shown.rgb[-3:], BLUE)
        preview = await decoder.preview(data)
        assert (preview.width, preview.height) == (60, 40)

    tell(story)


def test_the_background_shines_through() -> None:
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    palette = Image.new("P", (8, 8), 3)
    palette.putpalette([100] * 768)

    async def story(decoder: PictureDecoder) -> None:
        for data in (
            encoded(clear, "PNG"),
            encoded(clear, "WEBP", lossless=True),
            encoded(palette, "GIF", transparency=3),
            encoded(palette, "PNG", transparency=3),
        ):
            shown = await decoder.thumbnail(data, 4, 4, background=(10, 200, 30))
            assert shown.rgb == bytes((10, 200, 30)) * 16

    tell(story)


def test_unusual_modes_are_shown() -> None:
    async def story(decoder: PictureDecoder) -> None:
        for mode, value, kind in (
            ("1", 1, "PNG"),
            ("L", 255, "PNG"),
            ("LA", (255, 255), "PNG"),
            ("I;16", 65_535, "PNG"),
            ("CMYK", (0, 0, 0, 0), "JPEG"),
        ):
            shown = await decoder.thumbnail(encoded(Image.new(mode, (8, 8), value), kind), 4, 4)
            assert near(shown.rgb[:3], (255, 255, 255)), mode

    tell(story)


def test_a_preview_fits_whatever_the_picture() -> None:
    noise = Image.frombytes("RGB", (400, 300), random.Random(0).randbytes(360_000))

    async def story(decoder: PictureDecoder) -> None:
        for data in (cat_picture(1), encoded(noise, "PNG"), encoded(flag(3000, 2), "PNG")):
            preview = await decoder.preview(data)
            assert 0 < len(preview.data) <= PREVIEW_BYTES
            with Image.open(io.BytesIO(preview.data)) as small:
                assert small.format == "WEBP"
                assert max(small.size) <= 96
                assert not small.getexif()
            again = await decoder.thumbnail(preview.data, 40, 40)
            assert again.width <= 40

    tell(story)


def test_an_animation_has_its_frames_and_times() -> None:
    frames = [Image.new("RGB", (20, 10), (40 * index, 0, 0)) for index in range(6)]
    options = {"save_all": True, "append_images": frames[1:], "duration": 70, "loop": 0}

    async def story(decoder: PictureDecoder) -> None:
        for kind in ("GIF", "WEBP", "PNG"):
            shown = await decoder.animation(encoded(frames[0], kind, **options), 10, 10)
            assert (shown.width, shown.height) == (10, 5)
            assert [duration for duration, _ in shown.frames] == [70] * 6
            reds = [rgb[0] for _, rgb in shown.frames]
            assert reds == sorted(reds)
            assert reds[-1] > 180
        still = await decoder.animation(cat_picture(2), 20, 20)
        assert len(still.frames) == 1

    tell(story)


def test_long_animations_are_sampled() -> None:
    frames = [Image.new("L", (2, 2), index % 256) for index in range(600)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=20)

    async def story(decoder: PictureDecoder) -> None:
        shown = await decoder.animation(data, 2, 2)
        assert len(shown.frames) == 200
        assert sum(duration for duration, _ in shown.frames) == 600 * 20

    tell(story)


def test_bombs_are_refused_before_they_go_off() -> None:
    huge = png(20_000, 20_000, bytes(20_001 * 100))
    large = png(8_000, 8_000, bytes(8_001 * 100))
    liar = png(60_000, 60_000, b"")
    still = encoded(Image.new("P", (3_000, 3_000), 1), "GIF")
    frame = still[still.index(b"\x2c\0\0\0\0") : -1]
    gif = still[:-1] + frame * 29 + b";"
    text = zlib.compress(bytes(20_000_000), 9)
    chunk = b"zTXt" + b"Comment\0\0" + text
    sum32 = struct.pack(">I", zlib.crc32(chunk))
    zipped = png(4, 4, bytes(20))
    zipped = zipped[:33] + struct.pack(">I", len(chunk) - 4) + chunk + sum32 + zipped[33:]

    async def story(decoder: PictureDecoder) -> None:
        for bomb in (huge, large, liar):
            with pytest.raises(Refused, match=f"{PIXELS_MAX // 1_000_000} million pixels"):
                await decoder.thumbnail(bomb, 40, 40)
        assert (await decoder.thumbnail(gif, 40, 40)).width == 40
        with pytest.raises(Refused, match="too large to play"):
            await decoder.animation(gif, 40, 40)
        with pytest.raises(Invalid):
            await decoder.thumbnail(zipped, 40, 40)
        assert (await decoder.thumbnail(cat_picture(3), 40, 40)).width == 40

    tell(story)


def test_a_picture_at_the_limit_is_shown() -> None:
    data = png(8_000, 5_000, b"".join(b"\0" + bytes([200]) * 8_000 for _ in range(5_000)))

    async def story(decoder: PictureDecoder) -> None:
        shown = await decoder.thumbnail(data, 40, 40)
        assert (shown.width, shown.height) == (40, 25)

    tell(story)


def test_what_is_no_picture_is_refused_here() -> None:
    async def story(decoder: PictureDecoder) -> None:
        for data in (b"", b"hello", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"8BPS\0\1", b"BM" + bytes(60)):
            with pytest.raises(Refused):
                await decoder.thumbnail(data, 10, 10)
        with pytest.raises(Refused, match="64 MiB"):
            await decoder.thumbnail(b"\xff\xd8\xff" + bytes(64 << 20), 10, 10)
        with pytest.raises(Refused, match="cannot be read"):
            await decoder.thumbnail(Path("/nonexistent/cat.png"), 10, 10)

    tell(story)


def test_damaged_pictures_are_named_damaged_and_nothing_dies() -> None:
    seeds = random.Random(7)
    valid = [encoded(flag(), kind) for kind in ("PNG", "JPEG", "GIF", "WEBP", "AVIF")]

    async def story(decoder: PictureDecoder) -> None:
        outcomes = set()
        for turn in range(80):
            data = bytearray(valid[turn % len(valid)])
            for _ in range(seeds.randrange(1, 6)):
                data[seeds.randrange(len(data))] ^= seeds.randrange(1, 256)
            if turn % 3 == 0:
                del data[seeds.randrange(12, len(data)) :]
            try:
                await decoder.thumbnail(bytes(data), 30, 30)
                outcomes.add("shown")
            except PictureError as error:
                outcomes.add(type(error).__name__)
        assert {"shown", "Invalid"} <= outcomes

    tell(story)


def freeze(decoder: PictureDecoder) -> None:
    """Make the process as slow as can be."""
    assert decoder._process is not None
    os.kill(decoder._process.pid, signal.SIGSTOP)


def test_a_picture_that_takes_too_long_is_given_up_and_remembered() -> None:
    async def story(decoder: PictureDecoder) -> None:
        await decoder.thumbnail(cat_picture(1), 20, 20)
        freeze(decoder)
        with pytest.raises(DecoderFailed, match="too long"):
            await decoder.thumbnail(cat_picture(2), 20, 20)
        assert decoder._process is None
        with pytest.raises(DecoderFailed, match="too long"):
            await decoder.thumbnail(cat_picture(2), 20, 20)
        assert decoder._process is None, "it was not tried again"
        assert (await decoder.thumbnail(cat_picture(1), 20, 20)).width == 20

    tell(story, timeout=0.2)


def test_a_process_that_died_is_replaced() -> None:
    async def story(decoder: PictureDecoder) -> None:
        await decoder.thumbnail(cat_picture(1), 20, 20)
        first = decoder._process
        assert first is not None
        first.kill()
        await first.wait()
        assert (await decoder.thumbnail(cat_picture(2), 20, 20)).width == 20
        assert decoder._process is not None
        assert decoder._process.pid != first.pid

    tell(story)


def test_who_stops_waiting_leaves_no_answer_behind_for_the_next() -> None:
    async def story(decoder: PictureDecoder) -> None:
        await decoder.thumbnail(cat_picture(1), 20, 20)
        freeze(decoder)
        waiting = asyncio.create_task(decoder.thumbnail(cat_picture(2), 20, 20))
        for _ in range(5):
            await asyncio.sleep(0)
        assert decoder._lock.locked()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        shown = await decoder.thumbnail(encoded(flag(), "PNG"), 30, 30)
        assert near(shown.rgb[:3], RED)

    tell(story)


def test_many_ask_at_once() -> None:
    async def story(decoder: PictureDecoder) -> None:
        edges = range(10, 26)
        shown = await asyncio.gather(
            *(decoder.thumbnail(cat_picture(1), edge, edge) for edge in edges)
        )
        assert [each.width for each in shown] == list(edges)

    tell(story)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_process_is_limited_and_knows_nothing_of_ours() -> None:
    os.environ["CLOWDER_TEST_SECRET"] = "passphrase"

    async def story(decoder: PictureDecoder) -> None:
        await decoder.thumbnail(cat_picture(1), 20, 20)
        assert decoder._process is not None
        proc = Path(f"/proc/{decoder._process.pid}")
        limits = {
            line[:26].strip(): line[26:47].strip()
            for line in (proc / "limits").read_text().splitlines()[1:]
        }
        assert limits["Max address space"] == str(1536 << 20)
        assert limits["Max file size"] == limits["Max core file size"] == "0"
        assert int(limits["Max cpu time"]) < 30
        assert b"passphrase" not in (proc / "environ").read_bytes()

    try:
        tell(story)
    finally:
        del os.environ["CLOWDER_TEST_SECRET"]


def test_answers_of_a_hijacked_process_are_checked() -> None:
    asked = pipe.Draw("still", b"", 10, 10, (0, 0, 0))
    good = pipe.Drawn(2, 1, (4, 2), [(0, bytes(6))])
    assert pipe.read_answer(pipe.frame(good)[4:], asked) == good
    for answer in (
        b"",
        b"\xc1",
        b"\x94\xa5drawn\x01\x01\x01",
        pipe.frame(pipe.Drawn(2, 1, (4, 2), [(0, bytes(7))]))[4:],
        pipe.frame(pipe.Drawn(11, 1, (4, 2), [(0, bytes(33))]))[4:],
        pipe.frame(pipe.Drawn(0, 1, (4, 2), [(0, b"")]))[4:],
        pipe.frame(pipe.Drawn(2, 1, (4, 2), []))[4:],
    ):
        with pytest.raises(DecoderFailed):
            pipe.read_answer(answer, asked)
    assert RESULT_MAX_BYTES < 1 << 32
