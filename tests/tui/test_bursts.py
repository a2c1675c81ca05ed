"""Keys that come all at once, in one read of the terminal, act as if they had come one by one."""

import asyncio
from functools import partial
from typing import Any

import pytest
from textual.events import Key, Paste
from textual.widgets import Input

from chat import commands
from chat.errors import NoPeer
from tests.tui.face import Face, open_face, story
from tests.tui.fake_session import FakeSession
from tests.tui.lively import InlineDecoder, lively
from tests.tui.test_walk import long_morning, reset
from tui import in_order
from tui.in_order import TurnOver
from tui.screens.members import MembersScreen
from tui.screens.switcher import Switcher

NAMES = {" ": "space", "/": "slash", "@": "at", "\n": "enter"}


def burst(face: Face, *typed: str) -> None:
    """Send texts and `<keys>` to the face, with nothing between that would let it work."""
    for text in typed:
        if text.startswith("<"):
            face.app.post_message(Key(text[1:-1], None))
            continue
        for letter in text:
            name = NAMES.get(letter, letter)
            face.app.post_message(Key(name, None if letter == "\n" else letter))


def stands(face: Face, text: str) -> bool:
    """Whether this and nothing else is in the composer."""
    return face.workspace.box.composer.text == text


async def lost(event: TurnOver) -> None:
    """What came up behind a key gets nowhere."""


BURSTS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("wrong", "<ctrl+u>", "right"), "right"),
    (("some wrong", "<ctrl+w>", "word"), "some word"),
    (("abx", "<backspace>", "c"), "abc"),
    (("ac", "<left>", "b"), "abc"),
    (("bc", "<home>", "a", "<end>", "d"), "abcd"),
    (("abX", "<left>", "<delete>", "c"), "abc"),
    (("tail", "<home>", "<alt+k>", "head"), "head"),
    (("one", "<alt+enter>", "two", "<ctrl+j>", "three"), "one\ntwo\nthree"),
    (("/hel", "<tab>", "me"), "/help me"),
    (("said before\n", "<up>", "!"), "said before!"),
    (("first\nsecond", "<ctrl+u>", "third"), "third"),
    (("<escape>", "k", "k", "i", "hello"), "hello"),
    (("short\n", "<ctrl+up>", "<ctrl+u>", "changed"), "changed"),
)
"""What is typed, and what stands in the composer afterwards."""


@story
async def test_a_burst_acts_in_order() -> None:
    async with open_face(long_morning()) as face:
        for typed, left in BURSTS:
            await reset(face, timeline=False)
            burst(face, *typed)
            await face.until(partial(stands, face, left))
            assert not face.app._held


@story
async def test_what_is_sent_in_a_burst_is_sent_whole_and_once() -> None:
    async with open_face(lively()) as face:
        burst(face, "one\n", "two\n", "three\n", "and a rest")
        await face.until(lambda: face.workspace.box.composer.text == "and a rest")
        await face.until(lambda: len(face.asked(commands.Post)) == 3)
        assert [post.text for post in face.asked(commands.Post)] == ["one", "two", "three"]


@story
async def test_letters_after_a_key_that_opens_a_dialog_are_the_dialogs() -> None:
    async with open_face(lively()) as face:
        burst(face, "<ctrl+k>", "cats\n", "hello")
        await face.until(lambda: face.workspace.channel_name == "cats")
        await face.until(lambda: face.workspace.box.composer.text == "hello")
        burst(face, "<ctrl+u>", "<ctrl+k>", "gen")
        await face.until(lambda: isinstance(face.app.screen, Switcher))
        # The dialog may be there before its line is.
        await face.until(lambda: [i.value for i in face.app.screen.query(Input)] == ["gen"])
        burst(face, "<escape>", "back")
        await face.until(lambda: face.workspace.box.composer.text == "back")


@story
async def test_what_comes_behind_the_key_that_leaves_does_no_harm() -> None:
    async with open_face(lively()) as face:
        app = face.app
        burst(face, "<ctrl+q>", "hello\n")
        await face.until(lambda: not app.is_running)
    app._held.append(Key("x", "x"))
    app._begin_turn()
    assert not app._held


def slow(world: FakeSession, kind: type[commands.Command]) -> asyncio.Event:
    """Answer commands of this kind when the event is set."""
    call, gate = world.call, asyncio.Event()

    async def answer(command: commands.Command) -> Any:
        if isinstance(command, kind):
            await gate.wait()
        return await call(command)

    world.call = answer  # type: ignore[method-assign]
    return gate


@story
async def test_letters_are_a_dialogs_that_is_still_asked_for() -> None:
    async with open_face(lively()) as face:
        gate = slow(face.world, commands.ListMembers)
        burst(face, "<alt+m>", "noo")
        await face.until(lambda: face.app._held)
        gate.set()
        await face.until(lambda: isinstance(face.app.screen, MembersScreen))
        await face.until(lambda: face.app.screen.query_one(Input).value == "noo")
        burst(face, "<escape>", "/members\n", "bo", "<escape>", "hello")
        await face.until(partial(stands, face, "hello"))
        # Where no dialog comes after all, the letters are what they would have been.
        face.world.failures[commands.ListBookmarks] = NoPeer("Not now.")
        burst(face, "<f4>", "!")
        await face.until(partial(stands, face, "hello!"))


@story
async def test_a_dialog_that_never_comes_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_order, "TURN_SECONDS", 0.2)
    async with open_face(lively()) as face:
        slow(face.world, commands.MakeInvite)
        burst(face, "/invite\n", "hello")
        await face.until(partial(stands, face, "hello"))
        assert not face.app._coming


@story
async def test_a_paste_takes_its_turn() -> None:
    async with open_face(lively()) as face:
        burst(face, "wrong", "<ctrl+u>")
        face.app.post_message(Paste("pasted"))
        burst(face, "!")
        await face.until(lambda: face.workspace.box.composer.text == "pasted!")


@story
async def test_a_key_that_is_never_done_with_holds_up_nobody() -> None:
    async with open_face(long_morning(), decoder=InlineDecoder()) as face:
        await reset(face, timeline=False)
        # Whatever comes up behind keys is lost, as when a widget goes and takes it along.
        face.app.on_turn_over = lost  # type: ignore[method-assign]
        burst(face, "wrong", "<ctrl+u>", "right")
        await face.until(lambda: face.workspace.box.composer.text == "right")
