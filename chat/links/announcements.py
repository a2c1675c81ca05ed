"""Who announces itself on the LAN, kept whether or not it is one of ours.

Whoever joins a workspace later finds in here whom to dial, and `clowder doctor` who is around. The
addresses of an announcement are its name: a device that announces itself anew has another nonce.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from chat.links.limits import ANNOUNCEMENTS_MAX
from transport.proto.announcement import Announcement
from transport.proto.hints import LinkSecret, tagged_secrets


class Heard(NamedTuple):
    """An announcement: canonical URLs, and whether it has a tag of a secret that is held here."""

    urls: tuple[str, ...]
    ours: bool


class Announcements:
    """The newest announcements, by their canonical URLs; at most ANNOUNCEMENTS_MAX."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], Announcement] = {}

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return iter(list(self._known))

    def __contains__(self, urls: object) -> bool:
        return urls in self._known

    def add(self, urls: tuple[str, ...], announcement: Announcement) -> tuple[str, ...]:
        """A device announces itself there; gives the name of the announcement."""
        self._known.pop(urls, None)
        self._known[urls] = announcement
        if len(self._known) > ANNOUNCEMENTS_MAX:
            del self._known[next(iter(self._known))]
        return urls

    def drop(self, urls: tuple[str, ...]) -> None:
        """It does so no more."""
        self._known.pop(urls, None)

    def secret(self, urls: tuple[str, ...], secrets: Iterable[LinkSecret]) -> LinkSecret | None:
        """The first of these secrets that an announcement held here has a tag of."""
        known = self._known[urls]
        return next(iter(tagged_secrets(secrets, known.nonce, known.tags)), None)

    def heard(self, secrets: Sequence[LinkSecret]) -> list[Heard]:
        """All of them, the newest last; but for labels, which are of no workspace."""
        devices = (urls for urls in self if not self._known[urls].label)
        return [Heard(urls, self.secret(urls, secrets) is not None) for urls in devices]
