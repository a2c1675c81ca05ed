"""Words by which people make sure that their machines hold the same keys and the same roster.

A *fingerprint* of a member is a hash of all keys of its devices; two people read its eight words
to each other, face to face or on the phone, or one scans the other's code. Equal words: nobody
stands between them with keys of their own. The *view* is a hash of everything that the roster says
about who is in, with which levels and keys, and of the key that is sent under. Equal words of it:
both machines were told the same story. They differ, too, while one has not heard the newest.

Each hash is stretched, so that trying for other keys with the same words costs a hash chain a try.
A fingerprint of eight words has 88 bits; its owner's keys are given, so who wants to pass for them
needs a second preimage. The view gets twelve words, 132 bits: an insider makes both of two stories
and looks for any two that are equal, for which half of the bits have to do.

Whom a member *confirmed* stands in the profile's database as one setting, private to the device:
for each the hashes of the devices' keys as they were. They stay confirmed while they use these or
some of them; a key that was not there is loud, whoever added it. All functions here are pure.
Format: docs/protocol/verification.md.
"""

import binascii
from base64 import b32decode, b32encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec

from chat import words12
from chat.errors import StoreError, UsageError
from chat.model import Verified
from crdt.keys import digest, equal
from crdt.limits import DIGEST_BYTES, ID_BYTES, KEY_BYTES
from crdt.roster_state import DeviceState, State

SETTING = "verified"
VERSION = 1
MEMBER_WORDS = 8
VIEW_WORDS = 12
ROUNDS = 5_200
"""Hashes for one fingerprint: 4 ms, and 12 bits more for whoever searches."""
SCHEME = "clowder-verify:"
CODE_CHECK_BYTES = 4
CODE_MAX_CHARS = 256
"""A code has 100 characters; line breaks of a mail may come in between."""
CONFIRMED_MAX = 4_096
"""Members; more is not what one person compared words with."""
DEVICES_MAX = 256
"""Of one member; more is no person."""

_WORD_BITS = 11
_DEVICE_BYTES = 16
_WRONG_CODE = (
    "That is no code of a member. It begins with clowder-verify: and stands below the words that "
    "`clowder verify` prints."
)


# Words ------------------------------------------------------------------------------------------


def fingerprint(workspace: bytes, member: bytes, devices: Iterable[DeviceState]) -> bytes:
    """32 bytes of a member's keys, the same on every machine that holds the same ones."""
    keys = sorted(map(_keys_of, devices))
    return _stretched(b"x1.fp", workspace, member + b"".join(keys))


def view(workspace: bytes, state: State, epoch: bytes | None) -> bytes:
    """32 bytes of who is in, by level and keys, and of the epoch that is sent under (or none)."""
    parts: list[bytes] = []
    for member, known in sorted(state.members.items()):
        keys = sorted(_keys_of(state.devices[device]) for device in known.devices)
        parts += (member, bytes((known.level,)), len(keys).to_bytes(2, "big"), *keys)
    parts.append(epoch or bytes(DIGEST_BYTES))
    return _stretched(b"x1.view", workspace, b"".join(parts))


def words(value: bytes, count: int) -> str:
    """The first 11 bits of a value for each word."""
    bits = int.from_bytes(value, "big") >> 8 * len(value) - _WORD_BITS * count
    shifts = range((count - 1) * _WORD_BITS, -1, -_WORD_BITS)
    return " ".join(words12.word_list()[bits >> shift & 0x7FF] for shift in shifts)


def _keys_of(device: DeviceState) -> bytes:
    return device.device + (device.link or bytes(KEY_BYTES)) + device.box


def _stretched(label: bytes, workspace: bytes, told: bytes) -> bytes:
    told = digest(label, workspace, told)
    value = told
    for _ in range(ROUNDS):
        value = digest(label, value, told)
    return value


# Codes ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Code:
    """What a scanned or pasted code says: a member, and its whole fingerprint."""

    member: bytes
    fingerprint: bytes

    @property
    def text(self) -> str:
        """As it is shown and scanned."""
        payload = bytes((VERSION,)) + self.member + self.fingerprint
        data = payload + digest(b"x1.code", payload)[:CODE_CHECK_BYTES]
        return SCHEME + b32encode(data).decode("ascii").rstrip("=").lower()

    def fits(self, member: bytes, value: bytes) -> bool:
        """Whether it says of this member what is held here."""
        return equal(self.member + self.fingerprint, member + value)


