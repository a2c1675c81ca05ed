"""What a member decided about others, on one device: whom they ignore.

Nothing of it is an entry, and nobody else ever gets it, least of all who is ignored. It stands in
the profile's encrypted database as one setting, `people`: a version byte and a JSON object. Fields
that this build does not know are of a newer one and are lost when it writes; a version that it does
not know is left alone, and nobody is ignored then. All functions here are pure.

Messages of somebody who is ignored stay what they are, and can be opened: they are folded to a
line, ring for nothing and count for nothing (`chat.views`, `chat.store.unread`).
"""

from collections.abc import Iterable

import msgspec

from chat.errors import StoreError, UsageError
from crdt.limits import ID_BYTES

SETTING = "people"
VERSION = 1
IGNORED_MAX = 1_000
"""Of more none goes by itself, as others do: somebody would be heard again unasked."""

_MEMBER_DIGITS = 2 * ID_BYTES


class People(msgspec.Struct, frozen=True):
    """What the setting holds: ids of members, 32 hex digits, in the order they were ignored."""

    ignored: tuple[str, ...] = ()


_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(People)


def encode(people: People) -> bytes:
    """The bytes of the setting."""
    return bytes((VERSION,)) + _encoder.encode(people)


def decode(data: bytes) -> People:
    """What the setting says.

    Raises:
        StoreError: it is damaged, or of a version that this build does not know.
    """
    if not data:
        return People()
    if data[0] != VERSION:
        raise StoreError(
            "Whom you ignore was written by a newer Clowder. Update it; it is as it was."
        )
    try:
        found = _decoder.decode(data[1:])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise StoreError("Whom you ignore is damaged and cannot be read.") from None
    if len(found.ignored) > IGNORED_MAX or not all(map(_is_member, found.ignored)):
        raise StoreError("Whom you ignore is damaged and cannot be read.")
    return found


def _is_member(text: str) -> bool:
    return len(text) == _MEMBER_DIGITS and all(c in "0123456789abcdef" for c in text)


def ids(members: Iterable[str]) -> frozenset[bytes]:
    """Members as the store knows them."""
    return frozenset(map(bytes.fromhex, members))


def with_ignored(people: People, member: str, on: bool) -> People:
    """Ignore a member, or not any more.

    Raises:
        UsageError: there are too many already.
    """
    kept = tuple(each for each in people.ignored if each != member)
    if on:
        kept = (*kept, member)
    if len(kept) > IGNORED_MAX:
        raise UsageError(f"You ignore {IGNORED_MAX:,} members already; hear one of them first.")
    return msgspec.structs.replace(people, ignored=kept)
