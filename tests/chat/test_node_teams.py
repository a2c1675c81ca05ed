"""Stories of whole nodes over real sockets: coming in, closing, disks, and who may say what."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from chat import commands, effects, events, model
from chat.blocks import messages as block_messages
from chat.engine import ephemeral
from chat.errors import ChatError, NotFound, StoreError, TrustError, Unavailable, UsageError
from chat.links import LinkHandle
from tests.chat.node_team import LOOK_AGAIN_SECONDS, Desk, nodes
from transport.proto.hints import LinkSecret

Make = Callable[..., Awaitable[Desk]]
Told = TypeVar("Told", bound=events.Event)


def played(story: Callable[[Make], Awaitable[None]]) -> None:
    async def main() -> None:
        async with nodes() as make:
            await story(make)

    asyncio.run(main())


async def pair(make: Make) -> tuple[Desk, Desk]:
    """A founder and a member, linked."""
    ana = await make("ana")
    await ana.create()
    bo = await make("bo")
    assert (await bo.join(ana)).phase == "live"
    return ana, bo


# Beginning and ending -------------------------------------------------------------------------


def test_two_nodes_talk_and_go_on_after_a_restart() -> None:
    async def story(make: Make) -> None:
        ana, bo = await pair(make)
        posted = await ana.post("hello")
        await bo.until(lambda: bo.texts() == ["hello"])
        await ana.call(commands.WaitReached(posted.id, 1, 20.0))
        await bo.stop()
        await ana.post("while bo is away")
        await bo.start(ana.url)
        await bo.until(lambda: bo.texts() == ["hello", "while bo is away"])
        assert events.MessageChanged in {type(event) for event in bo.heard}

    played(story)


def test_who_is_taken_out_of_a_channel_is_told_that_it_is_gone() -> None:
    async def story(make: Make) -> None:
        ana, bo = await pair(make)
        made: model.Channel = await ana.call(commands.CreateChannel("plans", members=("bo",)))
        await bo.until(lambda: made.id in [c.channel.id for c in told(bo, events.ChannelChanged)])
        await ana.call(commands.KickFromChannel("plans", "bo"))
        await bo.until(lambda: told(bo, events.ChannelGone) == [events.ChannelGone(made.id)])
        await ana.call(commands.LeaveChannel("plans"))
        await ana.until(lambda: told(ana, events.ChannelGone) == [events.ChannelGone(made.id)])

    played(story)


def told(desk: Desk, kind: type[Told]) -> list[Told]:
    """The events of one kind that a node told."""
    return [event for event in desk.heard if isinstance(event, kind)]


def test_an_edit_that_changes_nothing_is_none() -> None:
    async def story(make: Make) -> None:
        ana = await make("ana", network=False)
        await ana.create()
        posted = await ana.post("hello")
        same: model.Message = await ana.call(commands.Edit(posted.id, "hello"))
        assert not same.edited
        other: model.Message = await ana.call(commands.Edit(posted.id, "hello you"))
        assert (other.edited, other.text) == (True, "hello you")

    played(story)


def test_who_joined_by_an_address_finds_it_again_without_discovery() -> None:
    async def story(make: Make) -> None:
        ana, bo = await pair(make)
        await bo.stop()
        await bo.start()
        await bo.until(lambda: bo.linked() == ana.linked() == 1)

    played(story)


def test_the_channel_that_is_looked_at_is_fetched_before_the_others() -> None:
    async def story(make: Make) -> None:
        ana = await make("ana")
        await ana.create()
        await ana.call(commands.CreateChannel("treats"))
        team = ana.team
        for name in ("treats", "general"):
            await ana.history(name)
            looked_at = team.engine.replicator._fetch.open_channel
            assert looked_at == team.workspace.find_channel(name)
        await ana.call(commands.History("treats", before="f" * 48))
        assert team.engine.replicator._fetch.open_channel == looked_at, "that is scrolling"

    played(story)


def test_a_profile_has_one_workspace_whatever_is_asked_at_once() -> None:
    async def story(make: Make) -> None:
        ana = await make("ana", network=False)
        asked = [ana.create(), ana.create(), ana.call(commands.Create("Dogs", "ana"))]
        ended = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(each) for each in ended] == [model.Status, UsageError, UsageError]
        assert await ana.history() == []
        with pytest.raises(UsageError):
            await ana.call(commands.Join("clowder:aaaa", "ana"))

    played(story)


def test_joining_twice_at_once_is_joining() -> None:
    async def story(make: Make) -> None:
        ana, bo = await make("ana"), await make("bo")
        await ana.create()
        link = await ana.invite()
        join = commands.Join(link, "bo", wait=20.0)
        both = await asyncio.gather(bo.call(join), bo.call(join))
        assert [status.phase for status in both] == ["live", "live"]
        assert len(await ana.call(commands.ListMembers())) == 2

    played(story)


def test_a_refused_join_leaves_nothing_in_the_way_of_the_next() -> None:
    async def story(make: Make) -> None:
        ana, bo, cid = await make("ana"), await make("bo"), await make("cid")
        await ana.create()
        link = await ana.invite()
        assert (await bo.call(commands.Join(link, "bo", wait=20.0))).phase == "live"
        with pytest.raises(TrustError, match="used already"):
            await cid.call(commands.Join(link, "cid", wait=20.0))
        assert (await cid.join(ana)).phase == "live"
        await cid.post("in at last")
        await ana.until(lambda: ana.texts() == ["in at last"])
        await cid.stop()
        await cid.start(ana.url)
        await ana.post("and still")
        await cid.until(lambda: cid.texts() == ["in at last", "and still"])

    played(story)


@pytest.mark.parametrize("relay", [False, True])
def test_a_refusal_stays_one_over_a_restart_and_a_new_invite_is_taken(relay: bool) -> None:
    async def story(make: Make) -> None:
        ana, bo, cid = await make("ana"), await make("bo"), await make("cid")
        await ana.create()
        link = await ana.invite(relay=relay)
        await bo.call(commands.Join(link, "bo", wait=20.0, relay=relay))
        join = commands.Join(link, "cid", wait=20.0, relay=relay)
        for _ in range(2):
            with pytest.raises(TrustError, match="used already"):
                await cid.call(join)
            assert (await cid.call(commands.GetStatus())).phase == "none"
            with pytest.raises(TrustError, match="used already"):
                await cid.post("hello?")
            await cid.stop()
            await cid.start()
            assert (await cid.call(commands.GetStatus())).phase == "none"
        assert (await cid.join(ana, relay=relay)).phase == ("relay" if relay else "live")

    played(story)


def test_a_workspace_can_be_founded_where_a_join_was_refused() -> None:
    async def story(make: Make) -> None:
        ana, bo, cid = await make("ana"), await make("bo"), await make("cid")
        await ana.create()
        link = await ana.invite()
        await bo.call(commands.Join(link, "bo", wait=20.0))
        with pytest.raises(TrustError, match="used already"):
            await cid.call(commands.Join(link, "cid", wait=20.0))
        both = await asyncio.gather(cid.create(), cid.create(), return_exceptions=True)
        assert sorted(type(each).__name__ for each in both) == ["Status", "UsageError"]
        await cid.post("mine alone")
        await cid.stop()
        await cid.start()
        assert cid.texts() == ["mine alone"]
        assert (await bo.call(commands.GetStatus())).phase == "live"
        dan = await make("dan")
        assert (await dan.join(cid)).phase == "live"

    played(story)


def test_a_claim_that_waits_is_in_the_way_of_another() -> None:
    async def story(make: Make) -> None:
        ana, relay, bo = await make("ana"), await make("relay"), await make("bo")
        await ana.create()
        await relay.join(ana, relay=True)
        links = [await ana.invite(), await ana.invite()]
        await relay.until(
            lambda: relay.team.workspace.store.ops() == ana.team.workspace.store.ops()
        )
        await ana.stop()
        await bo.stop()
        await bo.start(relay.url)
        await bo.call(commands.Join(links[0], "bo", wait=0.0))
        await relay.until(lambda: len(relay.team.workspace.store.claims()) == 1)
        with pytest.raises(UsageError, match="waits here"):
            await bo.call(commands.Join(links[1], "bo", wait=0.0))
        assert (await bo.call(commands.GetStatus())).phase == "pending"
        with pytest.raises(NotFound, match="claim waits"):
            await bo.post("hello?")

    played(story)


def test_a_ticket_is_for_a_relay_and_stays_good_when_a_person_tries_it() -> None:
    async def story(make: Make) -> None:
        ana, bo = await make("ana"), await make("bo")
        await ana.create()
        ticket = await ana.invite(relay=True)
        with pytest.raises(TrustError, match="relay's ticket"):
            await bo.call(commands.Join(ticket, "bo", wait=20.0))
        assert (await bo.join(ana)).phase == "live"
        relay = await make("relay")
        status = await relay.call(commands.Join(ticket, wait=20.0, relay=True))
        assert status.phase == "relay"
        with pytest.raises(TrustError, match="This is a relay"):
            await relay.call(commands.History("general"))

    played(story)


def test_a_join_goes_on_over_restarts() -> None:
    async def story(make: Make) -> None:
        ana = await make("ana")
        await ana.create()
        relay = await make("relay")
        await relay.join(ana, relay=True)
        link = await ana.invite()
        await relay.until(
            lambda: relay.team.workspace.store.ops() == ana.team.workspace.store.ops()
        )
        relay_url = relay.url
        await ana.stop()
        bo = await make("bo", relay_url)
        status = await bo.call(commands.Join(link, "bo", wait=0.0))
        assert status.phase == "pending"
        await relay.until(lambda: len(relay.team.workspace.store.claims()) == 1)
        await bo.stop()
        await bo.start(relay_url)
        await ana.start(relay_url)
        await bo.until(lambda: bo.node._parts.status().phase == "live")
        await bo.until(lambda: bo.team.workspace.has_key)
        await bo.post("hello")
        await ana.until(lambda: ana.texts() == ["hello"])

    played(story)


def test_what_was_posted_while_closing_is_either_kept_or_refused() -> None:
    async def story(make: Make) -> None:
        ana = await make("ana", network=False)
        await ana.create()
        acknowledged: list[str] = []
        for turn in range(6):
            texts = [f"{turn} {number}" for number in range(8)]
            posts = [asyncio.ensure_future(ana.post(text)) for text in texts]
            for _ in range(turn):
                await asyncio.sleep(0)
            closing = ana.stop()
            ended = (await asyncio.gather(closing, *posts, return_exceptions=True))[1:]
            assert {type(each) for each in ended} <= {model.Message, Unavailable}
            acknowledged += [each.text for each in ended if isinstance(each, model.Message)]
            await ana.start(network=False)
            assert ana.texts() == acknowledged
        assert acknowledged

    played(story)


def test_whoever_waits_at_the_end_is_told_so() -> None:
    async def story(make: Make) -> None:
        ana = await make("ana", network=False)
        await ana.create()
        posted = await ana.post("hello")
        waiting = asyncio.ensure_future(ana.call(commands.WaitReached(posted.id, 1, 60.0)))
        node = ana.node
        await asyncio.sleep(0)
        await asyncio.gather(node.aclose(), node.aclose())
        with pytest.raises(Unavailable, match=r"stopping\.$"):
            await waiting
        with pytest.raises(Unavailable):
            await node.call(commands.GetStatus())
        assert [event async for event in node.events()] == []

    played(story)


# Disks ----------------------------------------------------------------------------------------


def test_a_full_disk_is_told_and_everything_goes_on_when_there_is_room() -> None:
    async def story(make: Make) -> None:
        ana, bo = await pair(make)
        await ana.post("before")
        await bo.until(lambda: bo.texts() == ["before"])
        store = ana.node._opened.store
        commit, refused = store.commit, 0

        def full() -> None:
            nonlocal refused
            refused += 1
            raise StoreError("The disk is full.")

        store.commit = full  # type: ignore[method-assign]
        posts = [ana.post(f"lost {number}") for number in range(3)]
        ended = await asyncio.gather(*posts, return_exceptions=True)
        assert [type(each) for each in ended] == [StoreError] * 3
        assert ana.texts() == ["before"]
        store.commit = commit  # type: ignore[method-assign]
        await ana.post("after")
        await bo.post("bo goes on")
        await ana.until(lambda: sorted(ana.texts()) == ["after", "before", "bo goes on"])
        await bo.until(lambda: bo.texts() == ana.texts())
        assert events.Warned("The disk is full.") in ana.heard
        cid = await make("cid")
        assert (await cid.join(ana)).phase == "live"  # Also the doorman knows the new team.

    played(story)


def test_a_disk_that_is_gone_for_a_while_stops_nothing_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story(make: Make) -> None:
        ana = await make("ana", network=False)
        await ana.create()
        await ana.post("before")
        database = ana.node._opened.store._database

        def gone(*_: object) -> Any:
            raise StoreError("The disk is gone.")

        with monkeypatch.context() as patched:
            for name in ("read", "one", "write", "write_many", "commit", "rollback"):
                patched.setattr(database, name, gone)
            for _ in range(3):
                with pytest.raises(StoreError):
                    await ana.post("lost")
        database.rollback()
        await ana.post("after")
        assert ana.texts() == ["before", "after"]

    played(story)


# Who may say what -----------------------------------------------------------------------------


class Deaf:
    """A lobby that says nothing of its own, so that a test can say anything."""

    def secrets(self) -> list[LinkSecret]:
        return []

    def up(self, handle: LinkHandle) -> None:
        return

    def receive(self, handle: LinkHandle, payload: bytes) -> None:
        return

    def down(self, handle: LinkHandle) -> None:
        return


async def stranger(make: Make, ana: Desk, secret: LinkSecret | None = None) -> LinkHandle:
    """A link to ana of a device that knows the workspace's key and is in no roster."""
    eve = await make("eve")
    await eve.create()  # A workspace of her own, whose node dials with ana's key.
    eve.meeting._lobby = Deaf()
    ours = secret or ana.meeting.secrets()[0]
    return await eve.meeting.links.dial_once(ana.url, ours)


