"""Who announces itself on the LAN, kept whether or not it is one of ours.

Whoever joins a workspace later finds in here whom to dial, and `clowder doctor` who is around. The
addresses of an announcement are its name: a device that announces itself anew has another nonce.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from chat.links.limits import ANNOUNCEMENTS_MAX
from transport.proto.hints import LinkSecret, tagged_secrets


class Heard(NamedTuple):
    """An announcement: canonical URLs, and whether it has a tag of a secret that is held here."""

    urls: tuple[str, ...]
    ours: bool


class Announcements:
    """The newest announcements, by their canonical URLs; at most ANNOUNCEMENTS_MAX."""

    def __init__(self) -> None:
        self._tags: dict[tuple[str, ...], tuple[bytes, Sequence[bytes]]] = {}

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return iter(list(self._tags))

    def __contains__(self, urls: object) -> bool:
        return urls in self._tags

    def add(self, urls: tuple[str, ...], nonce: bytes, tags: Sequence[bytes]) -> None:
        """A device announces itself there."""
        self._tags.pop(urls, None)
        self._tags[urls] = (nonce, tags)
        if len(self._tags) > ANNOUNCEMENTS_MAX:
            del self._tags[next(iter(self._tags))]

    def drop(self, urls: tuple[str, ...]) -> None:
        """It does so no more."""
        self._tags.pop(urls, None)

    def secret(self, urls: tuple[str, ...], secrets: Iterable[LinkSecret]) -> LinkSecret | None:
        """The first of these secrets that an announcement held here has a tag of."""
        return next(iter(tagged_secrets(secrets, *self._tags[urls])), None)

    def heard(self, secrets: Sequence[LinkSecret]) -> list[Heard]:
        """All of them, the newest last."""
        return [Heard(urls, self.secret(urls, secrets) is not None) for urls in self]
