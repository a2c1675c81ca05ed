"""Names, media types, half blocks and the demo's cats."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from chat.pictures import halfblocks
from chat.pictures.formats import SNIFF_BYTES, display_name, is_picture, media_type
from chat.pictures.sample import cat_picture

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "AVIF"])
def test_pictures_are_known_by_their_first_bytes(kind: str) -> None:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, kind)
    found = media_type(out.getvalue()[:SNIFF_BYTES])
    assert found == "image/" + kind.lower()
    assert is_picture(found)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"hello", "text/plain"),
        ("Züri".encode(), "text/plain"),
        ("ü".encode() * 40, "text/plain"),
        (b"", "application/octet-stream"),
        (b"\xff\xfe", "application/octet-stream"),
        (b"a\0b", "application/octet-stream"),
        (b"%PDF-1.7", "application/pdf"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image/heic"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "image/avif"),
        (b"\0\0\0\x14ftypisom\0\0\2\0mp41", "video/mp4"),
        (b"\0\0\0\x14ftypqt  \0\0\2\0qt  ", "video/quicktime"),
    ],
)
def test_other_kinds(head: bytes, kind: str) -> None:
    assert media_type(head) == kind
    assert not is_picture(kind) or kind == "image/avif"


@given(st.binary(max_size=80))
def test_any_bytes_have_a_kind(head: bytes) -> None:
    assert "/" in media_type(head)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("cat.png", "cat.png"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\cat.png", "cat.png"),
        ("../..", "file"),
        ("...", "file"),
        ("", "file"),
        ("a/", "file"),
        ("cat\u202egnp.exe", "catgnp.exe"),
        ("\x1b[31mcat\x07.png", "[31mcat.png"),
        ("my  cat\n.png", "my cat .png"),
        ("ca\u0308t.png", "cät.png"),
        ("\u200bcat\ufeff.png", "cat.png"),
        ("👩\u200d🚀.png", "👩\u200d🚀.png"),
    ],
)
def test_names_are_safe_to_show(name: str, shown: str) -> None:
    assert display_name(name) == shown


def test_long_names_keep_their_extension() -> None:
    assert display_name("ü" * 300 + ".jpeg") == "ü" * 125 + ".jpeg"
    assert len(display_name("x" * 400).encode()) == 255
    assert len(display_name("x." + "y" * 400).encode()) == 255


@given(st.text(max_size=400))
def test_any_name_is_made_safe(name: str) -> None:
    shown = display_name(name)
    assert 0 < len(shown.encode("utf-8")) <= 255
    assert not re.search(r"[\x00-\x1f\x7f-\x9f/\\\u202a-\u202e\u2066-\u2069]", shown)
    assert display_name(shown) == shown


def test_two_pixels_share_a_cell() -> None:
    rgb = bytes([*RED, *BLUE, *BLUE, *RED, *WHITE, *WHITE])
    rows = halfblocks.half_block_rows(2, 3, rgb)
    assert rows == [[(RED, BLUE), (BLUE, RED)], [(WHITE, (0, 0, 0)), (WHITE, (0, 0, 0))]]
    assert halfblocks.half_block_rows(0, 0, b"") == []


def test_a_colour_is_written_where_it_changes() -> None:
    rows = halfblocks.half_block_rows(3, 2, bytes([*RED, *RED, *BLUE] * 2))
    assert halfblocks.truecolor_lines(rows) == [
        "\x1b[38;2;255;0;0;48;2;255;0;0m▀▀\x1b[38;2;0;0;255;48;2;0;0;255m▀\x1b[0m"
    ]
    assert halfblocks.indexed_lines(rows) == [
        "\x1b[38;5;196;48;5;196m▀▀\x1b[38;5;21;48;5;21m▀\x1b[0m"
    ]


def test_plain_characters_follow_brightness() -> None:
    rgb = bytes([0, 0, 0, 128, 128, 128, 255, 255, 255]) * 2
    assert halfblocks.ascii_lines(3, 2, rgb) == [" =@"]


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_the_nearest_of_256_colours_is_near(colour: tuple[int, int, int]) -> None:
    index = halfblocks.nearest_index(colour)
    assert 16 <= index <= 255
    if index >= 232:
        shown: tuple[int, ...] = (8 + 10 * (index - 232),) * 3
    else:
        steps = (0, 95, 135, 175, 215, 255)
        shown = (
            steps[(index - 16) // 36],
            steps[(index - 16) // 6 % 6],
            steps[(index - 16) % 6],
        )
    worst = 3 * 48**2  # the middle between the cube's first two steps, in each channel
    assert sum((a - b) ** 2 for a, b in zip(colour, shown, strict=True)) <= worst


@given(st.integers(0, 9_000), st.integers(0, 9_000), st.integers(1, 200), st.integers(1, 60))
def test_a_picture_fits_its_cells(width: int, height: int, columns: int, rows: int) -> None:
    box = halfblocks.fit(width, height, columns, rows)
    assert 1 <= box[0] <= columns
    assert 1 <= box[1] <= 2 * rows


def test_a_number_is_a_cat() -> None:
    cats = [cat_picture(seed, 160, 120) for seed in range(6)]
    assert cats == [cat_picture(seed, 160, 120) for seed in range(6)]
    assert len(set(cats)) == 6
    for data in cats:
        with Image.open(io.BytesIO(data)) as image:
            assert image.size == (160, 120)
            assert len(image.getcolors(1 << 16) or range(1 << 16)) > 100
    assert media_type(cat_picture(1, 80, 60, "JPEG")) == "image/jpeg"
