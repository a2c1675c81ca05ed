"""Looking: one question by multicast DNS, on sockets of our own.

From each address a question for Clowder's service is sent to the group of RFC 6762, and for two
seconds everything that arrives is counted: our own question, which the system gives back to every
member of the group on this machine, and packets of other hosts, whoever they are. What is in those
is not looked at. IPv4 only; a network that blocks one family blocks the other.
"""

import asyncio
import socket
import struct
import sys
from collections.abc import Sequence

from chat.doctor.limits import HEARD_MAX, LISTEN_SECONDS, MULTICAST_SOCKETS_MAX
from chat.doctor.observations import Echo

GROUP, PORT = "224.0.0.251", 5353
QUESTION = (
    struct.pack(">6H", 0, 0, 1, 0, 0, 0)
    + b"\x08_clowder\x04_tcp\x05local\x00"
    + struct.pack(">2H", 12, 1)
)
"""PTR of `_clowder._tcp.local`, to be answered by multicast."""
_IP_MULTICAST_ALL = 49
"""Linux: 0 gives a socket the groups that it joined itself, and not those of the whole machine."""


class _Ear(asyncio.DatagramProtocol):
    def __init__(self, own: frozenset[str]) -> None:
        self._own = own
        self.returned = False
        self.others: set[str] = set()
        self.failure = ""

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if addr[0] not in self._own:
            if len(self.others) < HEARD_MAX:
                self.others.add(addr[0])
        elif data == QUESTION:
            self.returned = True

    def error_received(self, exc: Exception) -> None:
        self.failure = getattr(exc, "strerror", None) or str(exc)


async def ask_around(addresses: Sequence[str], own: frozenset[str]) -> list[Echo]:
    """Ask once from each of these IPv4 addresses, and listen for LISTEN_SECONDS.

    Args:
        own: all addresses of this machine; whoever sends from elsewhere is somebody else.
    """
    chosen = list(addresses)[:MULTICAST_SOCKETS_MAX]
    return list(await asyncio.gather(*(_ask(address, own) for address in chosen)))


async def _ask(address: str, own: frozenset[str]) -> Echo:
    loop = asyncio.get_running_loop()
    try:
        endpoint = _socket(address)
    except OSError as error:
        return Echo(address, failure=error.strerror or str(error))
    transport, ear = await loop.create_datagram_endpoint(lambda: _Ear(own), sock=endpoint)
    try:
        transport.sendto(QUESTION, (GROUP, PORT))
        await asyncio.sleep(LISTEN_SECONDS)
    finally:
        transport.close()
    return Echo(address, ear.failure, ear.returned, tuple(sorted(ear.others)))


def _socket(address: str) -> socket.socket:
    """A member of the group on one interface, beside other programs that are members."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "SO_REUSEPORT"):
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind(("", PORT))
        if sys.platform == "linux":
            made.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
        interface = socket.inet_aton(address)
        member = socket.inet_aton(GROUP) + interface
        made.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, interface)
        made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
        made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
    except OSError:
        made.close()
        raise
    return made
