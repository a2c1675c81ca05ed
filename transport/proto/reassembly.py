"""Putting messages together again: one at a time for each priority.

Memory is bounded without trust: a buffer grows with bytes that really arrived, never with the
length a peer announces, and no further than the limit of its kind. It is one buffer, so a
message in a million fragments of one byte takes no more than any other.
"""

from transport.proto.errors import Reason, RemoteFault
from transport.proto.limits import PRIORITIES
from transport.proto.records import Fragment


class _Partial:
    __slots__ = ("kind", "received", "total")

    def __init__(self, first: Fragment) -> None:
        self.kind = first.kind
        self.total = first.total
        self.received = bytearray(first.data)


class Reassembly:
    """The messages under way.

    Attributes:
        held_bytes: what their fragments take.
    """

    def __init__(self) -> None:
        self.held_bytes = 0
        self._partials: list[_Partial | None] = [None] * PRIORITIES

    def add(self, fragment: Fragment) -> tuple[int, bytes] | None:
        """Kind and payload of the message that this fragment completes, if it does.

        Raises:
            RemoteFault: the fragment continues nothing, interrupts a message, or the message
                becomes longer or shorter than its first fragment said.
        """
        partial = self._partials[fragment.priority]
        if fragment.first:
            if partial is not None:
                raise RemoteFault(Reason.ORDER, "a message begins inside another")
            if fragment.last:
                return fragment.kind, fragment.data
            self._partials[fragment.priority] = _Partial(fragment)
            self.held_bytes += len(fragment.data)
            return None
        if partial is None:
            raise RemoteFault(Reason.ORDER, "a fragment of a message that never began")
        partial.received += fragment.data
        self.held_bytes += len(fragment.data)
        complete = len(partial.received) == partial.total
        if len(partial.received) > partial.total or fragment.last != complete:
            raise RemoteFault(Reason.FORMAT, "a message has not the length it announced")
        if not fragment.last:
            return None
        self._partials[fragment.priority] = None
        self.held_bytes -= partial.total
        return partial.kind, bytes(partial.received)
