"""Somebody in the same room: the dialog on both sides, and the ways that lead to it."""

import pytest
from textual.widgets import Input, OptionList

from chat import commands
from chat.errors import NoPeer, TrustError
from tests.tui.face import Face, open_face, story
from tests.tui.fake_session import FakeSession
from tests.tui.lively import lively
from tests.tui.test_several_workspaces import Profile, team
from tui.screens.nearby import NearbyScreen, left, spaced
from tui.screens.workspace import WorkspaceScreen

INVITE = "clowder:aeaacaqdaqcqmbyibefawdanbyhwgyluonzg633nbxcs5pi"


async def offer(face: Face, *, copied: bool = False) -> None:
    """From the composer to the label."""
    await face.say("/invite")
    await face.shows("Works once", "somebody in this room")
    if copied:
        await face.press("c")
    await face.press("n")
    await face.shows("Invite somebody in this room", "ocean-tiger")


@story
async def test_ana_shows_a_label_compares_and_goes_on() -> None:
    async with open_face(lively()) as face:
        await offer(face)
        (revoked,) = face.asked(commands.RevokeInvite)
        assert revoked.invite == "cd" * 16, "nobody has seen the link that stood there"
        await face.press("y", "n", "enter")
        assert face.asked(commands.CompareNearby) == [], "there is nothing to compare yet"
        face.world.change_nearby(state="code", code="048153")
        await face.shows("0 4 8   1 5 3", "whom you invite")
        await face.press("enter")
        assert face.asked(commands.CompareNearby) == [], "Enter is no answer"
        await face.press("y")
        await face.shows("Waiting for the other side")
        assert face.asked(commands.CompareNearby) == [commands.CompareNearby(True)]
        face.world.change_nearby(state="done", invite="ab" * 16)
        await face.shows("come in now")
        assert isinstance(face.app.screen, WorkspaceScreen)
        assert face.asked(commands.EndNearby) == []


@story
async def test_what_was_copied_is_not_taken_back() -> None:
    async with open_face(lively()) as face:
        await offer(face, copied=True)
        assert face.asked(commands.RevokeInvite) == []


@story
async def test_no_is_told_and_it_begins_anew_or_is_left() -> None:
    async with open_face(lively()) as face:
        await offer(face)
        face.world.change_nearby(state="code", code="048153")
        await face.shows("0 4 8")
        await face.press("n")
        await face.shows("The codes differ.", "Enter begins anew")
        assert face.asked(commands.CompareNearby) == [commands.CompareNearby(False)]
        await face.press("enter")
        await face.until(lambda: len(face.asked(commands.OfferNearby)) == 2)
        await face.shows("ocean-tiger")
        await face.press("escape")
        await face.until(lambda: face.asked(commands.EndNearby))
        assert isinstance(face.app.screen, WorkspaceScreen)


@story
async def test_a_line_leads_there_without_an_invite_before() -> None:
    async with open_face(lively()) as face:
        await face.say("/invite Nearby")
        await face.shows("Invite somebody in this room", "ocean-tiger")
        assert face.asked(commands.MakeInvite) == []
        await face.press("escape")
        await face.say("/invite bo")
        await face.shows("/invite nearby for somebody in this room")
        assert face.asked(commands.MakeInvite) == []


@story
async def test_one_more_workspace_comes_from_somebody_in_the_room() -> None:
    cats = team("Cats", "ca", "ana", "cat")
    async with open_face(cats, workspaces=Profile(cats)) as face:
        await face.until(lambda: face.workspace.reading.channel is not None)
        await face.press("alt+w")
        await face.shows("Join somebody in this room…")
        await face.press("down", "down", "down", "enter")
        await face.shows("Your name")
        await face.fill("bo")
        await face.press("enter")
        await face.shows("Looking for a label")
        cats.change_nearby(labels=("zoo-zoo",))
        await face.shows("zoo-zoo")
        await face.press("enter")
        await face.shows("0 4 8   1 5 3")
        await face.press("y")
        cats.change_nearby(state="done", link=INVITE)
        await face.until(lambda: commands.Join(INVITE, "bo") in cats.asked)
        await face.shows("Asking to be let in to cats as bo")
        # The same by a line.
        face.app.move("Cats")
        await face.until(lambda: face.app.world.status.name == "Cats")
        workers = face.app.workers
        await face.until(lambda: not any(w.group == "work" and w.is_running for w in workers))
        face.app.move("nearby")
        await face.shows("looks for labels in this room")