def test_a_stranger_with_the_workspaces_key_sends_neither_blocks_nor_cursors() -> None:
    async def story(make: Make) -> None:
        ana = await make("ana")
        await ana.create()
        handle = await stranger(make, ana)
        await ana.until(lambda: ana.linked() == 1)
        general = ana.team.workspace.find_channel("general")
        typing = ephemeral.encode(ephemeral.Writing(general))
        handle.send(effects.KIND_EPHEMERAL, 0, typing)
        handle.send(effects.KIND_BLOCKS, 0, b"garbage that would cost a member the link")
        handle.send(effects.KIND_LOBBY, 0, b"garbage that would cost a newcomer the link")
        handle.send(9, 0, b"a kind of the future")
        handle.send(effects.KIND_SYNC, 0, b"\xff")  # The last of them is read, and is a fault.
        await ana.until(lambda: ana.linked() == 0)
        assert not any(isinstance(event, events.TypingShown) for event in ana.heard)
        assert ana.node._parts.team is not None
        await ana.post("unharmed")

    played(story)


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (effects.KIND_SYNC, b""),
        (effects.KIND_SYNC, b"\xc1" * 100),
        (effects.KIND_BLOCKS, b"\xc1" * 100),
        (effects.KIND_EPHEMERAL, b"\x92\x01\xc4\x01x"),
        (effects.KIND_EPHEMERAL, b"\xc1"),
    ],
    ids=["nothing", "no sync", "no blocks", "no channel", "no cursor"],
)
def test_bad_bytes_of_a_member_cost_that_link_and_nothing_else(kind: int, payload: bytes) -> None:
    async def story(make: Make) -> None:
        ana, bo = await pair(make)
        cid = await make("cid")
        await cid.join(ana)
        await ana.until(lambda: ana.linked() == 2)
        bad = next(h for h in bo.meeting.links.handles if h.device == ana.team.workspace.device)
        ended = bad.link.closed
        bad.send(kind, 0, payload)
        async with asyncio.timeout(20):
            await asyncio.shield(ended)
        await ana.post("unharmed")
        await cid.until(lambda: cid.texts() == ["unharmed"])

    played(story)


