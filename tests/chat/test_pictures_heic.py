"""Pictures of telephones: shown where their decoder is installed, files with a word elsewhere."""

import asyncio
import io
from contextlib import suppress

import pytest
from PIL import Image

from chat.pictures import formats
from chat.pictures.decoder import PictureDecoder
from chat.pictures.errors import Invalid, PictureError, Refused

HEIC_HEAD = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "has_heif", lambda: False)


@pytest.mark.usefixtures("without")
def test_without_the_decoder_it_is_a_file_and_told_why() -> None:
    assert formats.media_type(HEIC_HEAD) == "image/heic"
    assert not formats.is_picture("image/heic")
    assert "clowder-chat[heic]" in formats.why_not_shown("image/heic")
    assert formats.why_not_shown("image/png") == ""
    assert formats.why_not_shown("application/pdf") == ""
    assert "no picture of a kind" in formats.why_not_shown("image/tiff")

    async def story() -> None:
        decoder = PictureDecoder()
        try:
            with pytest.raises(Refused, match="pillow-heif"):
                await decoder.thumbnail(HEIC_HEAD, 8, 8)
            assert decoder._process is None, "nothing was started for it"
        finally:
            await decoder.aclose()

    asyncio.run(story())


def test_with_the_decoder_it_is_a_picture_and_damage_is_survived() -> None:
    heif = pytest.importorskip("pillow_heif", reason="needs the extra [heic]")
    picture = Image.new("RGB", (64, 48), (200, 30, 40))
    out = io.BytesIO()
    heif.from_pillow(picture).save(out, quality=90)
    whole = out.getvalue()

    async def story() -> None:
        decoder = PictureDecoder()
        try:
            shown = await decoder.thumbnail(whole, 32, 32)
            assert (shown.width, shown.height, shown.original) == (32, 24, (64, 48))
            assert all(abs(a - b) < 16 for a, b in zip(shown.rgb[:3], (200, 30, 40), strict=True))
            assert (await decoder.preview(whole)).data
            for cut in (40, len(whole) // 2, len(whole) - 10):
                with pytest.raises(PictureError):
                    await decoder.thumbnail(whole[:cut], 32, 32)
            first = decoder._process
            for at in range(len(HEIC_HEAD), len(whole), max(len(whole) // 25, 1)):
                broken = whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]
                with suppress(Invalid, Refused):
                    await decoder.thumbnail(broken, 32, 32)
            assert decoder._process is first, "no damage ended the process"
        finally:
            await decoder.aclose()

    asyncio.run(story())
