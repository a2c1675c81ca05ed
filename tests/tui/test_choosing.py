"""Where the keys go is plain to see: letters are text, or they act on messages."""

from tests.tui.face import Face, open_face, story
from tests.tui.lively import lively
from tests.tui.shown import SGR, shown_in, text_of
from tui import keymap
from tui.config import UiConfig
from tui.screens import help

CTRL_Q, ESCAPE = b"\x11", b"\x1b"


def last_row(face: Face) -> str:
    return face.text.split("\n")[-1]


@story
async def test_the_last_row_and_the_composer_say_that_letters_act_on_messages() -> None:
    async with open_face(lively()) as face:
        await face.shows("Message #general")
        assert "MESSAGES" not in face.text
        assert "in sync · 3 linked · relay" in last_row(face)
        await face.press("escape")
        await face.shows(" MESSAGES ", "Esc or i to write here")
        assert "Esc write  r reply  + react  Enter open  t thread" in last_row(face)
        assert "●" in last_row(face), "whether it is in sync is never hidden"
        # Another channel by a key does not end it.
        await face.press("alt+down")
        await face.until(lambda: face.workspace.channel_name == "cats")
        await face.shows("MESSAGES", "Esc or i to write here")
        await face.press("i")
        await face.shows("Message #cats")
        assert "MESSAGES" not in face.text
        await face.press("escape", "t")
        await face.until(lambda: face.workspace.side.has_thread)
        face.workspace.thread.timeline.focus()
        await face.shows("MESSAGES")


@story
async def test_forty_columns_and_other_keys_and_ascii_say_it_too() -> None:
    config = UiConfig(keys={"leave": "q", "reply": "x", "late": "f12", "help": "f10"}, ascii=True)
    async with open_face(lively(), size=(40, 20), config=config) as face:
        await face.shows("alone" if not face.world.status.links else "in sync")
        assert "F10 help" in last_row(face) or "F" not in last_row(face)
        await face.press("escape")
        await face.shows("MESSAGES", "q write  x reply", "q to write here")
        assert "F12" in str(face.workspace._below._late_key)
        assert face.text.isascii()


def turned_round(received: bytes) -> list[str]:
    """What was written while everything is turned round, a text a run."""
    found, turned, at = [], False, 0
    for sequence in SGR.finditer(received):
        if turned and (said := text_of(received[at : sequence.start()])).strip():
            found.append(said)
        numbers = sequence[1].split(b";")
        turned = b"7" in numbers
        at = sequence.end()
    return found


def test_the_chosen_message_is_marked_without_any_colour() -> None:
    environment = {"TERM": "xterm-256color", "NO_COLOR": "1"}
    steps = ((ESCAPE, "pavel", ""), (CTRL_Q, "MESSAGES", ""))
    said = turned_round(shown_in(environment, "words", steps=steps))
    assert any("MESSAGES" in run for run in said)
    assert any("Done, it is in the notes" in run for run in said)


def test_help_shows_the_keys_that_are_bound_and_what_they_are_called() -> None:
    keys = {"quick_switch": "ctrl+g", "reply": "x,ctrl+r"}
    rows = [" ".join(row.plain.split()) for row in help.keys_text(keys, names=True)]
    assert "Ctrl+G Go to a channel quick_switch" in rows
    assert "x or Ctrl+R Reply reply" in rows
    assert not any("Ctrl+K" in row for row in rows)
    assert "Enter Send" in rows, "what cannot be changed has no name"
    narrow = [" ".join(row.plain.split()) for row in help.names_text(keys, 18)]
    assert "quick_switch Ctrl+G" in narrow
    assert len(narrow) == 2 + sum(bool(key.action) for key in keymap.KEYS)


@story
async def test_hints_show_the_keys_that_are_bound() -> None:
    keys = {"quick_switch": "ctrl+g", "help": "f12"}
    async with open_face(lively(), size=(100, 20), config=UiConfig(keys=keys)) as face:
        await face.shows("F12 help  Ctrl+G go to")
        await face.press("f12")
        await face.shows("Everywhere", "  help")


@story
async def test_a_private_channel_says_what_it_is_and_lists_only_who_is_in_it() -> None:
    world = lively()
    world.add_private("plans", "ana")
    async with open_face(world, size=(130, 30)) as face:
        await face.shows("pavel", "relays" if world.members.get("relay") else "offline")
        await face.say("/join plans")
        await face.shows("private: 2 members", "here 2")
        shown = [row[106:] for row in face.text.split("\n")]
        assert any("ana" in row for row in shown)
        assert not any("bo" in row or "pavel" in row for row in shown)
        face.workspace.box.composer.insert_text("@")
        await face.until(lambda: face.workspace.box.composer.popup_open)
        assert face.workspace._popup.option_count == 1, "who cannot read it is not offered"
        face.workspace.box.composer.set_text("")
        world.change_channel(
            "plans", members=(*world.channels["plans"].members, world.author("bo"))
        )
        await face.shows("here 3")
        await face.say("/join general")
        await face.shows("here 5")
    async with open_face(world, size=(40, 20)) as face:
        await face.say("/join plans")
        await face.shows("# plans", "private")
        await face.press("f8")
        await face.until(lambda: face.workspace._members.display)
        assert "pavel" not in face.text
