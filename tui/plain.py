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
                    await self._move()
            await asyncio.sleep(0)
        except ChatError as error:
            self._print(inert(str(error)))
            return error.exit_code
        finally:
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

    async def _move(self) -> None:
        """Go to the workspace that a line asked for, or list them."""
        wanted, self._wanted = self._wanted or "", None
        try:
            await self._look_around()
            if not wanted:
                self._list()
                return
            desk = self._named(wanted)
            if desk is None:
                self._print(inert(f"There is no workspace {wanted} here. /workspace lists them."))
            elif not desk.is_live:
                self._print(inert(f"You are not admitted to {desk.name} yet."))
            else:
                self._desk.in_front = False
                self._desk = desk
                await desk.enter()
        except ChatError as error:
            self._print(inert(str(error)))

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
        self._print("/workspace NAME goes to one; `clowder new` and `clowder join` add one.")

    # The first run.

    async def _first_run(self, lines: AsyncIterator[str]) -> bool:
        """Ask until there is a workspace; False when the input ended."""
        self._print("There is no workspace here yet. Type new to make one, or join to join one.")
        answers: list[str] = []
        async for line in lines:
            if not answers and line.strip().lower() not in ("new", "join"):
                self._print("Type new or join.")
                continue
            answers.append(line.strip())
            if len(answers) == 1:
                asked = "What is its name?" if answers[0] == "new" else "Paste the invite."
                self._print(asked)
            elif len(answers) == 2:
                self._print("What is your name?")
            elif await self._make(*answers):
                return True
            else:
                answers.clear()
                self._print("Type new or join.")
        return False

    async def _make(self, way: str, first: str, nick: str) -> bool:
        try:
            nick = first_run.name(nick, "name for yourself")
            command: commands.Command
            if way.lower() == "new":
                command = commands.Create(first_run.name(first, "name for the workspace"), nick)
            else:
                command = commands.Join(first_run.invite(first), nick)
            self._desk.world.status = await self._session.call(command)
        except (InputError, ChatError) as error:
            self._print(inert(str(error)))
            return False
        return True


async def run_plain(
    session: Session, stdin: TextIO, stdout: TextIO, workspaces: Workspaces | None = None
) -> int:
    """Run the line mode until its input ends or the user quits; gives the exit code."""
    return await PlainFace(session, stdout, workspaces).run(plain_input.lines(stdin))
