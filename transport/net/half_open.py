"""Connections that have not proven anything yet, and how many of them there may be.

Whoever can reach the port can open connections and say nothing. Two bounds keep that cheap: so
many from one address, so many in all. At a bound the newcomer is let in and the oldest goes, from
the address that holds most: an honest handshake takes milliseconds, so it survives unless
somebody opens a whole bound's worth of connections in that time.
"""

from collections.abc import Hashable
from typing import Generic, TypeVar

from transport.proto.limits import HALF_OPEN_MAX, HALF_OPEN_PER_ADDRESS_MAX

ConnectionT = TypeVar("ConnectionT", bound=Hashable)


class HalfOpen(Generic[ConnectionT]):
    """The unproven connections of one listener, oldest first for each address."""

    def __init__(self) -> None:
        self._by_address: dict[str, dict[ConnectionT, None]] = {}
        self._addresses: dict[ConnectionT, str] = {}

    def __len__(self) -> int:
        return len(self._addresses)

    def add(self, connection: ConnectionT, address: str) -> ConnectionT | None:
        """Count a new connection; the one that has to go for it, if the bound is met."""
        self._addresses[connection] = address
        here = self._by_address.setdefault(address, {})
        here[connection] = None
        if len(here) > HALF_OPEN_PER_ADDRESS_MAX:
            return next(iter(here))
        if len(self._addresses) > HALF_OPEN_MAX:
            fullest = max(self._by_address.values(), key=len)
            return next(iter(fullest))
        return None

    def remove(self, connection: ConnectionT) -> None:
        """It proved itself or is gone; removing it again does nothing."""
        address = self._addresses.pop(connection, None)
        if address is None:
            return
        here = self._by_address[address]
        del here[connection]
        if not here:
            del self._by_address[address]
