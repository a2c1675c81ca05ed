"""One face before two workspaces: going from one to the other, and what waits in the one behind."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from textual.widgets import Input

from chat import commands
from chat.errors import ChatError, TrustError
from chat.events import Warned, WorkspacesChanged
from tests.tui.face import Face, story, until
from tests.tui.fake_session import FakeSession
from tui.app import ClowderApp
from tui.config import UiConfig
from tui.screens.adding import AddScreen
from tui.screens.welcome import WelcomeScreen
from tui.screens.workspace import WorkspaceScreen
from tui.screens.workspaces import WorkspacePicker


def team(name: str, workspace: str, me: str, other: str) -> FakeSession:
    """A workspace of two, with a second channel."""
    session = FakeSession()
    session.add_member(me, 0, me=True, online=True)
    session.add_member(other, online=True)
    session.add_channel("general")
    session.add_channel("plans")
    session.change_status(
        phase="live", workspace=workspace * 32, name=name, nick=me, member=session.me.member
    )
    return session


class Profile:
    """The workspaces of a profile; asked for one more, the sessions make it, as nodes do."""

    def __init__(self, *sessions: FakeSession) -> None:
        self.sessions: list[FakeSession] = [*sessions[:1]]
        self._there = [*sessions]
        self.refuses = ""
        for session in sessions:
            self._take(session)

    def _take(self, session: FakeSession) -> None:
        answer = session.call

        async def call(command: commands.Command) -> Any:
            adds = isinstance(command, commands.Create | commands.Join)
            if not adds or session.status.phase == "none" or type(command) in session.failures:
                return await answer(command)
            session.asked.append(command)
            return await self.add(command)

        session.call = call  # type: ignore[method-assign]

    async def add(self, command: commands.Command) -> Any:
        made = FakeSession()
        made.admit_at_once = False
        status = await made.call(command)
        self._take(made)
        self._there.append(made)
        for session in self._there:
            session.emit(WorkspacesChanged())
        return status

    async def look(self) -> None:
        self.sessions = [*self._there]
        if self.refuses:
            refused, self.refuses = self.refuses, ""
            raise ChatError(refused)


@asynccontextmanager
async def open_both(
    cats: FakeSession, dogs: FakeSession, size: tuple[int, int] = (100, 30)
) -> AsyncIterator[Face]:
    app = ClowderApp(cats, UiConfig(), workspaces=Profile(cats, dogs))
    async with app.run_test(size=size, notifications=True) as pilot:
        face = Face(app, pilot, cats)
        await until(pilot, lambda: len(app.seats) == 2 and app.seats[1].name == "Dogs")
        await face.until(lambda: face.workspace.reading.channel is not None)
        yield face


def both() -> tuple[FakeSession, FakeSession]:
    return team("Cats", "ca", "ana", "cat"), team("Dogs", "d0", "anna", "dog")


def title(face: Face) -> str:
    return face.app._titled


@story
async def test_what_waits_in_the_other_one_is_seen_from_here() -> None:
    cats, dogs = both()
    async with open_both(cats, dogs) as face:
        dogs.say("general", "dog", "secret of the dogs")
        dogs.say("plans", "dog", "@anna come", mentions_me=True)
        await face.shows("@1 2 in Dogs")
        assert "+2 elsewhere" in title(face)
        assert "secret of the dogs" not in face.text
        assert dogs.channels["general"].unread == 1, "nobody has read it"
        assert not [each for each in dogs.asked if isinstance(each, commands.MarkRead)]
        # A channel that may ring for nothing waits for nobody.
        await dogs.call(commands.SetAlerts("general", "off"))
        await face.shows("@1 1 in Dogs")


@story
async def test_going_there_shows_that_one_and_writes_to_it_alone() -> None:
    cats, dogs = both()
    cats.say("general", "cat", "hello cats")
    dogs.say("general", "dog", "hello dogs")
    async with open_both(cats, dogs) as face:
        await face.shows("hello cats")
        await face.press("alt+w")
        await face.until(lambda: isinstance(face.app.screen, WorkspacePicker))
        await face.press("enter")  # The one that is not here is the first.
        await face.shows("hello dogs")
        assert "hello cats" not in face.text
        await face.until(lambda: dogs.channels["general"].unread == 0)
        await face.say("to the dogs")
        await face.until(lambda: dogs.timelines["general"][-1].text == "to the dogs")
        assert [message.text for message in cats.timelines["general"]] == ["hello cats"]
        cats.say("general", "cat", "another")
        await face.shows("1 in Cats")
        await face.say("/workspace cats")
        await face.shows("another")
        assert "to the dogs" not in face.text


@story
async def test_each_keeps_its_channel_and_what_was_being_written() -> None:
    cats, dogs = both()
    async with open_both(cats, dogs) as face:
        await face.say("/join plans")
        await face.until(lambda: face.workspace.channel_name == "plans")
        await face.fill("half a thought")
        face.app.move("Dogs")
        await face.until(lambda: face.app.world.status.name == "Dogs")
        await face.until(lambda: face.app.screen is face.workspace)
        assert face.workspace.box.composer.text == ""
        assert cats.private.drafts, "it is kept before the screen goes"
        face.app.move("Cats")
        await face.shows("half a thought")
        assert face.workspace.channel_name == "plans"


@story
async def test_what_calls_from_behind_says_from_where() -> None:
    cats, dogs = both()
    async with open_both(cats, dogs) as face:
        rung: list[tuple[str, str]] = []
        face.app.ring = lambda title, text: rung.append((title, text))  # type: ignore[method-assign]
        dogs.say("general", "dog", "@anna come", mentions_me=True)
        dogs.say("general", "dog", "or not")
        await face.shows("@1 2 in Dogs")
        assert rung == [("dog in #general, Dogs", "@anna come")]


@story
async def test_a_warning_from_behind_is_shown_once() -> None:
    cats, dogs = both()
    async with open_both(cats, dogs) as face:
        said: list[str] = []
        face.app.notify = lambda text, **_: said.append(text)  # type: ignore[method-assign]
        dogs.emit(Warned("The clock is wrong."))
        await face.until(lambda: said)
        cats.emit(Warned("The window closed."))
        await face.until(lambda: len(said) == 2)
        dogs.emit(Warned("The window closed."))
        dogs.say("general", "dog", "later")
        await face.shows("1 in Dogs")
        assert said == ["Dogs: The clock is wrong.", "The window closed."]


@story
async def test_one_more_is_made_or_waited_for() -> None:
    cats, dogs = both()
    async with open_both(cats, dogs) as face:
        await face.say("/workspace")
        await face.until(lambda: isinstance(face.app.screen, WorkspacePicker))
        await face.fill("invite")
        await face.press("enter")
        await face.until(lambda: isinstance(face.app.screen, AddScreen))
        await face.fill("bad invite that has no twelve words")
        await face.press("enter")
        face.app.screen.query_one("#nick", Input).value = "ana"
        await face.press("enter")
        await face.shows("12 words")
        first = face.app.screen.query_one("#first", Input)
        first.value = "clowder:abcdefghijklmnop"
        await face.press("enter")
        await face.until(lambda: type(face.app.screen) is WelcomeScreen)
        await face.shows("Asking to be let in", "Alt+W")
        assert face.app.world.status.phase == "pending"
        assert len(face.app.seats) == 3
        # Whoever waits there can go back, and hears when they are in.
        await face.press("alt+w")
        await face.until(lambda: isinstance(face.app.screen, WorkspacePicker))
        await face.fill("Cats")
        await face.press("enter")
        await face.until(lambda: isinstance(face.app.screen, WorkspaceScreen))
        waiting = face.app.seats[2].session
        assert isinstance(waiting, FakeSession)
        waiting.add_channel("general")
        waiting.change_status(phase="live", workspace="0" * 64, name="Owls")
        await face.until(lambda: face.app.seats[2].name == "Owls")
        face.app.move("owls")
        await face.until(lambda: face.app.world.status.name == "Owls")
        await face.until(lambda: isinstance(face.app.screen, WorkspaceScreen))


@story
async def test_what_is_refused_is_said_and_leaves_everything() -> None:
    cats, dogs = both()
    async with open_both(cats, dogs) as face:
        cats.failures[commands.Create] = TrustError("There are too many.")
        await face.press("alt+w")
        await face.until(lambda: isinstance(face.app.screen, WorkspacePicker))
        await face.fill("Make")
        await face.press("enter")
        await face.until(lambda: isinstance(face.app.screen, AddScreen))
        await face.fill("Owls")
        await face.press("enter")
        await face.fill("owl")
        await face.press("enter")
        await face.shows("There are too many.")
        assert cats.asked[-1] == commands.Create("Owls", "owl")
        await face.press("escape")
        await face.until(lambda: isinstance(face.app.screen, WorkspaceScreen))
        await face.say("/workspace mice")
        await face.shows("There is no workspace mice here")
        assert (face.app.world.status.name, len(face.app.seats)) == ("Cats", 2)


@story
async def test_one_that_ends_behind_is_no_longer_offered() -> None:
    cats, dogs = both()
    async with open_both(cats, dogs) as face:
        dogs.say("general", "dog", "hello")
        await face.shows("1 in Dogs")
        dogs.emit(None)
        await face.until(lambda: len(face.app.seats) == 1)
        await face.until(lambda: "in Dogs" not in face.text)
        assert face.app.is_running


@story
async def test_one_that_cannot_be_opened_is_told_of() -> None:
    cats, dogs = both()
    profile = Profile(cats, dogs)
    profile.refuses = "The database of Mice is damaged."
    app = ClowderApp(cats, UiConfig(), workspaces=profile)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        face = Face(app, pilot, cats)
        await face.shows("Mice is damaged")
        assert len(app.seats) == 2


@story
async def test_a_face_of_one_workspace_looks_as_ever() -> None:
    cats, _ = both()
    app = ClowderApp(cats, UiConfig(), workspaces=Profile(cats))
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        face = Face(app, pilot, cats)
        await face.shows("Cats")
        assert "elsewhere" not in title(face)
        await face.press("alt+w")
        await face.shows("Make a new workspace", "here")


@story
async def test_a_workspace_that_was_left_and_joined_again_is_offered_once() -> None:
    again, left = team("Cats", "ca", "ana", "cat"), team("Dogs", "ca", "anna", "dog")
    left.change_status(phase="removed")
    left.say("general", "dog", "what waits there waits for nobody")
    async with open_both(again, left) as face:
        await face.press("alt+w")
        await face.until(lambda: isinstance(face.app.screen, WorkspacePicker))
        await face.shows("Cats", "here")
        assert "Dogs" not in face.text
        left.change_status(phase="live")
        await face.press("escape", "alt+w")
        await face.shows("Dogs")
