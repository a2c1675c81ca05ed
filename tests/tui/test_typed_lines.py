"""What a person types, pastes and drops, and what it means."""

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len

from chat import commands
from chat.model import Channel, FileView, Member, Message
from tests.tui.made import ANA, BO, HOSTILE, ME, message
from tui import fuzzy, keymap
from tui.errors import InputError
from tui.input import actions, completion, emoji, first_run, managing, pasting, saving, slash
from tui.input.actions import Context
from tui.input.completion import Candidate, Known, Offer, PathWanted
from tui.input.history import InputHistory

OWN = message(3, "mine", ME, mine=True)
THEIRS = message(2, "theirs", ANA, reactions={"🐈": (ME,)})
PICTURE = message(1, "look", BO, files=(FileView("bafk1", "cat.png", 9, "image/png"),))
HERE = Context("general", ME.member, recent=(OWN, THEIRS, PICTURE), channels=("general", "Cats"))


def plan(line: str, context: Context = HERE) -> actions.Step:
    parsed = slash.parse(line)
    assert isinstance(parsed, slash.Asked)
    return actions.plan(parsed, context)


# Lines.


def test_two_slashes_say_one() -> None:
    assert slash.parse("//usr/bin is gone") == slash.Said("/usr/bin is gone")
    assert slash.parse("hello /join") == slash.Said("hello /join")


@pytest.mark.parametrize("line", ["/serch cats", "/usr/bin", "/", "/ hello", "/passwort hunter2"])
def test_an_unknown_command_is_never_text(line: str) -> None:
    with pytest.raises(InputError, match="There is no command"):
        slash.parse(line)


def test_an_unknown_command_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"Did you mean /search\?"):
        slash.parse("/serch cats")


def test_commands_have_aliases_and_no_case() -> None:
    assert plan("/GO cats") == actions.Go("Cats")
    assert plan("/j #CATS") == actions.Go("Cats")
    assert plan("/Q") == actions.Quit()


@given(st.text(max_size=40))
def test_any_line_is_text_or_a_command_or_an_input_error(line: str) -> None:
    with contextlib.suppress(InputError):
        parsed = slash.parse(line)
        if isinstance(parsed, slash.Asked):
            actions.plan(parsed, HERE)


def test_commands_become_steps() -> None:
    assert plan("/topic Cats only") == actions.Ask(commands.SetTopic("general", "Cats only"))
    assert plan("/new naps public") == actions.MakeChannel(commands.CreateChannel("naps", "public"))
    alone = commands.CreateChannel("plans", "private", (ME.member,))
    assert plan("/new plans private") == actions.MakeChannel(alone)
    assert plan("/new club hidden") == actions.MakeChannel(commands.CreateChannel("club", "hidden"))
    assert plan("/me yawns") == actions.Ask(commands.Post("general", "*yawns*"))
    assert plan("/nick ana b") == actions.Ask(commands.SetProfile(nick="ana b"))
    assert plan("/search two words") == actions.Find("two words")
    assert plan("/invite") == actions.Show("invite")
    assert plan("/invite relay") == actions.Show("relay")


@pytest.mark.parametrize(
    "line", ["/join", "/join nowhere", "/new", "/nick " + "x" * 65, "/put", "/react", "/me",
             "/join clowder:j/abc", "/get ffff"]
)  # fmt: skip
def test_commands_that_miss_something_say_what(line: str) -> None:
    context = replace_recent(HERE, ())
    with pytest.raises(InputError):
        plan(line, context)


def replace_recent(context: Context, recent: tuple[Message, ...]) -> Context:
    return Context(context.channel, context.me, None, recent, channels=context.channels)


