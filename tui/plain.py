"""The line mode: the workspace as lines that only ever grow, for screen readers and dumb terminals.

Nothing is drawn over, no colours, no escape sequences. The same slash commands as on the screen;
messages are named by the numbers they were shown with. Of several workspaces one is in front, and
`/workspace NAME` goes to another (`tui.plain_desk`).
"""

import asyncio
from collections.abc import AsyncIterator
from typing import TextIO

from chat import commands
from chat.errors import ChatError
from chat.model import Status
from chat.session import Session, Workspaces
from tui import attention, plain_input, plain_lines
from tui.errors import InputError
from tui.inert import inert
from tui.input import first_run
from tui.plain_desk import Desk


class PlainFace:
    """One run of the line mode; `workspaces` tells of others than the first."""

    def __init__(
        self, session: Session, stdout: TextIO, workspaces: Workspaces | None = None
    ) -> None:
        self._session = session
        self._stdout = stdout
        self._workspaces = workspaces
        self._wanted: str | None = None
        self._listening: list[asyncio.Task[None]] = []
        self._desks: list[Desk] = []
        self._desk = self._add(session)

    def _add(self, session: Session) -> Desk:
        desk = Desk(session, self._print, self._want)
        self._desks.append(desk)
        return desk

    def _want(self, name: str) -> None:
        self._wanted = name

    def _print(self, *lines: str) -> None:
        for line in lines:
            self._stdout.write(line + "\n")
        self._stdout.flush()

    async def run(self, lines: AsyncIterator[str]) -> int:
        """Until the input ends or /quit; gives the exit code."""
        desk = self._desk
        try:
            await self._listen_to(desk)
            await desk.read()
            if desk.world.status.phase == "none" and not await self._first_run(lines):
                return 0
            if desk.world.status.phase == "pending":
                self._print("You are not admitted yet; it goes on when you start again.")
                return 0
            await self._look_around()
            await desk.enter()
            async for line in lines:
                await self._desk.line(line)
                if self._desk.left:
                    break
                if self._wanted is not None:
                    await self._move(lines)
            await asyncio.sleep(0)
        except ChatError as error:
            self._print(inert(str(error)))
            return error.exit_code
        finally:
            for desk in self._desks:
                await desk.nearby.leave()
            for task in self._listening:
                task.cancel()
            await asyncio.gather(*self._listening, return_exceptions=True)
        return 0

    async def _listen_to(self, desk: Desk) -> None:
        self._listening.append(asyncio.create_task(desk.listen()))
        # The stream of events is open before anything is read, so nothing falls in between.
        await asyncio.sleep(0)

    # Several workspaces.

    async def _look_around(self) -> None:
        """Take up the profile's other workspaces, and those that were added. Raises ChatError."""
        if self._workspaces is None:
            return
        try:
            await self._workspaces.look()
        except ChatError as error:
            self._print(inert(f"Warning: {error}"))
        known = {id(desk.session) for desk in self._desks}
        for session in self._workspaces.sessions:
            if id(session) not in known:
                desk = self._add(session)
                await self._listen_to(desk)
                await desk.read()

    async def _move(self, lines: AsyncIterator[str]) -> None:
        """Go to the workspace that a line asked for, add one, or list them."""
        wanted, self._wanted = self._wanted or "", None
        try:
            await self._look_around()
            desk = self._named(wanted)
            if not wanted:
                self._list()
            elif desk is None and self._workspaces is not None and wanted.lower() in first_run.WAYS:
                await self._add_one(wanted.lower(), lines)
            else:
                await self._go_to(desk, wanted)
        except ChatError as error:
            self._print(inert(str(error)))

    async def _go_to(self, desk: Desk | None, wanted: str) -> None:
        """Bring a workspace to the front. Raises ChatError."""
        if desk is None:
            self._print(inert(f"There is no workspace {wanted} here. /workspace lists them."))
        elif not desk.is_live:
            self._print(inert(f"You are not admitted to {desk.name} yet."))
        else:
            self._desk.in_front = False
            self._desk = desk
            await desk.enter()

    def _named(self, wanted: str) -> Desk | None:
        """A workspace by its name, or by its number in the list."""
        if wanted.isdecimal() and 0 < int(wanted) <= len(self._desks):
            return self._desks[int(wanted) - 1]
        return next((d for d in self._desks if d.name.casefold() == wanted.casefold()), None)

    def _list(self) -> None:
        for number, desk in enumerate(self._desks, 1):
            mentions, unread = attention.waiting(desk.world.listed, desk.world.private)
            said = plain_lines.waits(mentions, unread) if desk.is_live else ", waits to be let in"
            said = ", here" if desk is self._desk else said
            self._print(inert(f"{number}  {desk.name}{said}"))
        self._print("/workspace NAME goes to one; /workspace new, join and nearby add one.")

    # The first run, and one more workspace.

    async def _first_run(self, lines: AsyncIterator[str]) -> bool:
        """Ask until there is a workspace; False when the input ended."""
        self._print("There is no workspace here yet. Type new to make one, or join to join one.")
        self._print("Type nearby to join somebody in this room, without an invite.")
        async for line in lines:
            way = line.strip().lower()
            if way not in first_run.WAYS:
                self._print("Type new, join or nearby.")
                continue
            status = await self._enter_by(way, lines)
            if status is not None:
                self._desk.world.status = status
                return True
            self._print("Type new, join or nearby.")
        return False

    async def _enter_by(self, way: str, lines: AsyncIterator[str]) -> Status | None:
        """Ask for what a way in needs, and take it; None when that was nothing."""
        asked = {"new": "What is its name?", "join": "Paste the invite."}.get(way)
        first = "" if asked is None else await self._asked(asked, lines)
        nick = await self._asked("What is your name?", lines)
        if first is None or nick is None:
            return None
        try:
            command = await self._command(way, first, nick, lines)
            reply = None if command is None else await self._desk.session.call(command)
        except (InputError, ChatError) as error:
            self._print(inert(str(error)))
            return None
        return reply if isinstance(reply, Status) else None

    async def _asked(self, question: str, lines: AsyncIterator[str]) -> str | None:
        """The next line; None when the input ended."""
        self._print(question)
        async for line in lines:
            return line.strip()
        return None

    async def _command(
        self, way: str, first: str, nick: str, lines: AsyncIterator[str]
    ) -> commands.Command | None:
        nick = first_run.name(nick, "name for yourself")
        if way == "new":
            return commands.Create(first_run.name(first, "name for the workspace"), nick)
        if way == "join":
            return commands.Join(first_run.invite(first), nick)
        link = await self._meet(lines)
        return commands.Join(link, nick) if link else None

    async def _meet(self, lines: AsyncIterator[str]) -> str:
        """The invite that somebody in this room hands over; "" when nobody did."""
        nearby = self._desk.nearby
        await nearby.look()
        async for line in lines:
            try:
                await nearby.reply(line)
            except (InputError, ChatError) as error:
                self._print(inert(str(error)))
            if nearby.view.is_final:
                return nearby.view.link
        await nearby.leave()
        return ""

    async def _add_one(self, way: str, lines: AsyncIterator[str]) -> None:
        """One more workspace, and go there. Raises ChatError."""
        status = await self._enter_by(way, lines)
        if status is None:
            self._print("Nothing was added.")
            return
        await self._look_around()
        others = (desk for desk in self._desks if desk is not self._desk)
        # A claim that waits may not know yet which workspace it is to.
        made = (desk for desk in others if desk.world.status.workspace == status.workspace)
        desk = next(made, None)
        if desk is None:
            self._print("It is added; /workspace lists it.")
        else:
            await self._go_to(desk, desk.name)


async def run_plain(
    session: Session, stdin: TextIO, stdout: TextIO, workspaces: Workspaces | None = None
) -> int:
    """Run the line mode until its input ends or the user quits; gives the exit code."""
    return await PlainFace(session, stdout, workspaces).run(plain_input.lines(stdin))