def test_the_lobby_takes_lobby_messages_only_and_no_other_key_opens_anything() -> None:
    async def story(make: Make) -> None:
        ana = await make("ana")
        await ana.create()
        await ana.invite()
        door = ana.meeting.secrets()[1]
        handle = await stranger(make, ana, door)
        general = ana.team.workspace.find_channel("general")
        handle.send(effects.KIND_SYNC, 0, b"\xff")
        handle.send(effects.KIND_EPHEMERAL, 0, ephemeral.encode(ephemeral.Writing(general)))
        handle.send(effects.KIND_LOBBY, 0, b"\xff")
        async with asyncio.timeout(20):
            end = await asyncio.shield(handle.link.closed)
        assert "lobby" in end.text  # It read past the others, to the one that is its business.
        wrong = LinkSecret(bytes(32), ana.team.identity.workspace, "workspace")
        mallory = await make("mallory")
        await mallory.create()
        with pytest.raises(ChatError, match="No link"):
            await mallory.meeting.links.dial_once(ana.url, wrong)
        await ana.post("unharmed")

    played(story)


def test_writing_and_cursors_are_told_to_members_who_see_the_channel() -> None:
    async def story(make: Make) -> None:
        ana, bo = await pair(make)
        await bo.call(commands.Typing("general"))

        def shown() -> list[events.TypingShown]:
            return [event for event in ana.heard if isinstance(event, events.TypingShown)]

        await ana.until(shown)
        assert (shown()[0].channel, shown()[0].author.nick) == ("general", "bo")
        await bo.call(commands.CreateChannel("plans", "private", ()))
        with pytest.raises(NotFound):
            await bo.call(commands.Typing("nowhere"))

    played(story)


