"""Twelve words for 16 bytes, as BIP 39 has them: to be read aloud and typed.

128 bits and a checksum of 4 bits make 12 groups of 11, each the number of a word in a list of
2048. The words are told apart by their first four letters, so four are enough when typing. The
checksum notices 15 of 16 mistakes that hit other words of the list.
"""

import hashlib
import re
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from chat.errors import UsageError

WORDS = 12
SECRET_BYTES = 16
TYPED_MAX_CHARS = 512
"""Twelve words of eight letters, with room for numbers and line breaks between them."""

_WORD_BITS = 11
_CHECK_BITS = 4
_PREFIX_CHARS = 4
_SHOWN_CHARS = 16
_SEPARATORS = re.compile(r"[\s,;.:)·-]+")


@cache
def word_list() -> tuple[str, ...]:
    """The 2048 words, sorted."""
    text = files("chat.data").joinpath("english.txt").read_text("ascii")
    return tuple(line for line in text.splitlines() if not line.startswith("#"))


@cache
def _numbers() -> dict[str, int]:
    """Words and their beginnings of four letters, with the word's number."""
    numbers: dict[str, int] = {}
    for number, word in enumerate(word_list()):
        numbers[word] = numbers[word[:_PREFIX_CHARS]] = number
    return numbers


def _checksum(secret: bytes) -> int:
    return hashlib.sha256(secret).digest()[0] >> (8 - _CHECK_BITS)


def encode(secret: bytes) -> str:
    """The 12 words of 16 bytes, separated by spaces."""
    assert len(secret) == SECRET_BYTES
    bits = int.from_bytes(secret, "big") << _CHECK_BITS | _checksum(secret)
    shifts = range((WORDS - 1) * _WORD_BITS, -1, -_WORD_BITS)
    return " ".join(word_list()[bits >> shift & 0x7FF] for shift in shifts)


def decode(text: str) -> bytes:
    """The 16 bytes of 12 typed words: any case, separators and numbering; 4 letters suffice.

    Raises:
        UsageError: which word is wrong, or that they do not belong together.
    """
    if len(text) > TYPED_MAX_CHARS:
        raise UsageError(f"That is too long for an invite: it has {WORDS} words, or is one link.")
    typed = [word for word in _SEPARATORS.split(text.lower()) if word and not word.isdecimal()]
    if len(typed) != WORDS:
        raise UsageError(f"An invite has {WORDS} words, and these are {len(typed)}.")
    bits = 0
    for place, word in enumerate(typed, 1):
        bits = bits << _WORD_BITS | _number(place, word)
    secret = (bits >> _CHECK_BITS).to_bytes(SECRET_BYTES, "big")
    if bits & (1 << _CHECK_BITS) - 1 != _checksum(secret):
        raise UsageError("These 12 words do not belong together: one of them is another word.")
    return secret


def number_of(word: str) -> int | None:
    """The number of a word, of which four letters are enough; None when it is in no list."""
    number = _numbers().get(word[:_PREFIX_CHARS])
    return number if number is not None and word_list()[number].startswith(word) else None


def _number(place: int, word: str) -> int:
    number = number_of(word)
    if number is None:
        shown = "".join(char for char in word if char.isprintable())[:_SHOWN_CHARS]
        near = get_close_matches(word[:_SHOWN_CHARS], word_list(), n=1)
        hint = f"; did you mean “{near[0]}”?" if near else "."
        raise UsageError(f"Word {place}, “{shown}”, is in no invite{hint}")
    return number
