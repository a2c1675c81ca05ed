"""The processes of the demo: each is `clowder` with a home of its own, on loopback only."""

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

from chat import commands
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

    async def call(self, command: commands.Command) -> Any:
        """Let this player do something."""
        assert self.session is not None, "the player is on stage"
        return await self.session.call(command)

    async def start(self, *arguments: str) -> None:
        """Start a command that stays, and wait until it listens.

        Raises:
            Unavailable: it does not.
        """
        self._process = await asyncio.create_subprocess_exec(
            *self._command(*arguments),
            env=_environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(START_SECONDS):
                line = await self._process.stdout.readline()
                self.url = json.loads(line)["url"]
                self.session = await RemoteSession.connect(Profile(self.home).control_path)
        except (TimeoutError, ValueError, KeyError):
            raise Unavailable(f"The demo's {self.name} did not start.") from None
        if self.session is None:
            raise Unavailable(f"The demo's {self.name} does not answer.")

    async def join(self, invite: str) -> None:
        """Join by an invite, as a command that ends.

        Raises:
            Unavailable: it did not work.
        """
        arguments = ("join", invite, "--nick", self.name, "--wait", str(int(START_SECONDS)))
        joining = await asyncio.create_subprocess_exec(
            *self._command(*arguments),
            env=_environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        said, _ = await joining.communicate()
        if b'"joined"' not in said:
            raise Unavailable(f"The demo's {self.name} could not join the workspace.")

    async def stop(self) -> None:
        """End the process, gently if it takes that."""
        if self.session is not None:
            await self.session.aclose()
        process = self._process
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()

    def _command(self, *arguments: str) -> tuple[str, ...]:
        network = ("--no-mdns", "--interface", LOOPBACK, "--listen", f"{LOOPBACK}:0")
        home = ("--home", str(self.home))
        return (sys.executable, "-m", "chat", *home, *network, "--json", *arguments)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _PRIVATE}


class Cast:
    """Everybody: you in this process, two more members and a relay in theirs."""

    def __init__(self, you: Session, members: list[Player], relay: Player) -> None:
        self.you = you
        self.members = members
        self.relay = relay


@asynccontextmanager
async def on_stage(folder: Path, settings: Settings, nicks: tuple[str, ...]) -> AsyncIterator[Cast]:
    """A founded workspace in which everybody is linked; everything ends with the block."""
    from chat.node import Node

    async with AsyncExitStack() as ending:
        profile = Profile(folder / "you")
        you = await Node.open(profile, loopback_settings(settings), network=True, create=True)
        ending.push_async_callback(you.aclose)
        await you.call(commands.Create("Clowder demo", "you"))
        status = await you.call(commands.GetStatus())
        here = status.listening[0]

        relay = Player("relay", folder / "relay")
        ending.push_async_callback(relay.stop)
        ticket = await you.call(commands.MakeInvite(relay=True))
        await relay.start("relay", "--ticket", ticket.link, "--dial", here)

        members: list[Player] = []
        for nick in nicks:
            player = Player(nick, folder / nick)
            ending.push_async_callback(player.stop)
            invite = await you.call(commands.MakeInvite(note=nick))
            await player.join(invite.link)
            addresses = [here, relay.url, *(each.url for each in members)]
            await player.start("node", *(word for url in addresses for word in ("--dial", url)))
            members.append(player)
        yield Cast(you, members, relay)