# Notes ----------------------------------------------------------------------------------------


def test_two_edit_the_notes_at_once_and_see_each_others_cursors() -> None:
    async def story(make: Make) -> None:
        ana, bo = await pair(make)
        await ana.call(commands.SetNotes("general", "one\ntwo\n"))

        async def read(desk: Desk) -> model.Notes:
            notes: model.Notes = await desk.call(commands.GetNotes("general"))
            return notes

        async def until(desk: Desk, holds: Callable[[model.Notes], bool]) -> model.Notes:
            for _ in range(1_000):
                notes = await read(desk)
                if holds(notes):
                    return notes
                await asyncio.sleep(LOOK_AGAIN_SECONDS)
            raise AssertionError(f"{desk.name} still reads {notes}")

        shared = await until(bo, lambda notes: notes.text == "one\ntwo\n")
        mine = await read(ana)
        await asyncio.gather(
            ana.call(commands.SpliceNotes("general", ((0, 0, "zero\n"),), mine.version)),
            bo.call(commands.SpliceNotes("general", ((8, 0, "three\n"),), shared.version)),
        )
        whole = "zero\none\ntwo\nthree\n"
        await until(ana, lambda notes: notes.text == whole)
        await until(bo, lambda notes: notes.text == whole)
        for index in range(6):  # A burst of cursors is one place in the end.
            await bo.call(commands.MoveCursor("general", index))
        notes = await until(ana, lambda n: [c.index for c in n.cursors] == [5])
        assert notes.cursors[0].author.nick == "bo"
        await bo.call(commands.MoveCursor("general", None))
        await until(ana, lambda n: not n.cursors)

        notebook = ana.node._parts.notebook
        assert notebook is not None
        pid = notebook._host.worker_pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await ana.post("the chat goes on")
        await until(ana, lambda n: n.text == whole)
        with pytest.raises(UsageError, match="4 MiB"):
            await ana.call(commands.SetNotes("general", "x" * (4 * 1024 * 1024 + 1)))

    played(story)


