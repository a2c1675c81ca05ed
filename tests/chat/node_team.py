"""Real nodes in this process: folders of their own, sockets on 127.0.0.1, no discovery.

    async with nodes() as make:
        ana = await make("ana")
        await ana.create()
        bo = await make("bo")
        await bo.join(ana)
        await ana.post("hello")
        await bo.until(lambda: bo.texts() == ["hello"])

A test waits for a condition, which is looked at whenever anything happens in its node.
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from chat import commands, events, model
from chat.config import Network, Settings
from chat.hub import Listener
from chat.node import Node
from chat.node.meeting import Meeting
from chat.node.team import Team
from chat.profile import Profile

SECONDS = 30.0
LOOK_AGAIN_SECONDS = 0.02
"""Some of what a test looks at tells nobody when it changes."""


class Desk:
    """One profile and the node that holds it now.

    Attributes:
        heard: every event since the node's start.
    """

    def __init__(self, name: str, home: Path) -> None:
        self.name = name
        self.home = home
        self.heard: list[events.Event] = []
        self._node: Node | None = None
        self._listening: asyncio.Task[None] | None = None

    @property
    def node(self) -> Node:
        assert self._node is not None, f"{self.name} does not run"
        return self._node

    @property
    def team(self) -> Team:
        team = self.node._parts.team
        assert team is not None
        return team

    @property
    def meeting(self) -> Meeting:
        meeting = self.node._parts.meeting
        assert meeting is not None
        return meeting

    @property
    def url(self) -> str:
        return self.node._parts.status().listening[0]

    async def start(self, *dial: str, network: bool = True) -> None:
        settings = Settings(Network("127.0.0.1:0", "127.0.0.1", dial, mdns=False))
        self._node = await Node.open(Profile(self.home), settings, network=network, create=True)
        self._listening = asyncio.create_task(self._listen(self._node.events()))

    async def _listen(self, stream: Listener) -> None:
        async for event in stream:
            self.heard.append(event)

    async def stop(self) -> None:
        if self._node is not None:
            await self._node.aclose()
            self._node = None
        if self._listening is not None:
            await self._listening
            self._listening = None

    async def call(self, command: commands.Command) -> Any:
        return await self.node.call(command)

    async def create(self) -> model.Status:
        status: model.Status = await self.call(commands.Create("Cats", self.name))
        return status

    async def invite(self, *, relay: bool = False) -> str:
        made: model.InviteView = await self.call(commands.MakeInvite(relay=relay))
        return made.link

    async def join(self, inviter: "Desk", *, relay: bool = False) -> model.Status:
        link = await inviter.invite(relay=relay)
        status: model.Status = await self.call(
            commands.Join(link, self.name, wait=SECONDS, relay=relay)
        )
        return status

    async def post(self, text: str, channel: str = "general") -> model.Message:
        message: model.Message = await self.call(commands.Post(channel, text))
        return message

    async def history(self, channel: str = "general") -> list[model.Message]:
        found: list[model.Message] = await self.call(commands.History(channel, 100_000))
        return found

    def texts(self, channel: str = "general") -> list[str]:
        workspace = self.team.workspace
        where = workspace.find_channel(channel)
        return [row.text for row in workspace.store.messages(where, limit=100_000)]

    def linked(self) -> int:
        return sum(peer.state == "linked" for peer in self.meeting.peers())

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until a condition holds."""
        deadline = asyncio.get_running_loop().time() + SECONDS
        while not condition():
            assert asyncio.get_running_loop().time() < deadline, "waited in vain"
            await asyncio.sleep(LOOK_AGAIN_SECONDS)


@asynccontextmanager
async def nodes() -> AsyncIterator[Callable[..., Awaitable[Desk]]]:
    """Gives what makes a desk and starts its node; all end with the block."""
    folder = Path(tempfile.mkdtemp(prefix="cln"))
    desks: list[Desk] = []

    async def make(name: str, *dial: str, network: bool = True) -> Desk:
        desk = Desk(name, folder / name)
        desks.append(desk)
        await desk.start(*dial, network=network)
        return desk

    try:
        yield make
    finally:
        for desk in desks:
            await desk.stop()
        shutil.rmtree(folder)