def test_put_takes_quoted_paths_and_a_text() -> None:
    def put(line: str) -> tuple[str, str]:
        step = plan(line)
        assert isinstance(step, actions.Ask)
        assert isinstance(step.command, commands.Put)
        return step.command.path, step.command.text

    assert put("/put '/tmp/a cat.png' Look at her") == ("/tmp/a cat.png", "Look at her")
    assert put(r"/put /tmp/a\ cat.png") == ("/tmp/a cat.png", "")
    assert put("/put /tmp/it's.png hm")[0] == "/tmp/it's.png"
    assert put("/put ~/cat.png")[0] == str(Path("~/cat.png").expanduser())


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/topic", "/topic Cats only, or /topic - for none"),
        ("/dnd 99", "/dnd 30m, /dnd 2h, /dnd 1d; or /dnd off"),
        ("/dnd 0m", "Say minutes, hours or days"),
        ("/react xyzzy", "There is no emoji “xyzzy”"),
        ("/react :thinkin:", "Did you mean :thinking:?"),
        ("/react schön", "or its name: /react :cat:"),
        ("/promote ana emperor", "Say admin, member or reader"),
        ("/remove", "Whom? /remove ana"),
    ],
)
def test_what_is_not_accepted_is_told_what_is(line: str, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        plan(line)


def test_topics_are_taken_away_and_odd_emoji_and_reactions_there_are_taken() -> None:
    assert plan("/topic -") == actions.Ask(commands.SetTopic("general", ""))
    assert plan("/react 👩‍🚀") == actions.Ask(commands.React(OWN.id, "👩‍🚀", True))
    assert plan("/react 1️⃣") == actions.Ask(commands.React(OWN.id, "1️⃣", True))
    imported = replace(OWN, reactions={":party_parrot:": (ANA,)})
    there = replace_recent(HERE, (imported,))
    agreed = actions.Ask(commands.React(OWN.id, ":party_parrot:", True))
    assert plan("/react :party_parrot:", there) == agreed


# Who is in.

MIA = Member(ME.member, "mia", 10, "admin", me=True)
PEOPLE = (
    MIA,
    Member(ANA.member, "ana", 0, "founder"),
    Member(BO.member, "bo", 100, "member"),
    Member("ee" * 32, "Twin", 100, "member"),
    Member("ef" * 32, "twin", 100, "member"),
    Member("dd" * 32, "box", 250, "relay"),
    Member("cc" * 32, "gone", 100, "former", state="removed"),
)
PLANS = Channel("1" * 32, "plans", limited=True, members=(ME, BO))


def decided(line: str, channel: Channel | None = PLANS, me: Member = MIA) -> managing.Change:
    step = plan(line)
    assert isinstance(step, actions.Manage)
    return managing.decide(step.wanted, (me, *PEOPLE[1:]), channel)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/remove nobody", "There is no member nobody. /members lists who is in."),
        ("/remove boo", "There is no member boo. Did you mean bo?"),
        ("/remove twin", "Several are called twin; give the beginning of an id"),
        ("/remove gone", "There is no member gone"),
        ("/remove box", "There is no member box. Did you mean bo?"),
        ("/remove ana", "Only who is senior to ana can remove them."),
        ("/remove mia", "That is you"),
        ("/promote bo admin", "At level 10 you can make nobody admin."),
        ("/kick ana", "ana is not in it: #plans."),
        ("/add bo", "bo is in already: #plans."),
    ],
)  # fmt: skip
def test_who_cannot_be_meant_is_told_before_anything_is_asked(line: str, said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        decided(line)


def test_who_is_meant_is_named_as_they_are_called() -> None:
    assert decided("/remove @BO") == managing.remove(BO.member, "bo")
    assert decided(f"/remove {'ef' * 4}") == managing.remove("ef" * 32, "twin")
    assert decided("/remove dddd") == managing.remove("dd" * 32, "box")
    assert decided("/promote gone reader") == managing.promote("cc" * 32, "gone", "reader")
    assert decided("/kick bo #plans") == managing.kick("plans", BO.member, "bo")
    assert decided("/add ana") == managing.add("plans", ANA.member, "ana")
    assert decided("/part") == managing.leave("plans")
    with pytest.raises(InputError, match="Only founders and admins can promote members"):
        decided("/promote bo reader", me=replace(MIA, level=100))


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        (None, "There is no channel general."),
        (Channel("2" * 32, "general"), "Everybody is in #general; only private channels have"),
        (Channel("3" * 32, "news", mode="public"), "Anybody reads #news"),
    ],
)
def test_what_everybody_is_in_is_left_by_nobody(channel: Channel | None, said: str) -> None:
    for line in ("/part", "/kick bo", "/add bo"):
        with pytest.raises(InputError, match=said):
            decided(line, channel)


# Which message is meant.