def test_cursors_that_come_in_a_flood_are_taken_in_by_one_task() -> None:
    async def story(make: Make) -> None:
        ana, bo = await pair(make)
        await ana.call(commands.SetNotes("general", "text"))
        notebook = ana.node._parts.notebook
        assert notebook is not None
        general = ana.team.workspace.find_channel("general")
        for number in range(500):
            place = ephemeral.CursorAt(general, bytes([number % 256]) * 8)
            notebook.cursor_moved(bo.team.workspace.me, place)
        assert len(notebook._following) == 1
        assert (await ana.call(commands.GetNotes("general"))).cursors == ()

    played(story)


# Odd requests ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        commands.History("general", before="f" * 48),
        commands.History("general", after="-" + "0" * 47),
        commands.History("general", limit=-(2**62)),
        commands.History("general", limit=2**62),
        commands.Search("x", limit=2**62),
        commands.Search("\udcff\x00\"'*", limit=-1),
        commands.MakeInvite(expires_ms=2**62),
        commands.MakeInvite(expires_ms=-1),
        commands.Post("\udcff", "x"),
        commands.Post("general", "\udcff"),
        commands.CreateChannel("\udcff x"),
        commands.CreateChannel("a" * 65),
        commands.CreateChannel("plans", members=("nobody",)),
        commands.SetTopic("general", "\udcff\x1b" * 600),
        commands.SetProfile("\udcff", "\udcff"),
        commands.React("beef", "\udcff"),
        commands.MarkRead("general", "zz"),
        commands.Get("bafy"),
        commands.Put("general", "/nowhere/\udcff"),
        commands.SpliceNotes("general", ((-5, 2**40, "\udcff"),), -1),
        commands.MoveCursor("general", -(2**40)),
        commands.WaitReached("beef", -1, -1.0),
        commands.Dial("\udcff"),
        commands.Join("x" * 10_000, "y"),
        commands.Create("x" * 300, ""),
    ],
    ids=lambda command: type(command).__name__,
)
def test_any_command_gives_its_reply_or_a_sentence(command: commands.Command) -> None:
    async def story(make: Make) -> None:
        ana = await make("ana", network=False)
        await ana.create()
        try:
            await ana.call(command)
        except ChatError as refused:
            sentence = str(refused)
        else:
            sentence = "."
        assert sentence.endswith((".", "`"))
        await ana.post("unharmed")

    played(story)


