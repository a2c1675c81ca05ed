"""Who is away, by their own word. Pure; `chat.engine.gossip` carries the words around.

A word is about a member, not about a device: who goes to lunch at the desk and writes from the
phone is back. So of all that the devices of a member said the newest counts, by its stamp, and a
device that says something makes its stamp larger than any it knows of that member. Somebody's
word ends with the card of the device that said it: who is not online is not away either.
"""

from collections.abc import Iterable, Iterator, Set
from typing import NamedTuple

from chat.engine.ephemeral import Away, Signed
from chat.engine.gossip_ports import AwayChanged, Effect
from chat.engine.limits import AWAY_MAX_CHARS
from crdt.text import clean_line


class _Word(NamedTuple):
    """What a device said of its member."""

    message: Signed
    said: Away


class Absences:
    """The newest word of each member."""

    def __init__(self) -> None:
        self._words: dict[bytes, _Word] = {}

    @property
    def away(self) -> dict[bytes, str]:
        """Members who are away, and what they say of it, clean."""
        return {
            member: clean_line(word.said.text, AWAY_MAX_CHARS)
            for member, word in self._words.items()
            if word.said.away
        }

    def stamp(self, member: bytes) -> int:
        """When the newest word of a member was said, 0 when there is none."""
        word = self._words.get(member)
        return 0 if word is None else word.message.stamp

    def said_by(self, member: bytes, device: bytes) -> Away | None:
        """The word of a member who is away, if this device said it."""
        word = self._words.get(member)
        ours = word is not None and word.said.away and word.message.device == device
        return word.said if word is not None and ours else None

    def take(self, member: bytes, message: Signed, said: Away) -> list[Effect] | None:
        """Somebody may look different now; None when a newer word is known."""
        before = self._words.get(member)
        if before is not None and message.stamp <= before.message.stamp:
            return None
        self._words[member] = _Word(message, said)
        known = before is not None and before.said.away
        same = said.away == known and (before is None or said == before.said)
        return [] if same else [AwayChanged()]

    def keep(self, devices: Set[bytes]) -> list[Effect]:
        """Forget what other devices said; somebody may look different now."""
        before = self._words
        self._words = {m: word for m, word in before.items() if word.message.device in devices}
        gone = any(word.said.away for m, word in before.items() if m not in self._words)
        return [AwayChanged()] if gone else []

    def told(self, cards: Iterable[Signed]) -> Iterator[Signed]:
        """That somebody is away, as the devices of these cards said it."""
        devices = {card.device for card in cards}
        for word in self._words.values():
            if word.said.away and word.message.device in devices:
                yield word.message
