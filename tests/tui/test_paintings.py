"""How often the screen is painted and laid out: once for what belongs together."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual._compositor import ChopsUpdate

from chat import commands
from tests.tui.face import open_face, story
from tests.tui.lively import lively
from tui.timeline.edges import Edges

ENDS = st.booleans()


@pytest.mark.parametrize("patient", [True, False])
@story
async def test_another_channel_is_painted_with_its_messages(
    patient: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless they take long to be read: then it is told at once which channel it is."""
    monkeypatch.setattr("tui.reading.OPENING_SECONDS", 60.0 if patient else 0.0)
    async with open_face(lively()) as face:
        await face.shows("# general", "aloud in the lift.")
        await face.pilot.pause()
        painted: list[set[int]] = []
        answered = asyncio.Event()
        answer = face.world.call

        async def call(command: commands.Command) -> Any:
            if isinstance(command, commands.History):
                await answered.wait()
            return await answer(command)

        def display(_: object, update: object) -> None:
            if isinstance(update, ChopsUpdate):
                painted.append({row for row, first, end in update.spans if first <= 30 < end})

        monkeypatch.setattr(face.world, "call", call)
        monkeypatch.setattr(face.app, "_display", display)
        header, timeline = face.workspace._header.region, face.workspace.timeline.region
        await face.press("alt+2")
        for _ in range(3):
            await face.pilot.pause()
        assert any(header.y in rows for rows in painted) == (not patient)
        answered.set()
        await face.shows("# cats", "Look at the whiskers")
        await face.pilot.pause()
        first = next(rows for rows in painted if header.y in rows)
        messages = set(range(timeline.y, timeline.bottom))
        assert first >= messages or not patient


@story
async def test_a_message_lays_nothing_out_anew() -> None:
    async with open_face(lively()) as face:
        await face.shows("aloud in the lift.")
        await face.pilot.pause()
        laid_out: list[object] = []
        face.app.screen.screen_layout_refresh_signal.subscribe(face.workspace, laid_out.append)
        height = face.workspace.timeline.virtual_size.height
        for number in range(5):
            face.world.say("general", "bo", f"number {number}")
            await face.shows(f"number {number}")
        assert laid_out == []
        timeline = face.workspace.timeline
        assert timeline.virtual_size.height > height
        assert timeline.vertical_scrollbar.window_virtual_size == timeline.virtual_size.height


@given(ENDS, ENDS, st.integers(0, 300), st.integers(0, 300), st.integers(0, 200), st.lists(ENDS))
def test_a_page_is_asked_for_near_an_end_that_has_more_and_only_once(
    older: bool, newer: bool, above: int, below: int, rows: int, answers: list[bool]
) -> None:
    edges = Edges()
    edges.begin(has_older=older, has_newer=newer)
    wanted = edges.near(rows, above, below)
    assert (True in wanted) == (older and above < rows)
    assert (False in wanted) == (newer and below < rows)
    for end in wanted:
        edges.ask(older=end)
    assert edges.near(rows, above, below) == []
    for end in wanted:
        edges.fail(older=end)
    assert edges.near(rows, above, below) == wanted
    for end, more in zip(wanted, answers, strict=False):
        edges.ask(older=end)
        edges.take(older=end, more=more)
        assert (end in edges.near(rows, above, below)) == more
