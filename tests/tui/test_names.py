"""Names of one's own for others: given by line or from the list of members, shown with a star."""

import pytest
from textual.widgets import Input

from chat import commands
from chat.events import MessageChanged
from chat.model import Author
from tests.tui.face import open_face, story
from tests.tui.lively import lively
from tests.tui.test_managing import choose, pick
from tests.tui.test_plain_mode import told
from tui.errors import InputError
from tui.input import being
from tui.screens.line import Line
from tui.screens.members import MembersScreen


@story
async def test_a_member_is_called_something_and_by_their_nick_again() -> None:
    world = lively()
    async with open_face(world) as face:
        await face.say("/name bo Bo from sales")
        await face.shows("You call bo Bo from sales; nobody else sees it.")
        bo = next(m for m in world.members.values() if m.nick == "bo")
        assert (bo.name, bo.call) == ("Bo from sales*", "Bo from sales")
        message = world.make("general", Author(bo.member, "bo", bo.shown), "hello there")
        world.put(message)
        world.emit(MessageChanged(message, True))
        await face.shows("Bo from sales*", "hello there")
        face.workspace.box.composer.set_text("")
        await face.write("@bo")
        await face.press("tab")
        await face.until(lambda: face.workspace.box.composer.text == "@Bo from sales ")
        face.workspace.box.composer.set_text("")
        await face.press("alt+m")
        await pick(face, MembersScreen, "Bo from")
        await face.shows("they call themselves bo")
        await choose(face, "name")
        await face.until(lambda: isinstance(face.app.screen, Line) and face.app.screen.children)
        assert face.app.screen.query_one(Input).value == "Bo from sales"
        face.app.screen.query_one(Input).value = ""
        await face.press("enter")
        await face.until(lambda: world.members[bo.member].name == "bo")


def test_who_and_what_are_told_apart() -> None:
    assert being.name("@bo Bo from sales")[0] == commands.NameMember("bo", "Bo from sales")
    assert being.name('"Bo from sales" Robert')[0] == commands.NameMember("Bo from sales", "Robert")
    assert being.name("“Bo from sales” off")[0] == commands.NameMember("Bo from sales")
    for nothing in ("", "bo", "bo ", '"Bo from sales" ', f"bo {'b' * 65}", "bo one\ntwo"):
        with pytest.raises(InputError):
            being.name(nothing)


@story
async def test_who_makes_way_for_a_name_is_told() -> None:
    world = lively()
    ana = next(m for m in world.members.values() if m.nick == "ana")
    sentence = f"ana is shown as ana~{ana.member[:4]} now."
    async with open_face(world) as face:
        await face.say("/name bo ana")
        await face.shows("You call bo ana; nobody else sees it.", f"ana~{ana.member[:4]}")
    lines = await told(lively(), "/name bo ana", "/name bo Robert", "/quit")
    assert lines.count(sentence) == 1
