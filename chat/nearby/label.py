"""A label: two words that say which of the screens in this room is meant, and the door behind it.

22 random bits, announced in the clear for two minutes. A label is no secret and proves nothing:
anybody may answer under it, and anybody may open its door. What it does is to tell one screen from
another, so its words are those of invites, which are told apart by their first four letters.
"""

import re
from dataclasses import dataclass

from chat import words12
from chat.errors import UsageError
from chat.nearby.limits import LABEL_BYTES
from crdt.errors import Invalid
from crdt.keys import Entropy, digest
from transport.proto.hints import NEARBY_CONTEXT, LinkSecret

_WORD_BITS = 11
_MASK = (1 << 2 * _WORD_BITS) - 1
_SEPARATORS = re.compile(r"[\s,;.:·-]+")
_TYPED_MAX_CHARS = 64
"""Two words of eight letters, and whatever stands around them."""
_WRONG = "A label has two words, as the other screen shows them: ocean-tiger, say."


@dataclass(frozen=True, slots=True)
class Label:
    """A number of 22 bits."""

    number: int

    def __post_init__(self) -> None:
        assert 0 <= self.number <= _MASK

    @property
    def wire(self) -> bytes:
        """As it is announced, 3 bytes."""
        return self.number.to_bytes(LABEL_BYTES, "big")

    @property
    def text(self) -> str:
        """As it is shown: two words with a hyphen."""
        words = words12.word_list()
        return f"{words[self.number >> _WORD_BITS]}-{words[self.number & (1 << _WORD_BITS) - 1]}"

    @property
    def door(self) -> LinkSecret:
        """What links to whoever shows it are opened with, by anybody."""
        return LinkSecret(digest(b"x1.near.door", self.wire), NEARBY_CONTEXT, "nearby")


def drawn(entropy: Entropy) -> Label:
    """A random label."""
    return Label(int.from_bytes(entropy(LABEL_BYTES), "big") & _MASK)


def read(data: bytes) -> Label:
    """The label in an announcement.

    Raises:
        Invalid: it is none.
    """
    number = int.from_bytes(data, "big") if len(data) == LABEL_BYTES else -1
    if not 0 <= number <= _MASK:
        raise Invalid("not a label")
    return Label(number)


def parse(text: str) -> Label:
    """The label that a person typed: any case and separators; four letters of a word suffice.

    Raises:
        UsageError: it is none.
    """
    words = [word for word in _SEPARATORS.split(text[:_TYPED_MAX_CHARS].lower()) if word]
    numbers = [words12.number_of(word) for word in words]
    if len(text) > _TYPED_MAX_CHARS or len(numbers) != 2 or numbers[0] is None:
        raise UsageError(_WRONG)
    if numbers[1] is None:
        raise UsageError(_WRONG)
    return Label(numbers[0] << _WORD_BITS | numbers[1])
