"""The links of one device: the shell around targets and standings.

It knows transport, and nothing of channels, roster or store. What it needs to know the node gives
it as functions; what the node hears is that a link is up, that a message came, that it is down.

    dialling     Targets says whom and when; Dialler does it
    opening      the handshake's payload is decoded, `identify` says who that is, or refuses
    neighbours   which of those who are online should be linked; others are let go
    standing     Circle says which link to a device counts; the node sees that one alone
    ending       `on_down`, and Targets says when to dial again

Calls to the node come from the event loop's callbacks, one at a time: `on_up`, then messages, then
`on_down`, each handle once. When a link makes way for another to the same device, the end of the
one is told before the beginning of the other.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from chat.config import Network
from chat.errors import NoPeer, TrustError
from chat.links import introduction
from chat.links.addresses import canonical_urls, dialled_url, host_of, shareable_urls, told_urls
from chat.links.announcements import Announcements, Heard
from chat.links.circle import Circle, OnDown, OnMessage, OnUp, Present
from chat.links.dialler import Dialler
from chat.links.endings import cools_down, end_sentence, fault_sentence
from chat.links.handle import LinkHandle
from chat.links.identity import Contact, ContactState, Identify, Identity, PeerHello, Refusal
from chat.links.introduction import FLAG_RELAY, Introduction
from chat.links.limits import (
    INTRODUCTION_VERSION,
    LET_GO_EVERY_SECONDS,
    NEEDLESS_CODE,
    REMEMBERED_MAX,
    STRANGERS_MAX,
    TOLD_SECOND_SECONDS,
    TOLD_SPREAD_SECONDS,
)
from chat.links.neighbours import Neighbours, Standing, Whereabouts
from chat.links.presence import Presence
from chat.links.standing import Place
from chat.links.targets import Target, Targets
from transport.net.addresses import parse_url
from transport.net.link import Link
from transport.net.network import NetworkChange
from transport.net.websocket import dial
from transport.proto.announcement import Announcement
from transport.proto.closing import CloseCode, LinkEnd
from transport.proto.crypto import Entropy
from transport.proto.errors import TransportError
from transport.proto.handshake import Initiator, Responder
from transport.proto.hints import LinkSecret, matching_secret
from transport.proto.limits import PRIORITIES


class Links:
    """Keeps links to the peers of one workspace; made where an event loop runs.

    Args:
        keys_link_secret: X25519 secret of this device, 32 bytes.
        device: its id, 32 bytes.
        secrets: what links are opened with: the workspace's first, once this device is a member,
            then those of invites it answers. Say `update_secrets` when they change.
        doors: what others may open links with besides; nobody is dialled with it.
        identify: whether the device that a handshake shows may have a link, and who it is.
        on_up, on_message, on_down: what the node hears; the reason of an end is a sentence.
        known_addresses: where peers were met before; tried at the start.
        on_met: told where a device of the roster can be met, to be remembered.
        on_leaving: told before the links are closed for good.
        relay: this device stores and holds no keys.
        listening: whether to accept links; short commands do without.

    Attributes:
        warning: why others are not found by themselves, a sentence; empty when they are.
    """

    def __init__(
        self,
        *,
        keys_link_secret: bytes,
        device: bytes,
        secrets: Callable[[], Sequence[LinkSecret]],
        doors: Callable[[], Sequence[LinkSecret]] = tuple,
        identify: Identify,
        on_up: OnUp,
        on_message: OnMessage,
        on_down: OnDown,
        settings: Network,
        entropy: Entropy,
        known_addresses: Callable[[], Sequence[str]] = list,
        on_met: Callable[[str, bytes], None] = lambda url, device: None,
        on_leaving: Callable[[], None] = lambda: None,
        relay: bool = False,
        listening: bool = True,
    ) -> None:
        self._static = keys_link_secret
        self._device = device
        self._secrets = secrets
        self._doors = doors
        self._identify = identify
        self._settings = settings
        self._entropy = entropy
        self._known_addresses = known_addresses
        self._on_met = on_met
        self._on_leaving = on_leaving
        self._relay = relay
        self._loop = asyncio.get_running_loop()
        self._targets = Targets()
        self._circle = Circle(
            device, on_up=on_up, on_message=on_message, on_down=on_down, on_ended=self._ended
        )
        self._announcements = Announcements()
        self._neighbours = Neighbours(device, relay=relay)
        self._online: Mapping[bytes, Whereabouts] = {}
        self._letting_go: asyncio.TimerHandle | None = None
        self._connected: set[Link] = set()
        self._dialler = Dialler(
            self._targets,
            secrets=secrets,
            wanted=self._wanted,
            open_link=self._open,
            on_link=self._dialled,
            entropy=entropy,
        )
        self._closing = False
        self._presence = Presence(
            settings, self, listening=listening, secrets=self._answered, entropy=entropy
        )

    async def start(self) -> None:
        """Listen, look around, and dial.

        Raises:
            Unavailable: the address cannot be listened at.
        """
        await self._presence.start()
        for url in self._settings.dial:
            self.dial(url)
        self._remember()
        self._dialler.soon()
        self._letting_go = self._loop.call_later(LET_GO_EVERY_SECONDS, self._let_go)

    async def aclose(self) -> None:
        """Say goodbye to everybody and leave nothing behind; takes a second at most."""
        self._on_leaving()
        self._closing = True
        if self._letting_go is not None:
            self._letting_go.cancel()
        await self._dialler.aclose()
        self._circle.close()
        gone = [link.gone for link in self._connected]
        await self._presence.aclose()
        if gone:
            await asyncio.wait(gone)

    # What the node asks for.

    @property
    def urls(self) -> list[str]:
        """What others may dial, the likeliest first; empty when this device does not listen."""
        return list(self._presence.urls)

    @property
    def shareable_urls(self) -> list[str]:
        """Those of them that others can be told of."""
        return shareable_urls(self._presence.urls)

    @property
    def warning(self) -> str:
        return self._presence.warning

    @property
    def handles(self) -> list[LinkHandle]:
        """The links that are up, in the order in which they came."""
        return list(self._circle)

    def dial(self, url: str, secret: LinkSecret | None = None, *, persistent: bool = True) -> None:
        """Keep a link to an address: dial it now, and again whenever the link is lost.

        Args:
            secret: what to open it with; None for the first of `secrets`.
            persistent: until `undial`; otherwise it is given up after ten minutes without success.

        Raises:
            NoPeer: no address of a link.
        """
        self._targets.ask(dialled_url(url), secret, self._loop.time(), keep=persistent)
        self._dialler.soon()

    def undial(self, url: str) -> None:
        """Keep no link to that address; one that stands stays."""
        self._targets.drop(dialled_url(url))

    async def dial_once(self, url: str, secret: LinkSecret | None = None) -> LinkHandle:
        """Open a link now; `on_up` has been called for it when this returns.

        Raises:
            NoPeer: nobody answers there who talks to us; a sentence.
            TrustError: somebody answers, and `identify` refuses.
        """
        address = dialled_url(url)
        with_secret = secret or next(iter(self._secrets()), None)
        if with_secret is None:
            raise NoPeer("There is no workspace yet to link for.")
        try:
            link = await self._open(address, with_secret)
        except TransportError as fault:
            raise NoPeer(f"No link to {address}: {fault_sentence(fault)}.") from None
        if isinstance(met := self._meet(link, address, None), Refusal):
            raise TrustError(f"No link to {address}: {met.reason}.")
        handle = self._circle.active(met)
        if handle is None:
            raise NoPeer(f"No link to {address}: it is closed already.")
        return handle

    def update_secrets(self) -> None:
        """`secrets` gives others now."""
        if any(not secret.at_door for secret in self._secrets()):
            self._targets.leave_lobby(self._loop.time())
        for urls in self._announcements:
            self._follow(urls)
        self._presence.secrets_changed()
        self._dialler.soon()

    def follow(self, online: Mapping[bytes, Whereabouts]) -> None:
        """These devices of the roster are online, as far as others tell: link with those that
        this device should be linked with."""
        self._online = online
        linked = {each.identity.device: each.identity.relay for each in self._circle.standing()}
        self._neighbours.follow(online, linked)
        now = self._loop.time()
        for device, where in online.items():
            if device not in linked and self._neighbours.wants(device):
                second = TOLD_SECOND_SECONDS if device < self._device else 0.0
                wait = TOLD_SPREAD_SECONDS * self._dialler.draw() + second
                self._targets.told(device, where.urls, now, wait)
        self._dialler.soon()

    def hurry(self) -> None:
        """Dial everybody now, whatever happened before: who may link has changed."""
        self._targets.network_changed(self._loop.time())
        self._dialler.soon()

    def peers(self) -> list[Contact]:
        """Links that are up, then addresses that are being tried."""
        contacts = [Contact(each.url, "linked", each, "") for each in self.handles]
        linked = {handle.device for handle in self.handles}
        for target in self._targets:
            if target.device not in linked:
                state: ContactState = "dialling" if target.dialling else "waiting"
                contacts.append(Contact(target.urls[0], state, None, target.reason))
        return contacts

    def heard(self) -> list[Heard]:
        """Who announces itself on the LAN, of this workspace or of another."""
        return self._announcements.heard(self._secrets())

    def network_changed(self, change: NetworkChange | None = None) -> None:
        """This device is somewhere else or was asleep: find out which links live, dial the rest."""
        if change is None:
            self._presence.moved()
        self._remember()
        self.hurry()
        self._circle.doubt_all()

    # Dialling.

    def _remember(self) -> None:
        for url in canonical_urls(list(self._known_addresses())[:REMEMBERED_MAX]):
            self._targets.remember(url, self._loop.time())

    def _wanted(self, target: Target) -> bool:
        return self._neighbours.wants_target(target, len(self._circle))

    def _dialled(self, link: Link, target: Target) -> None:
        assert link.url is not None
        self._meet(link, link.url, target)

    async def _open(self, url: str, secret: LinkSecret) -> Link:
        payload = introduction.encode(self._introduction(secret))
        link = await dial(url, Initiator(secret, self._static, self._entropy, payload))
        self._connected.add(link)
        link.gone.add_done_callback(lambda _: self._connected.discard(link))
        return link

    def _let_go(self) -> None:
        """Close one link that nobody needs, and look again later."""
        self._letting_go = self._loop.call_later(LET_GO_EVERY_SECONDS, self._let_go)
        present = {each.identity.device: each for each in self._circle.standing()}
        standing = [
            Standing(device, each.identity.relay, each.since, self._is_kept(each))
            for device, each in present.items()
        ]
        device = self._neighbours.surplus(standing, self._loop.time())
        if device is not None:
            present[device].link.close(NEEDLESS_CODE)

    def _is_kept(self, present: Present) -> bool:
        busy = any(present.link.queued_bytes(priority) for priority in range(PRIORITIES))
        return busy or self._targets.asks_for(present.identity.device)

    # What the presence tells.

    def responder(self) -> Responder:
        return Responder(
            lambda nonce, hint: matching_secret(self._answered(), nonce, hint),
            self._static,
            self._entropy,
            lambda secret: introduction.encode(self._introduction(secret)),
        )

    def _answered(self) -> list[LinkSecret]:
        return [*self._secrets(), *self._doors()]

    def accepted(self, link: Link) -> None:
        self._meet(link, None, None)

    def found(self, urls: list[str], announcement: Announcement) -> None:
        self._follow(self._announcements.add(tuple(canonical_urls(urls)), announcement))

    def gone(self, urls: list[str]) -> None:
        self._announcements.drop(tuple(canonical_urls(urls)))
        self._targets.gone(canonical_urls(urls))

    def _follow(self, urls: tuple[str, ...]) -> None:
        """Dial who announces itself there, if it is one of ours."""
        secret = self._announcements.secret(urls, self._secrets())
        if secret is not None:
            self._targets.found(urls, secret, self._loop.time())
            self._dialler.soon()

    def _introduction(self, secret: LinkSecret) -> Introduction:
        # Whoever stands at a door may be anybody, and needs no addresses.
        urls = [] if secret.at_door else shareable_urls(self._presence.urls)
        flags = FLAG_RELAY if self._relay else 0
        return Introduction(INTRODUCTION_VERSION, self._device, flags, tuple(urls))

    # Opening.

    def _meet(self, link: Link, url: str | None, target: Target | None) -> Place | Refusal:
        """A handshake is done: who is it, and does the link count?"""
        told = introduction.told(link.remote_payload)
        if isinstance(told, Refusal):
            return self._turn_away(link, CloseCode.FAULT, told, target)
        identity = self._who(link, told)
        if isinstance(identity, Refusal):
            return self._turn_away(link, CloseCode.REFUSED, identity, target)
        lobby = link.secret.at_door
        crowded = not identity.known and self._circle.strangers >= STRANGERS_MAX
        if self._closing or crowded:
            code = CloseCode.GOING_AWAY if self._closing else CloseCode.BUSY
            return self._turn_away(link, code, Refusal("this device takes no more links"), target)
        place = Place(identity.device, link.remote_static, lobby)
        host = host_of(link.remote_address)
        urls = told_urls(told.urls, host)
        here = [each for each in urls if parse_url(each).host == host]
        self._targets.linked(target, identity.device, self._loop.time(), lobby=lobby)
        if identity.known and not lobby:
            elsewhere = [each for each in urls if each not in here]
            self._targets.heard(identity.device, here, elsewhere, self._loop.time())
            for each in [url] if url is not None else urls:
                self._on_met(each, identity.device)
        shown = url or next(iter(here + urls), f"ws://{link.remote_address}")
        self._circle.enter(link, place, identity, shown)
        self.follow(self._online)
        return place

    def _who(self, link: Link, told: Introduction) -> Identity | Refusal:
        if told.device == self._device:
            return Refusal("the other device uses the id of this one")
        return self._identify(
            PeerHello(link.remote_static, told.device, link.secret, told.relay, link.initiator)
        )

    def _turn_away(
        self, link: Link, code: CloseCode, refusal: Refusal, target: Target | None
    ) -> Refusal:
        link.close(code, refusal.reason)
        if target is not None:
            self._targets.refused(target, self._loop.time(), self._dialler.draw(), refusal.reason)
        return refusal

    # Ending.

    def _ended(self, present: Present, end: LinkEnd, last: bool) -> None:
        if last:
            now = self._loop.time()
            self._targets.lost(
                present.identity.device,
                now,
                self._dialler.draw(),
                stood=now - present.since,
                ours=present.link.initiator or present.given_up,
                cooling=cools_down(end.code),
                reason=end_sentence(end),
            )
            self.follow(self._online)
        self._dialler.soon()
