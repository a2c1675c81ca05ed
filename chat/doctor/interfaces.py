"""Looking: the interfaces of this machine, its default route, and who answers below TCP.

Addresses come from `ifaddr`; flags, routes and neighbours from `/sys/class/net` and `/proc/net`,
which Linux has. Elsewhere what those would tell is None or empty, and the checks say less. A
neighbour's entry may be half a minute old.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import ifaddr

from chat.doctor.observations import Interface, Kind, Neighbour
from transport.net.addresses import is_address, is_loopback

_BRIDGE = re.compile(
    r"docker|br-[0-9a-f]{12}$|veth|virbr|vboxnet|vmnet|lxc|lxdbr|incusbr|cni|podman|flannel|cali"
    r"|vEthernet|bridge1\d\d$|vnic"
)
_TUNNEL = re.compile(
    r"tun|tap|wg|utun|ppp|tailscale|zt|nordlynx|nordtun|proton|ipsec|gpd|cscotun|wt\d"
)
_IFF_MULTICAST = 0x1000
_ARP_COMPLETE = 0x2
"""Of an entry's flags in /proc/net/arp: the host has answered (include/uapi/linux/if_arp.h)."""
_ALL_ZERO = "00000000"
_DEFAULT_MASKS = ("00000080", _ALL_ZERO)
"""/1 and /0 as the kernel writes them, the last byte first; the longer one wins."""
_SYSTEM = Path("/sys/class/net")
_ROUTES = Path("/proc/net/route")
_NEIGHBOURS = Path("/proc/net/arp")


def kind_of(name: str, addresses: Iterable[str]) -> Kind:
    """What an interface leads to."""
    if all(is_loopback(address) for address in addresses):
        return Kind.LOOPBACK
    if _BRIDGE.match(name):
        return Kind.BRIDGE
    return Kind.TUNNEL if _TUNNEL.match(name) else Kind.LAN


def interfaces() -> list[Interface]:
    """Those that have an address, by name."""
    by_name: dict[str, list[str]] = {}
    for adapter in ifaddr.get_adapters():
        held = by_name.setdefault(adapter.name, [])
        for address in adapter.ips:
            if isinstance(address.ip, str):
                held.append(address.ip)
            else:
                host, _, scope = address.ip
                held.append(f"{host}%{adapter.name}" if scope else host)
    found = []
    for name, held in sorted(by_name.items()):
        if held:
            addresses = tuple(sorted(held, key=lambda host: (":" in host, host)))
            flags, carrier = _told(name, "flags"), _told(name, "carrier")
            found.append(
                Interface(
                    name,
                    kind_of(name, addresses),
                    addresses,
                    multicast=None if flags is None else bool(flags & _IFF_MULTICAST),
                    carrier=None if carrier is None else bool(carrier),
                )
            )
    return found


def _told(name: str, what: str) -> int | None:
    """A number that the system tells of an interface."""
    try:
        return int((_SYSTEM / name / what).read_text("ascii"), 0)
    except (OSError, ValueError):  # Not Linux, or an interface that is switched off.
        return None


def default_interface(routes: str) -> str:
    """Where most of IPv4 goes, from /proc/net/route: the default route with the least metric.

    A VPN leaves that in place and adds two routes of half the Internet each, which win over it.
    """
    found: list[tuple[int, int, str]] = []
    for line in routes.splitlines()[1:]:
        fields = line.split()
        if len(fields) >= 8 and fields[1] == _ALL_ZERO and fields[7] in _DEFAULT_MASKS:
            metric = int(fields[6]) if fields[6].isdecimal() else 0
            found.append((_DEFAULT_MASKS.index(fields[7]), metric, fields[0]))
    return min(found)[2] if found else ""


def neighbours(table: str) -> dict[str, Neighbour]:
    """By IPv4 address, who answers on this network, from /proc/net/arp."""
    found: dict[str, Neighbour] = {}
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 4 or not is_address(fields[0]):
            continue
        try:
            complete = int(fields[2], 16) & _ARP_COMPLETE
        except ValueError:
            continue
        # The same address may have an entry on each of two interfaces; one answer is enough.
        if found.get(fields[0]) is not Neighbour.ANSWERS:
            found[fields[0]] = Neighbour.ANSWERS if complete else Neighbour.ABSENT
    return found


def look_up_default_interface() -> str:
    """As `default_interface`, of this machine now; empty where the system does not tell."""
    return default_interface(_read(_ROUTES))


def look_up_neighbours() -> Mapping[str, Neighbour]:
    """As `neighbours`, of this machine now; empty where the system does not tell."""
    return neighbours(_read(_NEIGHBOURS))


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return ""