@story
async def test_a_relays_ticket_is_for_nobody_in_the_room() -> None:
    async with open_face(lively()) as face:
        await face.say("/invite relay")
        await face.shows("for a relay")
        assert "somebody in this room" not in face.text
        await face.press("n")
        assert not isinstance(face.app.screen, NearbyScreen)


async def look(face: Face) -> None:
    """From the first screen to the search for labels."""
    await face.shows("Join somebody in this room")
    await face.press("down", "down", "enter")
    await face.shows("Your name")
    assert face.app.focused is face.app.screen.query_one("#nick", Input)
    await face.press("enter")
    await face.shows("Give a name for yourself.")
    await face.fill("bo")
    await face.press("enter")
    await face.shows("Looking for a label")


@pytest.mark.parametrize("size", [(100, 30), (40, 15)])
def test_bo_picks_a_label_at_the_first_start_and_is_in(size: tuple[int, int]) -> None:
    @story
    async def first_run() -> None:
        async with open_face(FakeSession(), size=size) as face:
            await look(face)
            face.world.change_nearby(labels=("ensure-special", "zoo-zoo"))
            await face.shows("ensure-special", "zoo-zoo")
            await face.press("down")
            face.world.change_nearby(labels=("ensure-special", "ocean-tiger", "zoo-zoo"))
            await face.shows("ocean-tiger")
            listing = face.app.screen.query_one(OptionList)
            assert listing.highlighted == 2, "the one that was chosen stays so"
            await face.press("enter")
            assert face.asked(commands.PickNearby) == [commands.PickNearby("zoo-zoo")]
            await face.shows("0 4 8   1 5 3", "not the same, or nobody")
            await face.press("y")
            await face.shows("Waiting for the other side")
            face.world.change_nearby(state="done", link=INVITE)
            await face.until(lambda: face.asked(commands.Join))
            assert face.asked(commands.Join) == [commands.Join(INVITE, "bo")]
            await face.until(lambda: isinstance(face.app.screen, WorkspaceScreen))
            assert INVITE not in face.text

    first_run()


@story
async def test_what_cannot_begin_says_why_and_the_way_back_leads_to_the_three_ways() -> None:
    world = FakeSession()
    world.failures[commands.LookNearby] = NoPeer("Labels are switched off here.")
    async with open_face(world) as face:
        await face.press("down", "down", "enter")
        await face.fill("bo")
        await face.press("enter")
        await face.shows("Labels are switched off here.", "Enter begins anew")
        del world.failures[commands.LookNearby]
        await face.press("enter")
        await face.shows("Looking for a label")
        face.world.change_nearby(warning="Multicast does not work here.")
        await face.shows("Multicast does not work here.")
        world.failures[commands.PickNearby] = TrustError("It was over already.")
        face.world.change_nearby(labels=("zoo-zoo",))
        await face.shows("zoo-zoo")
        await face.press("enter")
        await face.shows("It was over already.")
        await face.press("escape", "escape")
        await face.shows("Make a new workspace")
        # The forms of the other ways have their two lines again.
        await face.press("up", "enter")
        await face.shows("paste the link or the 12 words", "Your name")


def test_digits_and_time_are_read_at_a_glance() -> None:
    from chat.model import Nearby

    assert spaced("048153") == "0 4 8   1 5 3"
    assert left(Nearby(until=61_500), 0) == "1:01 left"
    assert left(Nearby(until=5), 60_000) == "0:00 left"
    assert left(Nearby(), 0) == ""
