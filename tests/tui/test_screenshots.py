"""The pictures of the documentation: there is one for each shot, and each shot can be drawn."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from docs.screenshots import SHOTS, draw
from tests.tui.face import story

ROOT = Path(__file__).parents[2]


def test_every_picture_is_shown_and_every_shown_one_is_drawn() -> None:
    drawn = {shot.name for shot in SHOTS}
    page = (ROOT / "docs/screens.md").read_text("utf-8")
    assert set(re.findall(r"\(images/([\w-]+)\.svg\)", page)) == drawn
    assert {path.stem for path in (ROOT / "docs/images").glob("*.svg")} == drawn


@pytest.mark.parametrize("shot", SHOTS, ids=lambda shot: shot.name)
def test_every_screen_can_be_drawn(shot: object) -> None:
    @story
    async def drawing() -> None:
        picture = await draw(shot)  # type: ignore[arg-type]
        ElementTree.fromstring(picture)
        assert not re.search(r"url\(\s*[\"']?(?!#)|href=\"http(?!s://clowder\.example)", picture)

    drawing()
