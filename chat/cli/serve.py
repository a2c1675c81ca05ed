"""Commands that stay: a member without a screen, a relay, the demo."""

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing, asynccontextmanager
from typing import Any

import click

from chat import commands, model
from chat.cli.context import GlobalOptions, Invocation, run
from chat.cli.output import Output
from chat.errors import ProfileInUse, TrustError, UsageError
from chat.events import Warned
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


@asynccontextmanager
async def own_session(invocation: Invocation, *, create: bool) -> AsyncIterator[Session]:
    """A node of our own; a profile that another process holds is no place for it."""
    from chat.control import RemoteSession

    session = await invocation.open_session(network=True, create=create, listening=True)
    async with aclosing(session):
        if isinstance(session, RemoteSession):
            raise ProfileInUse(
                f"Another Clowder process already holds {invocation.home}; its node goes on."
            )
        yield session


async def _stay(
    invocation: Invocation,
    session: Session,
    stopped: asyncio.Event,
    joining: Coroutine[Any, Any, None] | None = None,
) -> None:
    """Say where this node listens, and work until stopped, or until joining is refused.

    Raises:
        ChatError: it is.
    """
    status: model.Status = await session.call(commands.GetStatus())
    output = invocation.output
    if output.as_json:
        output.record("listening", {"url": status.listening[0] if status.listening else ""})
    else:
        output.line(f"listening on {', '.join(status.listening) or 'nothing'}")
    for warning in status.warnings:
        output.note(f"warning: {warning}")
    asked = None if joining is None else asyncio.create_task(joining)
    ends = {
        asyncio.create_task(_until_closed(session, output)),
        asyncio.create_task(stopped.wait()),
    }
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


def _failed(task: "asyncio.Task[None]") -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None


async def _until_closed(session: Session, output: Output) -> None:
    """Pass warnings on. The events end when somebody asks the session to shut down."""
    async for event in session.events():
        if isinstance(event, Warned):
            output.note(f"warning: {event.text}")


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
                joining = await _be_relay(session, ticket)
                await _stay(invocation, session, stopped, joining)

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
