"""Reading a channel from outside: the shell around a `Visit`.

Whoever reads has a device made for this once, in no roster, and no profile. It dials the addresses
in the link and those that it is told of, and finds devices on the LAN that announce the door. What
comes is written to a file, which is judged when it is whole; a host whose file has a fault makes
way for the next, and only when no other gives a better one is it shown, with its faults.
"""

import asyncio
from secrets import token_bytes
from tempfile import SpooledTemporaryFile

from chat.config import Network
from chat.effects import KIND_GUEST, PRIORITY_GUEST, CloseLink, Send
from chat.errors import NoPeer
from chat.guests.channel_link import ChannelLink
from chat.guests.limits import ANSWER_SECONDS, SPOOL_MEMORY_BYTES
from chat.guests.visit import Anew, Took, Visit, VisitEffect, Whole
from chat.links import Identity, LinkHandle, Links, PeerHello
from chat.proofs.checking import Checker, check
from chat.proofs.exported import EpochKey
from crdt.errors import Invalid
from crdt.keys import DeviceKeys
from transport.proto.closing import CloseCode

_LOOK_SECONDS = 0.25
"""How often it is looked whether all dials have failed, which nobody tells."""


async def read_channel(link: ChannelLink, settings: Network, newest: int) -> Checker:
    """A channel as the first host has it whose answer verifies; who calls closes it.

    Args:
        settings: how to look for hosts; nothing is listened at.
        newest: how many entries of its timeline to ask for, 0 for all.

    Raises:
        NoPeer: nobody answers who knows the link, or none of them gave all of it.
    """
    reading = _Reading(link, settings, newest)
    try:
        return await reading.run()
    finally:
        await reading.aclose()


class _Reading:
    """Asks hosts until one gave a file that verifies."""

    def __init__(self, link: ChannelLink, settings: Network, newest: int) -> None:
        self._link = link
        self._mdns = settings.mdns
        self._visit = Visit(newest)
        self._loop = asyncio.get_running_loop()
        self._handles: dict[int, LinkHandle] = {}
        self._changed = asyncio.Event()
        self._file = _new_file()
        self._found: Checker | None = None
        self._faulty: Checker | None = None
        keys = DeviceKeys.generate(token_bytes)
        self._links = Links(
            keys_link_secret=keys.link_secret,
            device=keys.public.sign,
            secrets=lambda: [link.door],
            identify=_anybody,
            on_up=self._up,
            on_message=self._message,
            on_down=self._down,
            settings=settings,
            entropy=token_bytes,
            listening=False,
        )

    async def run(self) -> Checker:
        """Raises NoPeer."""
        await self._links.start()
        for url in self._link.hints:
            self._links.dial(url, self._link.door, persistent=False)
        until = self._loop.time() + ANSWER_SECONDS
        while self._found is None and not self._is_over(until):
            self._changed.clear()
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._changed.wait()
            except TimeoutError:
                self._carry_out(self._visit.tick(self._now()))
        found, faulty = self._found or self._faulty, self._faulty
        self._found = self._faulty = None
        if faulty is not None and faulty is not found:
            _close(faulty)
        if found is None:
            raise NoPeer(self._why_not())
        return found

    async def aclose(self) -> None:
        """Hang up."""
        for checker in (self._found, self._faulty):
            if checker is not None:
                _close(checker)
        await self._links.aclose()
        self._file.close()

    def _is_over(self, until: float) -> bool:
        """Whether nobody is asked, and nobody is to be expected any more."""
        if self._visit.due() is not None:
            return False
        tried = [contact for contact in self._links.peers() if contact.handle is None]
        failed = all(each.reason and each.state != "dialling" for each in tried)
        return self._loop.time() >= until or (not self._mdns and failed)

    def _why_not(self) -> str:
        if self._visit.reason:
            return f"Nobody gave the channel whole; of the last who answered: {self._visit.reason}."
        reasons = [each.reason for each in self._links.peers() if each.reason]
        said = f" ({reasons[0].rstrip('.')})" if reasons else ""
        return (
            f"Nobody answers who knows this link{said}. It may have been renewed, or everybody is "
            "away; --dial URL names an address."
        )

    # What links tell ----------------------------------------------------------------------------

    def _up(self, handle: LinkHandle) -> None:
        self._handles[handle.number] = handle
        self._carry_out(self._visit.link_up(handle.number, self._now()))

    def _message(self, handle: LinkHandle, kind: int, priority: int, payload: bytes) -> None:
        if kind == KIND_GUEST:
            self._carry_out(self._visit.receive(handle.number, payload, self._now()))
        if priority >= PRIORITY_GUEST:
            handle.grant(len(payload))

    def _down(self, handle: LinkHandle, _: str) -> None:
        del self._handles[handle.number]
        self._carry_out(self._visit.link_down(handle.number, self._now()))

    def _carry_out(self, effects: list[VisitEffect]) -> None:
        self._changed.set()
        for effect in effects:
            if isinstance(effect, Took):
                self._file.write(effect.data)
            elif isinstance(effect, Anew):
                self._file.close()
                self._file = _new_file()
            elif isinstance(effect, Whole):
                self._judge(effect.link)
            elif isinstance(effect, Send):
                handle = self._handles.get(effect.link)
                if handle is not None:
                    handle.send(effect.kind, effect.priority, effect.payload)
            else:
                self._close_link(effect)

    def _close_link(self, effect: CloseLink) -> None:
        handle = self._handles.get(effect.link)
        if handle is not None:
            # What a host says costs it this link; it is not dialled again soon.
            handle.close(CloseCode.FAULT, effect.reason)

    # What comes of it ---------------------------------------------------------------------------

    def _judge(self, link: int) -> None:
        if self._found is not None:
            return
        known = EpochKey(self._link.epoch, self._link.key) if self._link.key else None
        self._file.seek(0)
        try:
            checker = check(self._file, token_bytes, known)
        except Invalid as error:
            self._carry_out(self._visit.reject(link, str(error), self._now()))
            return
        proof = checker.proof()
        wrong = ""
        if proof.workspace != self._link.workspace.hex():
            wrong = "it gave another workspace"
        elif self._link.channel.hex() not in [channel.id for channel in proof.channels]:
            wrong = "it gave nothing of this channel"
        if not wrong and not proof.faults:
            self._found = checker
            return
        if not wrong and self._faulty is None:
            self._faulty = checker
        else:
            _close(checker)
        self._carry_out(
            self._visit.reject(link, wrong or "what it gave does not verify", self._now())
        )

    def _now(self) -> int:
        return int(self._loop.time() * 1000)


def _anybody(hello: PeerHello) -> Identity:
    """Who answers is shown by what it gives, not by who it is."""
    return Identity(hello.device, False, hello.relay)


def _new_file() -> "SpooledTemporaryFile[bytes]":
    return SpooledTemporaryFile(max_size=SPOOL_MEMORY_BYTES)


def _close(checker: Checker) -> None:
    with checker:
        pass
