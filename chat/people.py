"""What a member decided about others, on one device: whom they ignore, and what they call whom.

Nothing of it is an entry, and nobody else ever gets it, least of all whom it is about. It stands in
the profile's encrypted database as one setting, `people`: a version byte and a JSON object. Fields
that this build does not know are of a newer one and are lost when it writes; a version that it does
not know is left alone, and nobody is ignored or called anything then. All functions here are pure.

Messages of somebody who is ignored stay what they are, and can be opened: they are folded to a
line, ring for nothing and count for nothing (`chat.views`, `chat.store.unread`).

A petname is this member's own name for another, shown in place of the nick wherever that is shown
(`chat.nicks`). It is for the eyes here: what is sent, exported or signed has the nick. Devices are
called something in the same way, whatever they were called when they came in.
"""

from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from chat import setting
from chat.errors import StoreError, UsageError
from chat.model_people import PETNAME_MARK
from crdt.limits import ID_BYTES, KEY_BYTES, NICK_MAX_CHARS
from crdt.text import clean_name, look

SETTING = "people"
VERSION = 1
IGNORED_MAX = 1_000
"""Of more none goes by itself, as others do: somebody would be heard again unasked."""
NAMES_MAX = 1_000
"""Petnames, and devices that are called something; none goes by itself, as above."""

_MEMBER_DIGITS = 2 * ID_BYTES
_DEVICE_DIGITS = 2 * KEY_BYTES


class People(msgspec.Struct, frozen=True):
    """What the setting holds.

    Attributes:
        ignored: ids of members, 32 hex digits, in the order they were ignored.
        names: petnames by ids of members, in the order they were given.
        devices: what devices are called, by their ids, 64 hex digits.
    """

    ignored: tuple[str, ...] = ()
    names: dict[str, str] = {}
    devices: dict[str, str] = {}


_LATER_FIELDS = ("names", "devices")
"""Left out while empty, so that what an older build wrote stays as it is."""

_decoder = msgspec.json.Decoder(People)
_DAMAGED = "Whom you ignore, and what you call whom, is damaged and cannot be read."


def encode(people: People) -> bytes:
    """The bytes of the setting."""
    fields = msgspec.structs.asdict(people)
    kept = {name: value for name, value in fields.items() if value or name not in _LATER_FIELDS}
    return setting.encode(VERSION, kept)


def decode(data: bytes) -> People:
    """What the setting says.

    Raises:
        StoreError: it is damaged, or of a version that this build does not know.
    """
    found = setting.decode(
        data,
        VERSION,
        _decoder,
        newer="Whom you ignore, and what you call whom, was written by a newer Clowder. Update it; "
        "it is as it was.",
        damaged=_DAMAGED,
    )
    if found is None:
        return People()
    ids = (*found.ignored, *found.names)
    if (
        len(found.ignored) > IGNORED_MAX
        or max(len(found.names), len(found.devices)) > NAMES_MAX
        or not all(_is_hex(each, _MEMBER_DIGITS) for each in ids)
        or not all(_is_hex(each, _DEVICE_DIGITS) for each in found.devices)
        or not all(map(_is_name, (*found.names.values(), *found.devices.values())))
    ):
        raise StoreError(_DAMAGED)
    return found


def _is_hex(text: str, digits: int) -> bool:
    return len(text) == digits and all(c in "0123456789abcdef" for c in text)


def _is_name(text: str) -> bool:
    return bool(look(text)) and len(text) <= NICK_MAX_CHARS


def ids(members: Iterable[str]) -> frozenset[bytes]:
    """Members as the store knows them."""
    return frozenset(map(bytes.fromhex, members))


def petnames(people: People) -> dict[bytes, str]:
    """What members are called here, by id; whatever stands in the setting, a screen can take it."""
    return _by_id(people.names)


def device_names(people: People) -> dict[bytes, str]:
    """What devices are called here, by id; as `petnames`."""
    return _by_id(people.devices)


def _by_id(names: Mapping[str, str]) -> dict[bytes, str]:
    cleaned = ((each, clean_name(name, NICK_MAX_CHARS)) for each, name in names.items())
    return {bytes.fromhex(each): name for each, name in cleaned if look(name)}


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
    return replace(people, ignored=kept)


def with_name(people: People, member: str, given: str) -> People:
    """Call a member something from now on; "" calls them by their nick again.

    Raises:
        UsageError: that is no name, somebody else is called so, or there are too many.
    """
    name = _cleaned(given.strip().removeprefix("@")).rstrip(PETNAME_MARK).rstrip()
    if given.strip() and not look(name):
        raise UsageError("A name has at least one letter.")
    kept = {each: known for each, known in people.names.items() if each != member}
    for known in kept.values():
        if name and look(known) == look(name):
            raise UsageError(f"You call somebody else {known} already; names are told apart.")
    return replace(people, names=_with(kept, member, name))


def with_device(people: People, device: str, given: str) -> People:
    """Call a device something from now on; "" calls it what it was called when it came in.

    Raises:
        UsageError: that is no name, or there are too many.
    """
    name = _cleaned(given)
    if given.strip() and not look(name):
        raise UsageError("A name has at least one letter.")
    kept = {each: known for each, known in people.devices.items() if each != device}
    return replace(people, devices=_with(kept, device, name))


def _cleaned(given: str) -> str:
    name = clean_name(given, NICK_MAX_CHARS + 1)
    if len(name) > NICK_MAX_CHARS:
        raise UsageError(f"A name has at most {NICK_MAX_CHARS} letters.")
    return name


def _with(names: dict[str, str], key: str, name: str) -> dict[str, str]:
    if name:
        names = {**names, key: name}
    if len(names) > NAMES_MAX:
        raise UsageError(f"You gave {NAMES_MAX:,} names already; take one of them back first.")
    return names
