"""Looking: all of it, through the node that holds the profile.

That node may have run for days, or have been started for this look alone; it is given a few seconds
to meet somebody. Its own settings count, not those of whoever asks: a node that was started with
`--no-mdns` looks for nobody. Multicast is tried meanwhile, addresses are knocked at afterwards.
"""

import asyncio
from collections.abc import Callable, Iterator

import msgspec

from chat import commands, model
from chat.config import Network
from chat.doctor import interfaces, knocking, multicast
from chat.doctor.limits import SETTLE_POLL_SECONDS, SETTLE_SECONDS
from chat.doctor.observations import Echo, Interface, Kind, Observations, speaks
from chat.errors import NotFound, TrustError
from chat.links.addresses import canonical_urls
from chat.session import Session
from transport.net.clock import monotonic


async def gather(
    session: Session | None,
    settings: Network,
    entropy: Callable[[int], bytes],
    refused_to_listen: str = "",
) -> Observations:
    """Look at everything; takes ten seconds at most.

    Args:
        session: the node's; None when there is no profile.
        settings: of the command line, for when there is no node to ask.
        refused_to_listen: why a node could not be started that listens, a sentence.

    Raises:
        ChatError: the node has ended meanwhile.
    """
    found = tuple(interfaces.interfaces())
    around = await _around(session, settings)
    echoes, _ = await asyncio.gather(_echoes(around, found), _settle(session, around.mdns))
    around = await _around(session, settings)
    status = model.Status("none") if session is None else await session.call(commands.GetStatus())
    assert isinstance(status, model.Status)
    return Observations(
        status=status,
        around=around,
        interfaces=found,
        members=await _members(session),
        refused_to_listen=refused_to_listen,
        default_interface=interfaces.look_up_default_interface(),
        knocks=await knocking.knock_at(worth_a_knock(status, around), entropy),
        echoes=tuple(echoes),
    )


async def _around(session: Session | None, settings: Network) -> model.Surroundings:
    """What the node knows, with every address in its one spelling."""
    if session is None:
        around = model.Surroundings(settings.interface, settings.mdns, settings.dial)
    else:
        around = await session.call(commands.LookAround())
    return msgspec.structs.replace(around, dial=tuple(canonical_urls(around.dial)))


async def _settle(session: Session | None, mdns: bool) -> None:
    """Wait until somebody is linked and speaks, or nobody will, or it has taken long enough."""
    if session is None:
        return
    deadline = monotonic() + SETTLE_SECONDS
    while monotonic() < deadline:
        peers: list[model.Peer] = await session.call(commands.ListPeers())
        if any(speaks(peer) for peer in peers):
            return
        if not mdns and all(peer.reason for peer in peers):
            return  # Every address has been tried, and nothing will name another.
        await asyncio.sleep(SETTLE_POLL_SECONDS)


async def _members(session: Session | None) -> tuple[model.Member, ...]:
    if session is None:
        return ()
    try:
        return tuple(await session.call(commands.ListMembers()))
    except (NotFound, TrustError):  # Not in yet, or a relay, which knows no names.
        return ()


async def _echoes(around: model.Surroundings, found: tuple[Interface, ...]) -> list[Echo]:
    if not around.mdns:
        return []
    own = frozenset(address for each in found for address in each.addresses)
    return await multicast.ask_around(list(_asked_from(around.interface, found)), own)


def _asked_from(chosen: str, found: tuple[Interface, ...]) -> Iterator[str]:
    """The IPv4 addresses to ask from: the one that discovery is bound to, or one each interface."""
    for interface in found:
        addresses = [address for address in interface.addresses if ":" not in address]
        if chosen:
            yield from (address for address in addresses if address == chosen)
        elif addresses and interface.kind is not Kind.LOOPBACK and interface.carrier is not False:
            yield addresses[0]


def worth_a_knock(status: model.Status, around: model.Surroundings) -> Iterator[str]:
    """Where to knock, what says most first."""
    for sighting in around.sightings:
        if sighting.ours:
            yield from sighting.urls
    yield from (peer.url for peer in around.peers if peer.state == "linked")
    yield from status.listening
    yield from around.dial
    yield from (peer.url for peer in around.peers if peer.state != "linked")
