"""Links over real sockets on loopback, for the stories in test_websocket.py."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tests.transport.link_pair import TEAM
from transport.net.link import Link
from transport.net.websocket import Listener, dial, listen
from transport.proto.handshake import Initiator, Responder
from transport.proto.hints import LinkSecret, matching_secret

PATIENCE_SECONDS = 10.0
"""After this a test has failed; nothing here waits for time to pass."""


def has_ipv6() -> bool:
    """Whether ::1 can be bound here."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def initiator(secret: LinkSecret = TEAM, payload: bytes = b"I am Ana") -> Initiator:
    return Initiator(secret, os.urandom(32), os.urandom, payload)


class Ben:
    """A device that listens and keeps its links."""

    def __init__(self, secrets: Sequence[LinkSecret] = (TEAM,)) -> None:
        self.static = os.urandom(32)
        self.secrets = list(secrets)
        self.links: asyncio.Queue[Link] = asyncio.Queue()
        self.listener: Listener

    @property
    def url(self) -> str:
        return self.listener.urls[0]

    def responder(self) -> Responder:
        def lookup(nonce: bytes, hint: bytes) -> LinkSecret | None:
            return matching_secret(self.secrets, nonce, hint)

        return Responder(lookup, self.static, os.urandom, lambda secret: b"I am Ben")

    async def accepted(self) -> Link:
        return await asyncio.wait_for(self.links.get(), PATIENCE_SECONDS)


@asynccontextmanager
async def listening(
    hosts: str | Sequence[str] = "127.0.0.1", secrets: Sequence[LinkSecret] = (TEAM,)
) -> AsyncIterator[Ben]:
    ben = Ben(secrets)
    ben.listener = await listen(hosts, 0, ben.responder, ben.links.put_nowait)
    try:
        yield ben
    finally:
        await asyncio.wait_for(ben.listener.aclose(), PATIENCE_SECONDS)


async def linked(ben: Ben) -> tuple[Link, Link]:
    """Ana's end and Ben's end of a fresh link."""
    ana = await dial(ben.url, initiator())
    return ana, await ben.accepted()
