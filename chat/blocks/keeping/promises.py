"""What this machine promised to keep, and for whom."""

from chat.blocks.limits import PROMISES_PER_PEER_MAX


class Promises:
    """Promises given. A promise outlives its link: whoever got it may have dropped the file."""

    def __init__(self) -> None:
        self._until: dict[bytes, dict[bytes, float]] = {}
        """By peer, then by root: when the promise ends."""

    def give(self, peer: bytes, root: bytes, until: float, now: float) -> bool:
        """Promise a file, unless this peer has bound too many already."""
        given = self._until.setdefault(peer, {})
        if root not in given and len(given) >= PROMISES_PER_PEER_MAX:
            for old in [each for each, end in given.items() if end <= now]:
                del given[old]
            if len(given) >= PROMISES_PER_PEER_MAX:
                return False
        given[root] = max(until, given.get(root, until))
        return True

    def bind(self, root: bytes, now: float) -> bool:
        """Whether a file has to stay."""
        return any(given.get(root, now) > now for given in self._until.values())

    def expire(self, now: float) -> None:
        """Forget what is over."""
        for peer, given in list(self._until.items()):
            for root in [each for each, end in given.items() if end <= now]:
                del given[root]
            if not given:
                del self._until[peer]
