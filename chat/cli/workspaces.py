"""`clowder workspaces`, and which of them a command is about.

Their names are in their databases, and nowhere in the open; so each is asked, by the process that
holds it or for a moment by this one. A command that stays (`clowder`, `node`, `web`) holds them
all: the one that was asked for first, then the others, and what is added meanwhile.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import click
import msgspec
from msgspec.structs import replace

from chat import commands, model
from chat.cli.context import GlobalOptions, Invocation, run
from chat.cli.opening import Opening
from chat.control import RemoteSession
from chat.errors import ChatError, NotFound, ProfileInUse, UsageError
from chat.profile import Profile
from chat.profile_workspaces import discard, workspaces_of
from chat.session import Session, is_superseded

ID_DIGITS_MIN = 4
"""Of a workspace's id, to name it by; less is rather the beginning of a name."""


class Known(NamedTuple):
    """A workspace of the profile, with its state."""

    profile: Profile
    status: model.Status

    @property
    def shown(self) -> str:
        """Its name and the beginning of its id."""
        return f"{self.status.name or '(waiting)'} {self.status.workspace[:8]}".rstrip()


async def _each(invocation: Invocation) -> AsyncIterator[tuple[Known, Session]]:
    """Those that this profile is in, or waits for, with a session each; the first one first."""
    opening = invocation.opening(network=False, listening=False)
    for profile in workspaces_of(invocation.main):
        session = await opening.session(profile)
        async with aclosing(session):
            status: model.Status = await session.call(commands.GetStatus())
            if status.phase != "none":
                yield Known(profile, status), session


def choice(known: Sequence[Known], wanted: str) -> Known:
    """The one that is meant by a name, by an id or its beginning, or by its folder.

    Raises:
        NotFound: none. UsageError: several.
    """
    by_name = [each for each in known if each.status.name == wanted]
    by_case = [each for each in known if each.status.name.casefold() == wanted.casefold()]
    by_path = [each for each in known if str(each.profile.home) == wanted]
    if by_path:
        return by_path[0]
    digits = wanted.lower() if len(wanted) >= ID_DIGITS_MIN else "-"
    by_id = [each for each in known if each.status.workspace.startswith(digits)]
    found = by_name or by_case or by_id
    # Who was removed and came in again has both, and means the one where they are.
    found = [each for each in found if not _is_superseded(each, known)]
    if len(found) == 1:
        return found[0]
    if found:
        all_of = ", ".join(each.shown for each in found)
        raise UsageError(f"“{wanted}” may be each of {all_of}. Give the beginning of an id.")
    there = ", ".join(each.shown for each in known) or "none"
    raise NotFound(f"There is no workspace “{wanted}” in this profile. Workspaces: {there}.")


def _is_superseded(one: Known, known: Sequence[Known]) -> bool:
    """Whether this profile left it and is in another one of the same id."""
    return is_superseded(one.status, (each.status for each in known))


async def names_of(invocation: Invocation) -> list[str]:
    """By which the workspaces can be named. Raises ChatError."""
    return list(dict.fromkeys([known.status.name async for known, _ in _each(invocation)]))


async def choose(invocation: Invocation, wanted: str) -> Profile:
    """The workspace that is meant. Raises ChatError."""
    return choice([known async for known, _ in _each(invocation)], wanted).profile


async def in_force(opening: Opening, profile: Profile, session: Session) -> tuple[Profile, Session]:
    """A workspace and its session, or the one that this profile joined after leaving it.

    Raises:
        ChatError: one of them cannot be asked.
    """
    others = [other for other in workspaces_of(opening.main) if other.home != profile.home]
    if not others:
        return profile, session
    status: model.Status = await session.call(commands.GetStatus())
    for other in others if status.phase == "removed" else ():
        found = await opening.lasting(other)
        if is_superseded(status, [await found.call(commands.GetStatus())]):
            await session.aclose()
            return other, found
        await found.aclose()
    return profile, session


