"""What is shown and never kept: who writes, where a cursor is, who is online, who is away.

Such a message is signed by its device and passed from member to member (`chat.engine.gossip`), or
comes unsigned over a link, which proves its device; it reaches no disk. A message is a msgpack
array, its kind first; a kind this build does not know is `TooNew`, and passed over.
Format: docs/protocol/ephemeral.md.
"""

from collections.abc import Iterable

import msgspec

from chat.engine.limits import (
    AWAY_MAX_CHARS,
    EPHEMERAL_MAX_BYTES,
    HERE_MAX_SECONDS,
    HOPS_MAX,
    PLACE_MAX_BYTES,
    SAID_MAX_BYTES,
    URL_MAX_CHARS,
    URLS_MAX,
    URLS_MAX_BYTES,
)
from crdt import keys, limits
from crdt.errors import Invalid, TooNew
from crdt.tagged import is_newer

SIGN_EPHEMERAL = b"x1/ephemeral\0"
STAMP_MAX = 2**53 - 1
"""Milliseconds; more than any clock shows."""


class Ephemeral(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """Base of these messages."""


class Writing(Ephemeral, frozen=True, tag=1):
    """The device's member writes in a channel now; forgotten after five seconds."""

    channel: bytes


class CursorAt(Ephemeral, frozen=True, tag=2):
    """The device's cursor in a channel's notes, as a place in the Yjs text; empty hides it."""

    channel: bytes
    place: bytes


class Signed(Ephemeral, frozen=True, tag=3):
    """What another device says, as it goes from hand to hand.

    Attributes:
        device: who says it, 32 bytes.
        stamp: when, wall milliseconds of its clock; larger each time, so no two are the same.
        hops: how often it may still be passed on. Not signed: whoever passes it on counts down.
        said: one of `AnySaid` as bytes.
        signature: 64 bytes, over the workspace, device, stamp and said.
    """

    device: bytes
    stamp: int
    hops: int
    said: bytes
    signature: bytes


class Here(Ephemeral, frozen=True, tag=4):
    """The device is online and accepts links at these URLs; forgotten after so many seconds.

    Zero seconds is a goodbye. Signed only.
    """

    seconds: int
    urls: tuple[str, ...]


class Lost(Ephemeral, frozen=True, tag=5):
    """A device that said `Here` with this stamp does not answer any more. Signed only.

    It is believed to be gone unless it says `Here` again, which it does when it hears this.
    """

    device: bytes
    stamp: int


class Away(Ephemeral, frozen=True, tag=6):
    """The device's member is away, with a word about it, or (without one) is back. Signed only.

    It is about the member: of what their devices said, the newest counts.
    """

    away: bool
    text: str


AnyEphemeral = Writing | CursorAt
"""What is shown."""
AnySaid = AnyEphemeral | Here | Lost | Away
"""What a device signs."""
AnyPayload = AnyEphemeral | Signed
"""What passes on a link."""
_LAST_KIND, _LAST_SAID = 3, 6
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(AnyPayload)
_said_decoder = msgspec.msgpack.Decoder(AnySaid)


def encode(message: AnyPayload | AnySaid) -> bytes:
    """A message as bytes."""
    return _encoder.encode(message)


def decode(data: bytes) -> AnyPayload:
    """What came on a link, from bytes. What a signed message says is looked at by `decode_said`.

    Raises:
        TooNew: of a kind this build does not know.
        Invalid: it is none.
    """
    if len(data) > EPHEMERAL_MAX_BYTES:
        raise Invalid("an ephemeral message is too large")
    try:
        message: AnyPayload = _decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise _complaint(data, _LAST_KIND, str(error)) from None
    if isinstance(message, Signed):
        _check_signed(message)
    else:
        _check_shown(message)
    return message


def decode_said(data: bytes) -> AnySaid:
    """What a signed message says.

    Raises:
        TooNew: of a kind this build does not know.
        Invalid: it is none.
    """
    try:
        said: AnySaid = _said_decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise _complaint(data, _LAST_SAID, str(error)) from None
    if isinstance(said, Here):
        _check_here(said)
    elif isinstance(said, Lost):
        if len(said.device) != limits.KEY_BYTES or not 0 < said.stamp <= STAMP_MAX:
            raise Invalid("an ephemeral message tells of no device that is lost")
    elif isinstance(said, Away):
        if len(said.text) > AWAY_MAX_CHARS or (said.text and not said.away):
            raise Invalid("who is away says too much, or who is back says why")
    else:
        _check_shown(said)
    return said


def sign(
    workspace: bytes, device: bytes, seed: bytes, *, stamp: int, hops: int, said: AnySaid
) -> Signed:
    """What the device with this signing seed says."""
    data = encode(said)
    covered = _covered(workspace, device, stamp, data)
    return Signed(device, stamp, hops, data, keys.sign(seed, SIGN_EPHEMERAL, covered))


def passed_anew(message: Signed) -> bytes:
    """What another device said, as bytes with all hops again: for who was not there."""
    return encode(msgspec.structs.replace(message, hops=HOPS_MAX))


def fitting(urls: Iterable[str]) -> tuple[str, ...]:
    """As many of these addresses as a card holds."""
    told: list[str] = []
    for url in urls:
        fits = sum(map(len, told)) + len(url) + 3 * len(told) < URLS_MAX_BYTES
        if len(url) <= URL_MAX_CHARS and url.isascii() and fits and len(told) < URLS_MAX:
            told.append(url)
    return tuple(told)


def verify(workspace: bytes, message: Signed) -> None:
    """Check that its device said it, and in this workspace.

    Raises:
        Invalid: it did not.
    """
    covered = _covered(workspace, message.device, message.stamp, message.said)
    keys.verify(message.device, SIGN_EPHEMERAL, covered, message.signature)


def _covered(workspace: bytes, device: bytes, stamp: int, said: bytes) -> bytes:
    return workspace + device + stamp.to_bytes(8, "big") + said


def _complaint(data: bytes, last: int, error: str) -> Invalid:
    if is_newer(data, last):
        return TooNew("ephemeral message needs a newer Clowder")
    return Invalid(f"not an ephemeral message: {error}")


def _check_shown(message: AnyEphemeral) -> None:
    if len(message.channel) != limits.ID_BYTES:
        raise Invalid("an ephemeral message names no channel")
    if isinstance(message, CursorAt) and len(message.place) > PLACE_MAX_BYTES:
        raise Invalid("a cursor's place is too long")


def _check_signed(message: Signed) -> None:
    if len(message.device) != limits.KEY_BYTES or len(message.signature) != limits.SIGNATURE_BYTES:
        raise Invalid("a signed ephemeral message names no device, or has no signature")
    if not 0 < message.stamp <= STAMP_MAX or not 0 <= message.hops <= HOPS_MAX:
        raise Invalid("a signed ephemeral message has no stamp, or too many hops")
    if len(message.said) > SAID_MAX_BYTES:
        raise Invalid("a signed ephemeral message says too much")


def _check_here(said: Here) -> None:
    if not 0 <= said.seconds <= HERE_MAX_SECONDS:
        raise Invalid("a device says that it is online for too long")
    if len(said.urls) > URLS_MAX or any(len(url) > URL_MAX_CHARS for url in said.urls):
        raise Invalid("a device tells too many addresses, or too long ones")
