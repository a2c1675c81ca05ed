"""Petnames: shown to whoever gave them and to nobody else, and nobody looks like somebody named."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from chat import commands, people
from chat.cli.exporting import pages
from chat.cli.main import clowder
from chat.cli.output import message_fields, message_line
from chat.cli.team import member_line
from chat.errors import NotFound, UsageError
from chat.model_people import PETNAME_MARK
from chat.nicks import as_shown
from chat.people import People
from crdt.text import clean_name, look
from tests.chat.engine_team import Team
from tests.chat.node_team import Desk, nodes

MEMBERS = st.sampled_from([bytes((number,)) * 16 for number in range(6)])
CALLS = st.sampled_from(["ana", "Ana", "bo", "bo*", "bo\u2217", "a\u200bna", "ana~0000", "cy"])
BO, CY = "00" * 16, "ab" * 16


@given(st.dictionaries(MEMBERS, CALLS), st.dictionaries(MEMBERS, CALLS))
def test_nobody_looks_like_another_or_as_if_they_had_a_petname(
    called: dict[bytes, str], petnames: dict[bytes, str]
) -> None:
    nicks = {m: f"{nick}~{m.hex()[:2]}" if m[0] % 2 else nick for m, nick in called.items()}
    nicks = {m: n for m, n in nicks.items() if [*map(look, nicks.values())].count(look(n)) == 1}
    shown = as_shown(nicks, petnames)
    assert shown.keys() == nicks.keys() | petnames.keys()
    assert len(set(map(look, shown.values()))) == len(shown)
    for member, name in shown.items():
        if member in petnames:
            assert name.endswith(PETNAME_MARK)
            alike = [m for m, each in petnames.items() if look(each) == look(petnames[member])]
            assert (name == petnames[member] + PETNAME_MARK) == (member == alike[0])
        else:
            assert name[-1] not in f"{PETNAME_MARK}\u2217"
            assert name == nicks[member] or name.startswith(f"{nicks[member]}~")
    plain = {member: nick for member, nick in nicks.items() if not {*nick} & {"*", "\u2217"}}
    assert as_shown(plain, {}) == plain


@given(st.lists(st.tuples(st.sampled_from([BO, CY]), st.text(max_size=70)), max_size=12))
def test_whatever_is_pasted_names_are_clean_and_no_two_alike(given: list[tuple[str, str]]) -> None:
    kept = People()
    for member, name in given:
        try:
            kept = people.with_name(kept, member, name)
        except UsageError:
            continue
        assert (member in kept.names) == bool(name.strip())
    assert people.decode(people.encode(kept)) == kept
    shown = people.petnames(kept)
    assert {member.hex(): name for member, name in shown.items()} == kept.names
    assert len(set(map(look, shown.values()))) == len(shown)
    for name in shown.values():
        assert clean_name(name, 64) == name
        assert not name.startswith("@") or not name.endswith(PETNAME_MARK)


def test_a_name_is_one_person_s_and_one_can_be_taken_back() -> None:
    kept = people.with_name(People(), BO, " @Bo\x1b[31m from\nsales* ")
    assert kept.names == {BO: "Bo[31m from sales"}
    with pytest.raises(UsageError, match="already"):
        people.with_name(kept, CY, "BO[31M from Sales")
    with pytest.raises(UsageError, match="64"):
        people.with_name(kept, CY, "b" * 65)
    with pytest.raises(UsageError, match="letter"):
        people.with_name(kept, CY, "\u200b")
    assert people.encode(people.with_name(kept, BO, "")) == people.encode(People())
    full = People(names={f"{n:032x}": f"name {n}" for n in range(people.NAMES_MAX)})
    with pytest.raises(UsageError, match="already"):
        people.with_name(full, "ff" * 16, "one more")


# In a workspace ---------------------------------------------------------------------------------


def test_what_is_sent_carries_the_member_and_their_nick() -> None:
    team = Team(seed=72)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    team.run(60_000)
    cy = team.join("cy", ana)
    team.mesh()
    team.run(60_000)
    # Cy is called as bo calls himself: here that is cy, and to everybody else it is still bo.
    ana.workspace.call({bo.workspace.me: "Bo from sales", cy.workspace.me: "bo"})
    talking = ana.talking
    said = talking.post("general", "STRASSE ß @BO FROM SALES, @bo* and @Cy: @bosun", None).op
    assert said.text == "STRASSE ß @bo, @cy and @Cy: @bosun"
    assert set(said.mentions) == {bo.workspace.me, cy.workspace.me}
    assert talking.post("general", "@bo", None).op.text == "@cy"
    assert bo.talking.post("general", "@bo from sales", None).op.mentions == (bo.workspace.me,)
    shown = [ana.workspace.shown(each.workspace.me) for each in (ana, bo, cy)]
    assert shown == ["ana", "Bo from sales*", "bo*"]
    nicks = [ana.workspace.nick(each.workspace.me) for each in (ana, bo, cy)]
    assert nicks == ["ana", "bo", "cy"]


def test_addresses_and_code_are_sent_as_they_were_typed() -> None:
    team = Team(seed=74)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    team.mesh()
    team.run()
    ana.workspace.call({bo.workspace.me: "gmail"})
    for text in (
        "mail ana@gmail.com",
        "@gmail.com is a host",
        "`git clone git@gmail:x.git`, or `@gmail`",
        "```\n@gmail\n```",
        "```\n@gmail, never closed",
    ):
        op = ana.talking.post("general", text, None).op
        assert (op.text, op.mentions) == (text, ()), text
    for text, said in (
        ("ask @gmail.", "ask @bo."),
        ("(@gmail)", "(@bo)"),
        ("`code` @gmail `", "`code` @bo `"),
        ("...@gmail", "...@bo"),
    ):
        op = ana.talking.post("general", text, None).op
        assert (op.text, op.mentions) == (said, (bo.workspace.me,)), text


def test_an_old_text_is_not_read_by_new_names() -> None:
    team = Team(seed=73)
    ana = team.found("ana")
    bo = team.join("bo", ana)
    team.run(60_000)
    cy = team.join("cy", ana)
    team.mesh()
    team.run(60_000)
    message = team.say(ana, lambda talking: talking.post("general", "@bo: helo", None))
    ana.workspace.call({cy.workspace.me: "bo"})
    assert ana.workspace.shown(bo.workspace.me) == f"bo~{bo.workspace.me.hex()[:4]}"
    edited = ana.talking.edit(message.hex(), "@bo: hello").op
    assert (edited.text, edited.mentions) == ("@bo: hello", (bo.workspace.me,))


def test_a_petname_is_seen_here_and_nowhere_else(tmp_path: Path) -> None:
    async def story() -> None:
        async with nodes() as make:
            ana = await make("ana")
            await ana.create()
            bo = await make("bo")
            await bo.join(ana)
            me = bo.team.workspace.me
            await ana.until(lambda: ana.team.workspace.nick(me) == "bo")
            await bo.post("hello")
            await ana.until(lambda: "hello" in ana.texts())
            entries = (await ana.call(commands.GetStatus())).entries
            member = await ana.call(commands.NameMember("bo", "Bo from sales"))
            assert (member.nick, member.name, member.petname) == (
                "bo",
                "Bo from sales*",
                "Bo from sales",
            )
            assert "Bo from sales* (bo)" in member_line(member)
            (message,) = await ana.history()
            assert (message.author.nick, message.author.name) == ("bo", "Bo from sales*")
            assert "<Bo from sales*>" in message_line(message)
            assert message_fields(message)["author"] == {"member": me.hex(), "nick": "bo"}
            found = await ana.call(commands.Search('from:"Bo from sales" hello'))
            assert [hit.message.id for hit in found] == [message.id]
            # What goes out has the nick: messages, exports, and what a member is told of bo.
            sent = await ana.post("thanks, @Bo from sales!")
            assert sent.text == "thanks, @bo!"
            await bo.until(lambda: "thanks, @bo!" in bo.texts())
            assert (await bo.history())[-1].mentions_me
            exported = [each async for page in pages(ana.node, "general") for each in page]
            assert [each.author.name for each in exported] == ["bo", "ana"]
            assert "sales" not in repr(exported)
            path = tmp_path / "signed.clowder"
            await ana.call(commands.ExportSigned(str(path), keys=True))
            assert b"sales" not in path.read_bytes()
            # It is no entry, and it is still there after a stop, and after the node is built anew.
            assert (await ana.call(commands.GetStatus())).entries == entries + 1
            await ana.stop()
            await ana.start()
            ana.team._build()
            assert ana.team.workspace.shown(me) == "Bo from sales*"
            assert (await ana.call(commands.NameMember("Bo from sales*"))).name == "bo"
            assert (await ana.history())[0].author.name == "bo"
            with pytest.raises(UsageError, match="That is you"):
                await ana.call(commands.NameMember("ana", "myself"))
            with pytest.raises(UsageError, match="your own name"):
                await ana.call(commands.NameMember("bo", "ANA"))
            with pytest.raises(NotFound):
                await ana.call(commands.NameMember("Bo from sales", "again"))

    asyncio.run(story())


def test_devices_are_called_something() -> None:
    async def story() -> None:
        async with nodes() as make:
            ana: Desk = await make("ana", network=False)
            await ana.create()
            await ana.call(commands.MakePaper())
            mine, paper = await ana.call(commands.ListDevices())
            named = await ana.call(commands.NameDevice(mine.device[:8], "the old laptop"))
            assert (named.device, named.name, named.this) == (mine.device, "the old laptop", True)
            await ana.call(commands.NameDevice(paper.device, "in the safe"))
            await ana.stop()
            await ana.start(network=False)
            listed = await ana.call(commands.ListDevices())
            assert [each.name for each in listed] == ["the old laptop", "in the safe"]
            assert (await ana.call(commands.NameDevice(mine.device))).name == ""
            assert (await ana.call(commands.RemoveDevice(paper.device[:8]))).name == "in the safe"
            assert len(await ana.call(commands.ListDevices())) == 1
            with pytest.raises(NotFound):
                await ana.call(commands.NameDevice("ffff" * 16, "nobody's"))

    asyncio.run(story())


def test_names_are_given_from_the_command_line() -> None:
    async def story() -> None:
        async with nodes() as make:
            ana, bo, boa = [await make(name) for name in ("ana", "bo", "boa")]
            await ana.create()
            for each in (bo, boa):
                await each.join(ana)
            members = [bo.team.workspace.me, boa.team.workspace.me]
            await ana.until(lambda: [*map(ana.team.workspace.nick, members)] == ["bo", "boa"])
            await ana.stop()
            home = ("--home", str(ana.home))

            async def ran(*arguments: str) -> Result:
                return await asyncio.to_thread(CliRunner().invoke, clowder, [*home, *arguments])

            # A petname is told apart from the nick of another, and that one is told of.
            named = await ran("name", "bo", "Boa")
            assert named.exit_code == 0, named.output
            assert "Boa* (bo)  member" in named.stdout
            suffixed = f"boa~{members[1].hex()[:4]}"
            assert named.stderr == f"boa is shown as {suffixed} now.\n"
            listed = (await ran("members")).stdout
            assert f"{suffixed}  member" in listed
            assert "Boa* (bo)" in listed
            records = map(json.loads, (await ran("--json", "members")).stdout.splitlines())
            known = {each["nick"]: (each["shown"], each["petname"]) for each in records}
            assert known == {"ana": ("", ""), "bo": ("Boa*", "Boa"), "boa": (suffixed, "")}
            cleared = await ran("name", "Boa", "--clear")
            assert (cleared.stderr, "○ bo  member" in cleared.stdout) == (
                f"{suffixed} is shown as boa now.\n",
                True,
            )
            for arguments in (("bo",), ("bo", "x", "--clear"), ("ana", "me")):
                assert (await ran("name", *arguments)).exit_code == 2
            assert (await ran("name", "nobody", "x")).exit_code == 3
            # One's own nick is for everybody.
            assert (await ran("nick")).stdout == "ana\n"
            assert (await ran("nick", "  Ana of sales ")).stdout == "Ana of sales\n"
            (told,) = map(json.loads, (await ran("--json", "nick")).stdout.splitlines())
            assert (told["kind"], told["nick"], told["me"]) == ("member", "Ana of sales", True)
            for refused in (" ", "a\nb", "x" * 65, "\u200b"):
                assert (await ran("nick", refused)).exit_code == 2
            assert (await ran("nick")).stdout == "Ana of sales\n"
            device = (await ran("device", "list")).stdout.split()[0]
            renamed = await ran("device", "rename", device, "old laptop")
            assert renamed.stdout == f"{device}  this one  old laptop\n"
            assert (await ran("device", "rename", device)).exit_code == 2

    asyncio.run(story())
