"""The devices of this member, from the screen: seen, added, named, taken out."""

from textual.widgets import OptionList

from chat import commands
from chat.model import Device
from tests.tui.face import open_face, story
from tests.tui.fake_session import FakeSession
from tests.tui.lively import lively
from tests.tui.test_managing import choose, pick
from tests.tui.test_plain_mode import told
from tui.config import UiConfig
from tui.screens.devices import CodeScreen, DeviceScreen, DevicesScreen, PaperScreen
from tui.screens.line import Line
from tui.screens.members import MembersScreen

HERE, LAPTOP, PAPER = "aa" * 32, "bb" * 32, "cc" * 32


def owner() -> FakeSession:
    """mia, with a laptop beside this device, and words on paper."""
    world = lively()
    world.devices = {
        HERE: Device(HERE, this=True),
        LAPTOP: Device(LAPTOP, linked=True, name="laptop"),
        PAPER: Device(PAPER, paper=True),
    }
    return world


@story
async def test_devices_are_listed_named_and_taken_out() -> None:
    world = owner()
    async with open_face(world) as face:
        await face.say("/devices")
        await face.shows("Your devices", "laptop", "this one", "on paper", "+ Add a device")
        await pick(face, DevicesScreen, "laptop")
        await face.until(lambda: isinstance(face.app.screen, DeviceScreen))
        await face.shows("linked", LAPTOP[:16])
        await choose(face, "name")
        await face.until(lambda: isinstance(face.app.screen, Line) and face.app.screen.children)
        await face.press("ctrl+u")
        await face.fill("old laptop")
        await face.press("enter")
        await face.shows("It is called old laptop here.")
        assert world.devices[LAPTOP].name == "old laptop"
        await face.say("/devices")
        await pick(face, DevicesScreen, "old")
        await choose(face, "remove")
        await face.shows("Take out old laptop?")
        await face.press("enter")  # The safe answer is first.
        assert LAPTOP in world.devices
        await face.say("/devices")
        await pick(face, DevicesScreen, "old")
        await choose(face, "remove")
        await choose(face, "yes")
        await face.shows("old laptop is out; the keys are new ones.")
        assert LAPTOP not in world.devices
        await face.say("/devices")
        await pick(face, DevicesScreen, HERE[:8])
        await face.until(lambda: isinstance(face.app.screen, DeviceScreen))
        assert "Take it out" not in face.text, "this one goes by leaving"


@story
async def test_from_one_device_the_way_back_is_to_all_of_them() -> None:
    async with open_face(owner()) as face:
        await face.say("/devices")
        await pick(face, DevicesScreen, "laptop")
        await face.until(lambda: isinstance(face.app.screen, DeviceScreen))
        await face.press("escape")
        await face.until(lambda: isinstance(face.app.screen, DevicesScreen))
        await face.shows("Your devices", "on paper")
        await face.press("escape")
        await face.until(lambda: face.app.screen is face.workspace)


@story
async def test_one_more_comes_in_by_a_code_which_goes_then() -> None:
    world = owner()
    async with open_face(world, size=(100, 40)) as face:
        await face.say("/devices add")
        await face.until(lambda: isinstance(face.app.screen, CodeScreen))
        await face.shows("clowder device join", "amber basil cedar", "▀▀▀▀", "clowder:d/")
        await face.press("w")
        assert face.app.clipboard.startswith("amber basil")
        world.change_channel("cats", topic="of no concern to it")
        world.device_comes(Device("dd" * 32, linked=True, name="phone"))
        await face.shows("phone is in; it has what you have.")
        assert face.app.screen is face.workspace
        await face.say("/devices")
        await face.until(lambda: isinstance(face.app.screen, DevicesScreen))
        await face.shows("phone")


@story
async def test_words_on_paper_are_shown_once_after_a_question() -> None:
    async with open_face(owner(), config=UiConfig(ascii=True)) as face:
        await face.press("alt+m")
        await pick(face, MembersScreen, "mia")
        await choose(face, "devices")
        await face.shows("Words on paper")
        options = face.app.screen.query_one(OptionList)
        options.highlighted = options.get_option_index("paper")
        await face.press("enter")
        await face.shows("Show words that let you back in", "pen and paper")
        assert not face.asked(commands.MakePaper)
        await choose(face, "yes")
        await face.until(lambda: isinstance(face.app.screen, PaperScreen))
        await face.shows("clowder recover", "amber basil")
        assert face.text.isascii()
        await face.press("escape")
        await face.until(lambda: face.app.screen is face.workspace)
        assert "amber basil" not in face.text


@story
async def test_the_line_mode_lists_them_and_shows_a_code() -> None:
    lines = await told(owner(), "/devices", "/devices add", "/devices frob")
    listed = {"aaaaaaaa, this one", "laptop, bbbbbbbb, linked", "cccccccc, on paper"}
    assert listed <= set(lines)
    assert any(line.startswith("and these words: amber basil") for line in lines)
    assert any(line.startswith("Say /devices, /devices add, /devices name ID") for line in lines)


@story
async def test_the_line_mode_names_a_device_and_takes_one_out() -> None:
    world = owner()
    lines = await told(
        world, "/devices name bbbb old laptop", "/devices name bbbb", "/devices remove bbbb", "no",
        "/devices remove cccc", "yes", "/devices remove dddd", "yes", "/devices",
    )  # fmt: skip
    assert "It is called old laptop here." in lines
    assert "old laptop, bbbbbbbb, linked" in lines
    assert "Nothing was done." in lines
    assert "Take out the device cccc? It comes back only by a new code. Type yes or no." in lines
    assert "There is no device dddd here." in lines
    assert set(world.devices) == {HERE, LAPTOP}
    assert lines.count("It is out.") == 1
