"""The processes of the demo: each is `clowder` with a home of its own, on loopback only.

All of them start side by side, and all of them end when the block of `on_stage` ends, however it
does. What a process says of its troubles goes to a file beside its home, for the one sentence
that the user gets when it does not start.
"""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from chat import commands, model
from chat.config import Settings
from chat.control import RemoteSession
from chat.errors import Unavailable
from chat.profile import Profile
from chat.session import Session

START_SECONDS = 30.0
STOP_SECONDS = 10.0
LOOPBACK = "127.0.0.1"
_PRIVATE = ("CLOWDER_HOME", "CLOWDER_LISTEN", "CLOWDER_DIAL", "CLOWDER_INTERFACE")
"""What the user's environment says of networks is not meant for the demo's processes."""


def loopback_settings(settings: Settings) -> Settings:
    """The user's settings, but for the network: loopback, and nobody discovered."""
    network = msgspec.structs.replace(
        settings.network, listen=f"{LOOPBACK}:0", interface=LOOPBACK, dial=(), mdns=False
    )
    return msgspec.structs.replace(settings, network=network)


class Player:
    """One process of the cast, and its session.

    Attributes:
        name: the nick; "relay" for the relay.
        url: where it listens.
        session: how it is told what to do.
    """

    def __init__(self, name: str, home: Path) -> None:
        self.name = name
        self.home = home
        self.url = ""
        self.session: RemoteSession | None = None
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The process that stays, 0 before it was started."""
        return 0 if self._process is None else self._process.pid

    async def call(self, command: commands.Command) -> Any:
        """Let this player do something."""
        assert self.session is not None, "the player is on stage"
        return await self.session.call(command)

    async def start(self, *arguments: str) -> None:
        """Start a command that stays, and wait until it listens.

        Raises:
            Unavailable: it does not.
        """
        self._process = await self._run(*arguments)
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(START_SECONDS):
                line = await self._process.stdout.readline()
                self.url = json.loads(line)["url"]
                self.session = await RemoteSession.connect(Profile(self.home).control_path)
        except (TimeoutError, ValueError, KeyError):
            raise Unavailable(f"The demo's {self.name} did not start{self._why()}.") from None
        if self.session is None:
            raise Unavailable(f"The demo's {self.name} does not answer{self._why()}.")

    async def join(self, invite: str) -> None:
        """Join by an invite, as a command that ends.

        Raises:
            Unavailable: it did not work.
        """
        wait = str(int(START_SECONDS))
        joining = await self._run("join", invite, "--nick", self.name, "--wait", wait)
        try:
            said, _ = await joining.communicate()
        except asyncio.CancelledError:
            await _end(joining)
            raise
        if b'"joined"' not in said:
            raise Unavailable(f"The demo's {self.name} could not join{self._why()}.")

    async def stop(self) -> None:
        """End the process, gently if it takes that."""
        if self.session is not None:
            await self.session.aclose()
        if self._process is not None:
            await _end(self._process)

    async def _run(self, *arguments: str) -> asyncio.subprocess.Process:
        network = ("--no-mdns", "--interface", LOOPBACK, "--listen", f"{LOOPBACK}:0")
        command = (sys.executable, "-m", "chat", "--home", str(self.home), *network, "--json")
        with self._log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *command,
                *arguments,
                env=_environment(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )

    @property
    def _log(self) -> Path:
        return self.home.with_name(f"{self.home.name}.log")

    def _why(self) -> str:
        """The last thing the process said, as the end of a sentence."""
        said = self._log.read_text("utf-8", errors="replace").strip()
        last = said.rpartition("\n")[2].removeprefix("clowder: ").rstrip(".")
        return f": {last}" if last else ""


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _PRIVATE}


class Cast:
    """Everybody: you in this process, two more members and a relay in theirs."""

    def __init__(self, you: Session, members: list[Player], relay: Player) -> None:
        self.you = you
        self.members = members
        self.relay = relay

    @property
    def players(self) -> list[Player]:
        """Those with a process of their own."""
        return [self.relay, *self.members]


@asynccontextmanager
async def on_stage(folder: Path, settings: Settings, nicks: tuple[str, ...]) -> AsyncIterator[Cast]:
    """A founded workspace in which everybody is linked; everything ends with the block."""
    from chat.node import Node

    async with AsyncExitStack() as ending:
        profile = Profile(folder / "you")
        you = await Node.open(profile, loopback_settings(settings), network=True, create=True)
        ending.push_async_callback(you.aclose)
        await you.call(commands.Create("Clowder demo", "you"))

        members = [Player(nick, folder / nick) for nick in nicks]
        cast = Cast(you, members, Player("relay", folder / "relay"))
        ending.push_async_callback(_stop_all, cast.players)
        await _start_all(cast)
        yield cast


async def _start_all(cast: Cast) -> None:
    """Start everybody side by side, then let each dial those before it."""
    status: model.Status = await cast.you.call(commands.GetStatus())
    here = status.listening[0]

    async def relay() -> None:
        ticket = await cast.you.call(commands.MakeInvite(relay=True))
        await cast.relay.start("relay", "--ticket", ticket.link, "--dial", here)

    async def member(player: Player) -> None:
        invite = await cast.you.call(commands.MakeInvite(note=player.name))
        await player.join(invite.link)
        await player.start("node", "--dial", here)

    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(relay())
            for player in cast.members:
                tasks.create_task(member(player))
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
    for place, player in enumerate(cast.members):
        for other in (cast.relay, *cast.members[:place]):
            await player.call(commands.Dial(other.url))


async def _stop_all(players: list[Player]) -> None:
    await asyncio.gather(*(player.stop() for player in players))