def test_the_obvious_message_is_taken_when_none_is_named() -> None:
    assert plan("/reply sure") == actions.Ask(commands.Post("general", "sure", THEIRS.id))
    assert plan("/edit") == actions.Compose("edit", OWN)
    assert plan("/edit better") == actions.Ask(commands.Edit(OWN.id, "better"))
    assert plan("/delete") == actions.Confirm(
        "Delete this message for everybody?", commands.Delete(OWN.id)
    )
    assert plan("/get") == actions.Save(PICTURE, "")
    assert plan("/react :+1:") == actions.Ask(commands.React(OWN.id, "👍", True))


def test_a_selected_or_named_message_wins() -> None:
    named = Context(
        "general", ME.member, selected=THEIRS, recent=(OWN, THEIRS),
        resolve=lambda given: actions.by_id(given, (OWN, THEIRS, PICTURE)),
    )  # fmt: skip
    assert plan("/react cat", named) == actions.Ask(commands.React(THEIRS.id, "🐈", False))
    assert plan("/reply", named) == actions.Compose("reply", THEIRS)
    unique = replace(PICTURE, id="beef" + "0" * 28)
    by_id = Context(
        "general", ME.member, selected=THEIRS, resolve=lambda g: actions.by_id(g, (OWN, unique))
    )
    assert plan("/reply BEEF sure", by_id) == actions.Ask(
        commands.Post("general", "sure", unique.id)
    )
    assert plan("/reply be sure", by_id) == actions.Ask(
        commands.Post("general", "be sure", THEIRS.id)
    )


def test_others_messages_cannot_be_changed() -> None:
    for line in ("/edit no", "/delete"):
        context = Context("general", ME.member, selected=THEIRS, resolve=lambda _: THEIRS)
        with pytest.raises(InputError, match="Only ana"):
            plan(f"{line.split()[0]} x {line}", context)


# Completion.

KNOWN = Known(("bo", "Ana", "banana"), ("general", "cats"))


def offered(before: str, *, asked: bool = False) -> list[str]:
    offer = completion.complete(before, KNOWN, asked=asked)
    return [c.insert for c in offer.candidates] if isinstance(offer, Offer) else []


def test_completion_follows_what_is_typed() -> None:
    assert offered("/jo") == ["/join "]
    assert offered("/g") == ["/join ", "/get ", "/pictures "]
    assert offered("/join ca") == ["cats"]
    assert offered("see #c") == ["#cats "]
    assert offered("hey @an") == ["@Ana ", "@banana "]
    assert offered("nice :smile_c") == ["😸 "]
    assert offered("/react ca")[0] == "🐈 "
    assert offered("mail@an") == []
    assert offered("10:30") == []
    assert offered(":s") == []


def test_bare_words_are_completed_only_when_asked() -> None:
    assert offered("well an") == []
    assert offered("well an", asked=True) == ["@Ana ", "@banana "]
    assert offered("", asked=True) == []


def test_paths_are_completed_from_a_listing() -> None:
    wanted = completion.complete("/put ~/pi", KNOWN)
    assert wanted == PathWanted(5, "~/pi")
    assert isinstance(wanted, PathWanted)
    offer = completion.paths(
        wanted, "~/", [("pic.png", False), ("Pictures", True), (".pi", False), ("x", False)]
    )
    assert offer == Offer(
        5, (Candidate("~/Pictures/", "Pictures/"), Candidate("~/pic.png ", "pic.png"))
    )


@given(st.text(max_size=30), st.booleans())
def test_completion_never_fails(before: str, asked: bool) -> None:
    offer = completion.complete(before, KNOWN, asked=asked)
    assert offer is None or 0 <= offer.start <= len(before)


# Pastes and files.


def test_dropped_files_are_told_from_prose() -> None:
    files = {"/tmp/cat.png", "/tmp/two cats.png", "/tmp/ü.png"}

    def dropped(text: str) -> list[str]:
        return [str(p) for p in pasting.dropped_paths(text, lambda path: str(path) in files)]

    assert dropped(" '/tmp/two cats.png' ") == ["/tmp/two cats.png"]
    assert dropped(r"/tmp/two\ cats.png") == ["/tmp/two cats.png"]
    assert dropped("/tmp/two cats.png") == ["/tmp/two cats.png"]
    assert dropped("file:///tmp/%C3%BC.png") == ["/tmp/ü.png"]
    assert dropped("/tmp/cat.png '/tmp/two cats.png'\n") == ["/tmp/cat.png", "/tmp/two cats.png"]
    assert dropped("look at /tmp/cat.png") == []
    assert dropped("/tmp/dog.png") == []
    assert dropped("file://elsewhere/tmp/cat.png") == []
    assert dropped("it's \x00") == []


