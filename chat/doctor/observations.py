"""What was seen, as values: everything that the checks judge by, and nothing that they look up."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from chat import model


class Kind(StrEnum):
    """What an interface leads to, judged by its name."""

    LAN = "lan"
    LOOPBACK = "loopback"
    BRIDGE = "bridge"
    """Containers or virtual machines on this very machine."""
    TUNNEL = "tunnel"
    """A VPN; most of them pass no multicast."""


class Interface(NamedTuple):
    """An interface with addresses.

    Attributes:
        addresses: IPv4 first; link-local IPv6 with `%name`.
        multicast: whether it is switched on; None where the system does not tell.
        carrier: whether there is a cable or a Wi-Fi; None where the system does not tell.
    """

    name: str
    kind: Kind
    addresses: tuple[str, ...]
    multicast: bool | None = None
    carrier: bool | None = None


class Outcome(StrEnum):
    """What came of knocking at an address."""

    OPEN = "open"
    REFUSED = "refused"
    SILENT = "silent"
    NO_ROUTE = "no-route"


class Neighbour(StrEnum):
    """Whether the host itself answers on this network, below TCP (its ARP entry)."""

    ANSWERS = "answers"
    ABSENT = "absent"
    UNKNOWN = "unknown"
    """It is on another network, or the system does not tell."""


class Knock(NamedTuple):
    """One address that was tried.

    Attributes:
        skew_seconds: how far its clock is ahead of this one; None when it did not say.
        detail: what the system says of the failure, its own words.
    """

    outcome: Outcome
    neighbour: Neighbour = Neighbour.UNKNOWN
    skew_seconds: float | None = None
    detail: str = ""


class Echo(NamedTuple):
    """One question by multicast DNS from one address of this machine.

    Attributes:
        failure: why it could not be sent, the system's words; empty when it was.
        returned: this machine heard it itself.
        others: hosts that were heard meanwhile.
    """

    address: str
    failure: str = ""
    returned: bool = False
    others: tuple[str, ...] = ()


def speaks(peer: model.Peer) -> bool:
    """Whether a linked peer has told what it has; it tells that nobody but members and relays."""
    return peer.state == "linked" and peer.behind is not None


class Observations(NamedTuple):
    """Everything at once.

    Attributes:
        status: of the profile; phase "none" without one.
        around: what its node knows of the network.
        members: of the workspace, empty when this profile is not in one.
        refused_to_listen: why the address cannot be listened at, a sentence; empty when it can.
        default_interface: where the default route goes, empty when there is none or it is not told.
        knocks: by canonical URL: own addresses, announced ones, and those that are being tried.
        echoes: empty when discovery is switched off.
    """

    status: model.Status
    around: model.Surroundings
    interfaces: tuple[Interface, ...]
    members: tuple[model.Member, ...] = ()
    refused_to_listen: str = ""
    default_interface: str = ""
    knocks: Mapping[str, Knock] = {}
    echoes: tuple[Echo, ...] = ()

    @property
    def linked(self) -> list[model.Peer]:
        """Peers that a link leads to now."""
        return [peer for peer in self.around.peers if peer.state == "linked"]

    @property
    def tried(self) -> list[model.Peer]:
        """Addresses that lead to nobody so far."""
        return [peer for peer in self.around.peers if peer.state != "linked"]

    @property
    def unmet(self) -> list[model.Sighting]:
        """Devices of this workspace that announce themselves here and are not linked."""
        met = {peer.url for peer in self.linked}
        return [each for each in self.around.sightings if each.ours and met.isdisjoint(each.urls)]

    @property
    def is_met(self) -> bool:
        """Whether this device has company that counts."""
        if self.status.phase in ("live", "relay"):
            return any(speaks(peer) for peer in self.linked)
        return bool(self.linked) and self.status.phase == "pending"

    @property
    def own_addresses(self) -> frozenset[str]:
        """Of every interface."""
        return frozenset(address for each in self.interfaces for address in each.addresses)

    def interface_of(self, address: str) -> Interface | None:
        """Whose address that is."""
        return next((each for each in self.interfaces if address in each.addresses), None)
