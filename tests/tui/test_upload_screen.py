"""Sharing asks what to say and what is to be seen, and takes no answer for one."""

from pathlib import Path

import pytest
from textual.widgets import Input

from chat import commands
from tests.tui.face import Face, open_face, story
from tests.tui.lively import lively
from tui.screens.upload import UploadScreen
from tui.widgets.composer import Composer


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    made = [tmp_path / name for name in ("one cat.PNG", "notes.txt", "two.jpeg")]
    for path in made:
        path.write_bytes(b"x")
    return made


async def offer(face: Face, paths: list[Path]) -> None:
    pasted = " ".join(f"'{path}'" for path in paths)
    face.workspace.box.composer.post_message(Composer.Pasted(pasted))
    await face.until(
        lambda: isinstance(face.app.screen, UploadScreen) and isinstance(face.app.focused, Input)
    )


def told(face: Face) -> list[tuple[str, str, str]]:
    return [(Path(put.path).name, put.text, put.alt) for put in face.asked(commands.Put)]


def test_words_and_descriptions_go_with_the_files(files: list[Path]) -> None:
    @story
    async def tell() -> None:
        async with open_face(lively(), size=(100, 40)) as face:
            await offer(face, files)
            await face.shows(
                "Share one cat.PNG, notes.txt, two.jpeg in",
                "what is to be seen in one cat.PNG",
                "what is to be seen in two.jpeg",
            )
            assert len(face.app.screen.query(Input)) == 3
            await face.fill(" both of them ")
            await face.press("tab")
            await face.fill("a grey cat")
            await face.press("down")
            await face.fill("a black cat")
            await face.press("enter")
            await face.until(lambda: len(told(face)) == 3)
            assert told(face) == [
                ("one cat.PNG", "both of them", "a grey cat"),
                ("notes.txt", "", ""),
                ("two.jpeg", "", "a black cat"),
            ]

    tell()


def test_enter_alone_shares_and_escape_does_not(files: list[Path]) -> None:
    @story
    async def tell() -> None:
        async with open_face(lively(), size=(60, 24)) as face:
            await offer(face, files[:1])
            await face.press("escape")
            await face.until(lambda: face.app.screen is face.workspace)
            await offer(face, files[1:2])
            assert len(face.app.screen.query(Input)) == 1, "what is no picture is not described"
            await face.press("enter")
            await face.until(lambda: told(face))
            assert told(face) == [("notes.txt", "", "")]

    tell()


def test_a_path_can_stay_a_text(files: list[Path]) -> None:
    @story
    async def tell() -> None:
        async with open_face(lively()) as face:
            await offer(face, files[:1])
            await face.press("ctrl+t")
            await face.until(lambda: str(files[0]) in face.workspace.box.composer.text)
            assert told(face) == []

    tell()
