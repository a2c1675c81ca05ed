"""Commands that stay: a member without a screen, a relay, the demo."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click

from chat import commands, model
from chat.cli.context import GlobalOptions, Invocation, run
from chat.errors import ProfileInUse, TrustError, UsageError
from chat.session import Session


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


@asynccontextmanager
async def own_session(invocation: Invocation, *, create: bool) -> AsyncIterator[Session]:
    """A node of our own; a profile that another process holds is no place for it."""
    from chat.control import RemoteSession

    async with invocation.session(network=True, create=create) as session:
        if isinstance(session, RemoteSession):
            raise ProfileInUse(
                f"Another Clowder process already holds {invocation.home}; its node goes on."
            )
        yield session


async def _stay(invocation: Invocation, session: Session, stopped: asyncio.Event) -> None:
    """Say where this node listens, and work until stopped."""
    status: model.Status = await session.call(commands.GetStatus())
    output = invocation.output
    if output.as_json:
        output.record("listening", {"url": status.listening[0] if status.listening else ""})
    else:
        output.line(f"listening on {', '.join(status.listening) or 'nothing'}")
    for warning in status.warnings:
        output.note(f"warning: {warning}")
    closing = asyncio.create_task(_until_closed(session))
    stopping = asyncio.create_task(stopped.wait())
    await asyncio.wait((closing, stopping), return_when=asyncio.FIRST_COMPLETED)
    for task in (closing, stopping):
        task.cancel()
    await asyncio.gather(closing, stopping, return_exceptions=True)


async def _until_closed(session: Session) -> None:
    """The session's events end when somebody asks it to shut down."""
    async for _ in session.events():
        pass


@click.command(cls=GlobalOptions)
def node() -> None:
    """Run a member without a screen until it is stopped."""

    async def work(invocation: Invocation) -> None:
        async with until_stopped() as stopped, own_session(invocation, create=False) as session:
            await _stay(invocation, session, stopped)

    run(work)


@click.command(cls=GlobalOptions)
@click.option("--ticket", default="", help="From `clowder invite --relay`; needed once.")
def relay(ticket: str) -> None:
    """Run a relay, which stores and forwards what it cannot read."""

    async def work(invocation: Invocation) -> None:
        async with until_stopped() as stopped:
            async with own_session(invocation, create=bool(ticket)) as session:
                await _be_relay(session, ticket)
                await _stay(invocation, session, stopped)

    run(work)


async def _be_relay(session: Session, ticket: str) -> None:
    status: model.Status = await session.call(commands.GetStatus())
    if status.phase == "none":
        if not ticket:
            raise UsageError(
                "A relay needs a ticket the first time: `clowder invite --relay` makes one."
            )
        status = await session.call(commands.Join(ticket, wait=0.0, relay=True))
    if status.phase == "live":
        raise TrustError("This profile is a member's; a relay needs a profile of its own (--home).")


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
