"""Commands that stay: a member without a screen, a relay, the demo."""

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import click

from chat import commands, model
from chat.cli.context import GlobalOptions, Invocation, run
from chat.cli.keeping import Days
from chat.cli.lasting import HolderChanged
from chat.cli.output import Output
from chat.cli.workspaces import Everywhere, everywhere
from chat.errors import ChatError, TrustError, UsageError
from chat.events import Event, Warned, WorkspacesChanged
from chat.session import Session

DECIDED_WITHIN_SECONDS = 24 * 3600.0
"""How long a relay that is not let in yet watches for a refusal; then it goes on waiting."""


@asynccontextmanager
async def until_stopped() -> AsyncIterator[asyncio.Event]:
    """An event that SIGTERM and SIGINT set; whoever waits for it then closes everything."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        yield stopped
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


class Staying:
    """What a command that stays tells of its workspaces; the first one's end is the end of it."""

    def __init__(self, served: Everywhere, output: Output) -> None:
        self._served = served
        self._output = output
        self._following: dict[Session, asyncio.Task[None]] = {}
        self.ended = asyncio.Event()

    async def take(self, session: Session) -> None:
        """Say where a workspace can be reached, and what it warns of from now on."""
        following = session.events()
        status: model.Status = await session.call(commands.GetStatus())
        url = status.listening[0] if status.listening else ""
        if self._output.as_json:
            self._output.record("listening", {"url": url, "workspace": status.workspace})
        else:
            which = f" for {status.name}" if self._following and status.name else ""
            self._output.line(f"listening on {', '.join(status.listening) or 'nothing'}{which}")
        for warning in status.warnings:
            self._output.note(f"warning: {warning}")
        first = not self._following
        self._following[session] = asyncio.create_task(self._follow(session, following, first))

    async def look(self) -> None:
        """Take up the other workspaces, and those that were added."""
        try:
            await self._served.look()
        except ChatError as error:
            self._output.note(f"warning: {error}")
        for session in self._served.sessions:
            if session not in self._following:
                await self.take(session)

    async def _follow(self, session: Session, following: AsyncIterator[Event], first: bool) -> None:
        """The events end when somebody asks the session to shut down."""
        while True:
            try:
                async for event in following:
                    if isinstance(event, Warned):
                        self._output.note(f"warning: {event.text}")
                    elif isinstance(event, WorkspacesChanged):
                        await self.look()
                break
            except HolderChanged:
                following = session.events()
            except ChatError as error:
                self._output.note(f"warning: {error}")
                if not first:
                    return
                break
        self.ended.set()

    async def aclose(self) -> None:
        """Tell no more."""
        for task in self._following.values():
            task.cancel()
        await asyncio.gather(*self._following.values(), return_exceptions=True)


async def _stay(
    staying: Staying,
    stopped: asyncio.Event,
    joining: Coroutine[Any, Any, None] | None = None,
) -> None:
    """Work until stopped, or until joining is refused.

    Raises:
        ChatError: it is.
    """
    asked = None if joining is None else asyncio.create_task(joining)
    ends = {asyncio.create_task(staying.ended.wait()), asyncio.create_task(stopped.wait())}
    waiting = ends if asked is None else {*ends, asked}
    while not any(task.done() for task in ends) and not (asked and _failed(asked)):
        await asyncio.wait(
            {task for task in waiting if not task.done()}, return_when=asyncio.FIRST_COMPLETED
        )
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    if asked is not None and _failed(asked):
        asked.result()


def _failed(task: "asyncio.Task[Any]") -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None


@asynccontextmanager
async def _own(invocation: Invocation, *, create: bool) -> AsyncIterator[tuple[Session, Staying]]:
    """A node of our own and what tells of it; what another process holds is no place for it."""
    async with everywhere(invocation, create=create, own=True) as served:
        staying = Staying(served, invocation.output)
        try:
            yield served.sessions[0], staying
        finally:
            await staying.aclose()


@click.command(cls=GlobalOptions)
def node() -> None:
    """Run a member without a screen until it is stopped, in all workspaces of the profile."""

    async def work(invocation: Invocation) -> None:
        async with until_stopped() as stopped, _own(invocation, create=False) as (first, staying):
            await staying.take(first)
            await staying.look()
            await _stay(staying, stopped)

    run(work)


@click.command(cls=GlobalOptions)
@click.option("--ticket", default="", help="From `clowder invite --relay`; needed once.")
@click.option("--keep", type=Days(), default=None, help="Forget what is older, like 90d.")
def relay(ticket: str, keep: int | None) -> None:
    """Run a relay, which stores and forwards what it cannot read."""

    async def work(invocation: Invocation) -> None:
        invocation.keep_days = keep
        async with until_stopped() as stopped:
            async with _own(invocation, create=bool(ticket)) as (session, staying):
                joining = await _be_relay(session, ticket)
                await staying.take(session)
                await _stay(staying, stopped, joining)

    run(work)


async def _be_relay(session: Session, ticket: str) -> Coroutine[Any, Any, None] | None:
    """Begin to join, the first time; gives what waits until that is decided."""
    status: model.Status = await session.call(commands.GetStatus())
    if status.phase == "live":
        raise TrustError("This profile is a member's; a relay needs a profile of its own (--home).")
    if status.phase != "none":
        return None
    if not ticket:
        raise UsageError(
            "A relay needs a ticket the first time: `clowder invite --relay` makes one."
        )
    await session.call(commands.Join(ticket, wait=0.0, relay=True))

    async def until_decided() -> None:
        await session.call(commands.Join(ticket, wait=DECIDED_WITHIN_SECONDS, relay=True))

    return until_decided()


@click.command(cls=GlobalOptions)
@click.option("--headless", is_flag=True, help="No screen: print what happens as JSON lines.")
def demo(headless: bool) -> None:
    """Show a living workspace on this machine: a relay, two more members, and you."""

    async def work(invocation: Invocation) -> int:
        from chat.demo import headless_demo, screen_demo

        if headless:
            return await headless_demo(invocation.output)
        return await screen_demo(invocation.settings)

    run(work)


COMMANDS = (node, relay, demo)
