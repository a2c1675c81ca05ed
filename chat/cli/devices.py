"""`clowder device`, `paper` and `recover`: the machines of one member.

The words of a paper are shown once, and typed, never an argument: arguments stand in the history
of a shell and in the list of processes.
"""

import asyncio
import socket
import sys

import click
import msgspec

from chat import commands, model
from chat.cli.context import GlobalOptions, Invocation, Seconds, run
from chat.cli.output import clock, moment
from chat.cli.team import parse_duration, show_qr
from chat.errors import UsageError
from chat.session import Session
from chat.words12 import TYPED_MAX_CHARS

LOOK_EVERY_SECONDS = 0.5
"""So often it is looked whether the new device is in; the code is on the screen meanwhile."""
_LATER = "The code waits; the new device comes in when one of yours sees it."


@click.group()
def device() -> None:
    """Devices of a member."""


@device.command("list", cls=GlobalOptions)
@click.argument("member", required=False, default="")
def device_list(member: str) -> None:
    """List your devices and papers, or another member's devices."""

    async def work(invocation: Invocation) -> None:
        async with invocation.session() as session:
            found: list[model.Device] = await session.call(commands.ListDevices(member))
        for known in found:
            _print(invocation, known)

    run(work)


def _print(invocation: Invocation, known: model.Device) -> None:
    if invocation.output.as_json:
        invocation.output.record("device", msgspec.to_builtins(known))
    else:
        invocation.output.line(device_line(known))


def device_line(known: model.Device) -> str:
    """A device for people."""
    said = "this one" if known.this else "on paper" if known.paper else ""
    said = said or ("linked" if known.linked else "not linked")
    return f"{known.device[:16]}  {said}  {known.name}".rstrip()


@device.command("add", cls=GlobalOptions)
@click.option("--expires", default="10m", show_default=True, help="How long the code can be used.")
@click.option("--qr/--no-qr", default=None, help="A QR code as well; by default on a terminal.")
@click.option("--wait", type=Seconds(), default=None, help="Stay for so long, not for --expires.")
def device_add(expires: str, qr: bool | None, wait: float | None) -> None:
    """Show a code, once and for minutes, by which another machine of yours comes in."""

    async def work(invocation: Invocation) -> None:
        seconds = parse_duration(expires).total_seconds()
        staying = seconds if wait is None else min(wait, seconds)
        async with invocation.session(network=staying > 0, listening=staying > 0) as session:
            before = {known.device for known in await session.call(commands.ListDevices())}
            made: model.InviteView = await session.call(commands.AddDevice(int(seconds * 1000)))
            _show_code(invocation, made, qr=sys.stderr.isatty() if qr is None else qr)
            if staying:
                await _wait_for_device(invocation, session, before, staying)

    run(work)


def _show_code(invocation: Invocation, made: model.InviteView, *, qr: bool) -> None:
    output = invocation.output
    if output.as_json:
        fields = {"id": made.id, "link": made.link, "words": made.words}
        output.record("device_code", {**fields, "expires": moment(made.expires)})
    else:
        output.line(made.words)
        output.note(f"On the new machine, until {clock(made.expires)}: clowder device join WORDS")
        output.note(
            f"or, when it does not find this one by itself: clowder device join {made.link}"
        )
    if qr:
        show_qr(made.link)


async def _wait_for_device(
    invocation: Invocation, session: Session, before: set[str], seconds: float
) -> None:
    """Stay until the new device is in."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                for known in await session.call(commands.ListDevices()):
                    if known.device not in before:
                        _print(invocation, known)
                        return
                await asyncio.sleep(LOOK_EVERY_SECONDS)
    except TimeoutError:
        invocation.output.note(_LATER)


def _join(code: str, name: str, wait: float, *, paper: bool = False) -> None:
    async def work(invocation: Invocation) -> None:
        text = code or _typed_words()
        called = name or socket.gethostname().partition(".")[0] or "device"
        join = commands.Join(text, called, wait, device=True, paper=paper)
        async with invocation.session(network=True, create=True, anew=True) as session:
            status: model.Status = await session.call(join)
        output = invocation.output
        joined = status.phase == "live"
        if output.as_json:
            state = "joined" if joined else "pending"
            output.record("join", {"state": state, "workspace": status.workspace})
        elif joined:
            output.line(f"joined {status.workspace}")
        else:
            output.line("pending")
            # A paper is written nowhere else, so where nobody was met nothing can be gone on with.
            output.note(
                "Nobody was met who could answer. Type it again when somebody is on."
                if paper and not status.workspace
                else "Start clowder here again later; it comes in when that is seen."
            )

    run(work)


def _typed_words() -> str:
    """A line from the terminal, or of what is piped in. Raises UsageError."""
    if sys.stdin.isatty():
        sys.stderr.write("The 12 words: ")
        sys.stderr.flush()
    typed = sys.stdin.readline(TYPED_MAX_CHARS + 1)
    if not typed.strip():
        raise UsageError("Type the 12 words in one line.")
    return typed


name_option = click.option("--name", default="", help="How the device is called; its host name.")
wait_option = click.option(
    "--wait", type=Seconds(), default=30.0, show_default=True, help="Seconds to wait for it."
)


@device.command("join", cls=GlobalOptions)
@click.argument("code", required=False, default="")
@name_option
@wait_option
def device_join(code: str, name: str, wait: float) -> None:
    """Become one more device of yours, by the code that another one shows."""
    _join(code, name, wait)


@device.command("rename", cls=GlobalOptions)
@click.argument("device")
@click.argument("name", required=False)
@click.option("--clear", is_flag=True, help="Call it as it was called when it came in.")
def device_rename(device: str, name: str | None, clear: bool) -> None:
    """Call a device, or a paper, something on this device."""

    async def work(invocation: Invocation) -> None:
        if clear == bool((name or "").strip()):
            raise UsageError("Either a name or --clear.")
        async with invocation.session() as session:
            _print(invocation, await session.call(commands.NameDevice(device, name or "")))

    run(work)


@device.command("remove", cls=GlobalOptions)
@click.argument("device")
def device_remove(device: str) -> None:
    """Take a device out, or a paper back, and renew the keys; what it wrote so far stays."""

    async def work(invocation: Invocation) -> None:
        async with invocation.session() as session:
            _print(invocation, await session.call(commands.RemoveDevice(device)))

    run(work)


@click.command(cls=GlobalOptions)
@click.option("--qr/--no-qr", default=None, help="A QR code as well; by default on a terminal.")
def paper(qr: bool | None) -> None:
    """Show words, once, by which you come back when all your devices are lost. Write them down."""

    async def work(invocation: Invocation) -> None:
        async with invocation.session() as session:
            made: model.InviteView = await session.call(commands.MakePaper())
        output = invocation.output
        if output.as_json:
            output.record("paper", {"id": made.id, "link": made.link, "words": made.words})
        else:
            output.line(made.words)
            output.note(
                "Write them on paper; nothing here keeps them. Who has them is you. "
                "On a new machine: clowder recover"
            )
        if sys.stderr.isatty() if qr is None else qr:
            show_qr(made.link)

    run(work)


@click.command(cls=GlobalOptions)
@name_option
@wait_option
def recover(name: str, wait: float) -> None:
    """Come back on a new machine by the words of your paper, which it asks for."""
    _join("", name, wait, paper=True)


COMMANDS = (device, paper, recover)
