"""Devices with real links on loopback, for the stories in test_links.py."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

from chat.config import Network
from chat.links import Identity, LinkHandle, Links, PeerHello, Refusal
from transport.proto.crypto import public_key
from transport.proto.hints import LOBBY_CONTEXT, LinkSecret

TEAM = LinkSecret(b"K" * 32, b"W" * 32, "team")
INVITE = LinkSecret(b"I" * 32, LOBBY_CONTEXT, "invite")
QUIET = Network(listen="127.0.0.1:0", mdns=False)
PATIENCE_SECONDS = 4.5
"""After this a test has failed; nothing here waits for time to pass."""


class Device:
    """A node that knows a roster and keeps what it hears.

    Attributes:
        roster: device ids and their link keys.
        news: everything heard, in order: ("up", handle), ("down", handle, reason),
            ("message", handle, kind, priority, payload).
    """

    def __init__(self, rank: int) -> None:
        self.id = bytes([rank]) * 32
        self.static = os.urandom(32)
        self.secrets = [TEAM]
        self.roster: dict[bytes, bytes] = {}
        self.news: list[tuple[Any, ...]] = []
        self.met: list[tuple[str, bytes]] = []
        self.hellos: list[PeerHello] = []
        self.remembered: list[str] = []
        self.relay = False
        self.links: Links
        self._changed = asyncio.Event()

    def identify(self, hello: PeerHello) -> Identity | Refusal:
        self.hellos.append(hello)
        self._changed.set()
        key = self.roster.get(hello.device)
        if key == hello.static:
            return Identity(hello.device, True, hello.relay)
        if key is not None:
            return Refusal("that device has another link key")
        if hello.secret in (INVITE,):
            return Identity(hello.device, False, hello.relay)
        return Refusal("this device is not in the roster")

    def hear(self, *what: Any) -> None:
        self.news.append(what)
        self._changed.set()

    def make(self, settings: Network, **options: Any) -> Links:
        self.links = Links(
            keys_link_secret=self.static,
            device=self.id,
            secrets=lambda: self.secrets,
            identify=self.identify,
            on_up=lambda handle: self.hear("up", handle),
            on_message=lambda *message: self.hear("message", *message),
            on_down=lambda handle, reason: self.hear("down", handle, reason),
            settings=settings,
            entropy=os.urandom,
            known_addresses=lambda: self.remembered,
            on_met=lambda url, device: self.met.append((url, device)),
            relay=self.relay,
            **options,
        )
        return self.links

    @property
    def url(self) -> str:
        return self.links.urls[0]

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for news that makes it true."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not true():
                self._changed.clear()
                await self._changed.wait()

    async def until_linked(self, *others: "Device") -> LinkHandle:
        """Exactly one link to each of them; gives the newest."""
        await self.until(lambda: {h.device for h in self.links.handles} >= {o.id for o in others})
        return self.links.handles[-1]

    async def until_read(self, payload: bytes) -> LinkHandle:
        """A message with this payload came; gives the handle it came on."""

        def found() -> list[LinkHandle]:
            return [n[1] for n in self.news if n[0] == "message" and n[4] == payload]

        await self.until(lambda: bool(found()))
        return found()[-1]

    def heard(self, what: str) -> list[tuple[Any, ...]]:
        return [news for news in self.news if news[0] == what]


def introduce(*devices: Device) -> None:
    """All of them are in one roster."""
    for device in devices:
        device.roster = {each.id: public_key(each.static) for each in devices}


@asynccontextmanager
async def online(
    *devices: Device, settings: Network = QUIET, **options: Any
) -> AsyncIterator[None]:
    """All of them started; afterwards nothing of them is left."""
    started: list[Links] = []
    try:
        for device in devices:
            links = device.make(settings, **options)
            started.append(links)
            await links.start()
        yield
    finally:
        await offline(started)


async def offline(started: Iterable[Links]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(*(links.aclose() for links in started))