def test_long_pastes_are_asked_about() -> None:
    assert not pasting.is_long("one\ntwo\nthree")
    assert pasting.is_long("\n".join("x" * 11))
    assert pasting.is_long("é" * 1025)
    assert pasting.normal_lines("a\r\nb\rc") == "a\nb\nc"


@pytest.mark.parametrize(
    ("wish", "name"),
    [
        ("cat.png", "cat.png"),
        ("../../.bashrc", "bashrc"),
        ("..\\..\\evil.exe", "evil.exe"),
        ("/etc/passwd", "passwd"),
        ("a\x00b\x1b[2J.png", "ab[2J.png"),
        ("gnp\u202ecod.png", "gnpcod.png"),
        ("", "file"),
        ("...", "file"),
        ("CON.txt", "file-CON.txt"),
        ("a:b|c.png", "a_b_c.png"),
    ],
)
def test_a_peers_file_name_is_only_a_name(wish: str, name: str) -> None:
    assert saving.safe_name(wish) == name


@given(st.text(max_size=300))
def test_any_name_gives_a_file_in_the_folder(wish: str) -> None:
    folder = Path("/home/mia/Downloads")
    path = saving.target(folder, wish, lambda _: False)
    assert path.parent == folder
    assert 0 < len(path.name.encode()) <= 255
    assert path.name.isprintable() or not path.name.isascii()


def test_an_existing_file_is_never_written_over() -> None:
    taken = {Path("/d/cat.png"), Path("/d/cat (2).png")}
    assert saving.target(Path("/d"), "cat.png", taken.__contains__) == Path("/d/cat (3).png")
    assert saving.downloads(Path("/h"), lambda _: False) == Path("/h")


# Small things.


def test_sent_lines_come_back() -> None:
    lines = InputHistory()
    for text in ("one", "two", "two"):
        lines.add(text)
    assert lines.earlier() == "two"
    assert lines.shows("two")
    assert lines.earlier() == "one"
    assert lines.earlier() is None
    assert [lines.later(), lines.later(), lines.later()] == ["two", "", ""]


def test_every_emoji_is_one_code_point_of_two_cells() -> None:
    for name, sign in emoji.EMOJI.items():
        assert len(sign) == 1, name
        assert cell_len(sign) == 2, name
    assert set(emoji.QUICK) <= set(emoji.EMOJI.values())
    assert emoji.resolve(":cat:") == "🐈"
    assert emoji.resolve(" 🦫 ") == "🦫"


def test_quick_switch_finds_by_letters() -> None:
    names = ["general", "relay-box", "releases", "reading"]
    assert fuzzy.best("rb", names) == ["relay-box"]
    assert fuzzy.best("rel", names)[:2] == ["releases", "relay-box"]
    assert fuzzy.best("", names) == names
    assert fuzzy.best("zz", names) == []


def test_first_run_forms_say_what_is_wrong() -> None:
    assert first_run.name("  The   Cats ", "name") == "The Cats"
    assert first_run.invite("  clowder:abcdefghijkl \n") == "clowder:abcdefghijkl"
    assert first_run.invite("A " * 12) == "a a a a a a a a a a a a"
    for wrong in ("", "short", "only four words here"):
        with pytest.raises(InputError):
            first_run.invite(wrong)
    for wrong in ("", "x" * 65):
        with pytest.raises(InputError):
            first_run.name(wrong, "name")


def test_no_key_means_two_things_in_one_place() -> None:
    for name in ("workspace", "timeline", "composer"):
        keys = [key for entry in keymap.scope(name) for key in entry.keys.split(",")]  # type: ignore[arg-type]
        assert len(keys) == len(set(keys)), name
    ids = [key.id for key in keymap.KEYS]
    assert len(ids) == len(set(ids))
    assert keymap.spoken("ctrl+j,alt+enter") == "Ctrl+J or Alt+Enter"
    assert keymap.spoken("plus_sign,plus") == "+"
    assert len(keymap.problems({"quick_switch": "ctrl+g", "nonsense": "x"})) == 1


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_can_be_completed(text: str) -> None:
    completion.complete("@", Known((text,), (text,)))
    fuzzy.best("a", [text])