def test_a_block_message_is_what_members_may_send() -> None:
    """The other side of the story above: what a stranger may not, a member may."""

    async def story(make: Make) -> None:
        ana, bo = await pair(make)
        await ana.until(lambda: bool(ana.meeting._shares))
        await bo.until(lambda: bool(bo.meeting._shares))
        before = bo.meeting.links.handles[0].kind_bytes_in[effects.KIND_BLOCKS]
        wanted = block_messages.encode(block_messages.Cancel(bytes(36), (0,)))
        bo.meeting.send_block(ana.team.workspace.device, 0, wanted)
        await ana.post("still linked")
        await bo.until(lambda: bo.texts() == ["still linked"])
        assert bo.linked() == 1
        assert bo.meeting.links.handles[0].kind_bytes_in[effects.KIND_BLOCKS] >= before

    played(story)


def test_files_are_shared_by_those_who_are_here_after_a_newcomer_has_left(tmp_path: Path) -> None:
    """A newcomer's link at the door was taken for one on which files pass, and never let go."""
    path = tmp_path / "notes.txt"
    path.write_text("buy cat food")

    async def story(make: Make) -> None:
        ana, bo = await pair(make)
        await bo.stop()
        await ana.until(lambda: not ana.linked())
        await ana.call(commands.Put("general", str(path)))
        listed = await ana.call(commands.ListFiles("general"))
        assert [known.name for known in listed] == ["notes.txt"]

    played(story)