class Everywhere:
    """The workspaces of a profile, each by a session that lasts (`chat.session.Workspaces`)."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._sessions: dict[Path, Session] = {}
        self._passed_over: set[Path] = set()
        self._looking = asyncio.Lock()

    @property
    def sessions(self) -> list[Session]:
        """In the order in which they were opened."""
        return list(self._sessions.values())

    async def begin(self, profile: Profile, *, create: bool, own: bool = False) -> Session:
        """Open the one that was asked for, or what was joined after leaving that; with `own` in
        this process or not at all.

        Raises:
            ChatError: it cannot be opened. ProfileInUse: another process holds it.
        """
        if not own:
            session: Session = await self._opening.lasting(profile, create=create)
        else:
            session = await self._opening.session(profile, create=create)
            if isinstance(session, RemoteSession):
                await session.aclose()
                raise ProfileInUse(
                    f"Another Clowder process already holds {profile.home}; its node goes on."
                )
        if profile.is_main:
            profile, session = await in_force(self._opening, profile, session)
        self._sessions[profile.home] = session
        return session

    async def look(self) -> None:
        """Open those that are not open yet; one that cannot be is told of once.

        Raises:
            ChatError: why not; what can be opened is open then.
        """
        refused: list[str] = []
        async with self._looking:
            for profile in workspaces_of(self._opening.main):
                if profile.home not in self._sessions and profile.home not in self._passed_over:
                    try:
                        await self._open(profile)
                    except ChatError as error:
                        self._passed_over.add(profile.home)
                        refused.append(str(error))
        if refused:
            raise ChatError(" ".join(refused))

    async def _open(self, profile: Profile) -> None:
        session = await self._opening.lasting(profile)
        status: model.Status = await session.call(commands.GetStatus())
        if status.phase == "none" and not profile.is_main:
            # Begun and never finished, or refused meanwhile: nothing of it is of use to anybody.
            await session.aclose()
            discard(profile)
        elif is_superseded(
            status, [await each.call(commands.GetStatus()) for each in self.sessions]
        ):
            await session.aclose()
            self._passed_over.add(profile.home)
        else:
            self._sessions[profile.home] = session

    async def aclose(self) -> None:
        """Let go of all of them, and of what was added."""
        try:
            await asyncio.gather(*(session.aclose() for session in self.sessions))
        finally:
            await self._opening.aclose()


@asynccontextmanager
async def everywhere(
    invocation: Invocation, *, create: bool, own: bool = False
) -> AsyncIterator[Everywhere]:
    """The one that is asked for, held to stay; `look` opens the others. Raises ChatError."""
    opened = Everywhere(invocation.opening(network=True, listening=True))
    try:
        await opened.begin(await invocation.profile(), create=create, own=own)
        yield opened
    finally:
        await opened.aclose()


@click.command(cls=GlobalOptions)
@click.option("--all", "every", is_flag=True, help="Also those that you left and joined again.")
def workspaces(every: bool) -> None:
    """List the workspaces of this profile."""

    async def work(invocation: Invocation) -> None:
        found = {
            known: await _overview(known, session) async for known, session in _each(invocation)
        }
        for overview in listed(found, every=every):
            if invocation.output.as_json:
                invocation.output.record("workspace_state", msgspec.structs.asdict(overview))
            else:
                invocation.output.line(workspace_line(overview))

    run(work)


def listed(found: Mapping[Known, "Overview"], *, every: bool) -> "list[Overview]":
    """What is listed, the first marked; with `every` also what was left and joined again."""
    first = next((known for known in found if known.profile.is_main), None)
    if first is not None and _is_superseded(first, tuple(found)):
        first = next(known for known in found if _is_superseded(first, [known]))
    return [
        replace(overview, first=known == first)
        for known, overview in found.items()
        if every or not _is_superseded(known, tuple(found))
    ]


class Overview(msgspec.Struct, frozen=True):
    """What is printed of a workspace; counts are None while it is locked or waits for admission.

    Attributes:
        path: its folder, in which its control socket is.
        first: it is the one that commands are about which name none.
    """

    id: str
    name: str
    phase: str
    nick: str
    members: int | None
    unread: int | None
    mentions: int | None
    path: str
    first: bool = False


async def _overview(known: Known, session: Session) -> Overview:
    status = known.status
    members = unread = mentions = None
    if status.phase in ("live", "removed") and not status.locked:
        channels: list[model.Channel] = await session.call(commands.ListChannels())
        people: list[model.Member] = await session.call(commands.ListMembers())
        members = sum(member.role != "relay" for member in people)
        unread = sum(channel.unread for channel in channels)
        mentions = sum(channel.mentions for channel in channels)
    return Overview(
        status.workspace,
        status.name,
        status.phase,
        status.nick,
        members,
        unread,
        mentions,
        str(known.profile.home),
    )


def workspace_line(overview: Overview) -> str:
    """A workspace for people."""
    mark = "*" if overview.first else " "
    head = f"{mark} {overview.name or '(no name yet)'}  {overview.id[:8] or '-'}  {overview.nick}"
    if overview.members is None:
        what = "locked" if overview.phase == "live" else overview.phase
        return f"{head}  {what}  {overview.path}"
    removed = "  removed" if overview.phase == "removed" else ""
    people = f"{overview.members} member{'' if overview.members == 1 else 's'}"
    mentioned = f", {overview.mentions} mention you" if overview.mentions else ""
    return f"{head}{removed}  {people}  {overview.unread} unread{mentioned}  {overview.path}"


COMMANDS = (workspaces,)