def parse_code(given: str) -> Code:
    """A code, in any case, with blanks and line breaks.

    Raises:
        UsageError: it is none, or of a newer build.
    """
    text = "".join(given[:CODE_MAX_CHARS].split()).lower()
    if not text.startswith(SCHEME) or len(given) > CODE_MAX_CHARS:
        raise UsageError(_WRONG_CODE)
    digits = text.removeprefix(SCHEME).upper()
    try:
        data = b32decode(digits + "=" * (-len(digits) % 8))
    except (binascii.Error, ValueError):
        raise UsageError(_WRONG_CODE) from None
    payload, check = data[:-CODE_CHECK_BYTES], data[-CODE_CHECK_BYTES:]
    if len(check) < CODE_CHECK_BYTES or digest(b"x1.code", payload)[:CODE_CHECK_BYTES] != check:
        raise UsageError(_WRONG_CODE)
    if payload[:1] != bytes((VERSION,)):
        raise UsageError("This code needs a newer Clowder; update it, or compare the words.")
    if len(payload) != 1 + ID_BYTES + DIGEST_BYTES:
        raise UsageError(_WRONG_CODE)
    return Code(payload[1 : 1 + ID_BYTES], payload[1 + ID_BYTES :])


# Who is confirmed -------------------------------------------------------------------------------

Confirmed = Mapping[bytes, tuple[bytes, ...]]
"""Hashes of the devices' keys, sorted, by member."""

_Id = Annotated[bytes, msgspec.Meta(min_length=ID_BYTES, max_length=ID_BYTES)]
_Device = Annotated[bytes, msgspec.Meta(min_length=_DEVICE_BYTES, max_length=_DEVICE_BYTES)]
_Devices = Annotated[tuple[_Device, ...], msgspec.Meta(min_length=1, max_length=DEVICES_MAX)]
_Rows = Annotated[tuple[tuple[_Id, _Devices], ...], msgspec.Meta(max_length=CONFIRMED_MAX)]

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Rows)


def encode(confirmed: Confirmed) -> bytes:
    """The bytes of the setting."""
    return bytes((VERSION,)) + _encoder.encode(sorted(confirmed.items()))


def decode(data: bytes) -> dict[bytes, tuple[bytes, ...]]:
    """What the setting says; nobody is confirmed where there is none.

    Raises:
        StoreError: it is damaged, or of a version that this build does not know.
    """
    if not data:
        return {}
    if data[0] != VERSION:
        raise StoreError(
            "Whom you verified was written by a newer Clowder. Update it; until then nobody is "
            "shown as verified, and it stays as it is."
        )
    try:
        rows = _decoder.decode(data[1:])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        rows = None
    if rows is None or any(list(each) != sorted(set(each)) for _, each in rows):
        raise StoreError("Whom you verified is damaged in this profile; nobody is shown so.")
    found = dict(rows)
    if list(found) != sorted(found) or len(found) != len(rows):
        raise StoreError("Whom you verified is damaged in this profile; nobody is shown so.")
    return found


def standing(confirmed: Confirmed, member: bytes, devices: Iterable[DeviceState]) -> Verified:
    """How a member stands with the keys it has now."""
    known = confirmed.get(member)
    if known is None:
        return "no"
    return "yes" if _hashes(devices) <= set(known) else "changed"


def with_confirmed(
    confirmed: Confirmed, member: bytes, devices: Iterable[DeviceState]
) -> dict[bytes, tuple[bytes, ...]]:
    """A member is confirmed with the keys it has now.

    Raises:
        UsageError: more are than fit.
    """
    hashes = tuple(sorted(_hashes(devices)))
    after = {**confirmed, member: hashes}
    if len(after) > CONFIRMED_MAX or not 0 < len(hashes) <= DEVICES_MAX:
        raise UsageError(f"At most {CONFIRMED_MAX} members can be verified, who have devices.")
    return after


def _hashes(devices: Iterable[DeviceState]) -> set[bytes]:
    return {digest(b"x1.device", _keys_of(device))[:_DEVICE_BYTES] for device in devices}
