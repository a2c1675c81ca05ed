"""What devices say of themselves in the handshake: docs/protocol/link.md, section 9.

The transport carries it as an opaque payload and proves the static key beside it. Everything in it
is a claim: `Links.identify` decides whether the claimed device and the proven key belong together.
"""

from typing import Annotated

import msgspec

from chat.links.identity import Refusal
from chat.links.limits import (
    INTRODUCTION_MAX_BYTES,
    INTRODUCTION_URLS_MAX,
    INTRODUCTION_VERSION,
    URL_MAX_BYTES,
)
from crdt.errors import Invalid

FLAG_RELAY = 1
"""Stores and forwards, and holds no keys. Other flags are passed over."""

_Url = Annotated[str, msgspec.Meta(max_length=URL_MAX_BYTES)]


class Introduction(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """Version, device id (Ed25519 public key, 32 bytes), flags, and where the device listens."""

    version: Annotated[int, msgspec.Meta(ge=1, le=1)]
    device: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
    flags: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF_FFFF)]
    urls: Annotated[tuple[_Url, ...], msgspec.Meta(max_length=INTRODUCTION_URLS_MAX)]

    @property
    def relay(self) -> bool:
        return bool(self.flags & FLAG_RELAY)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Introduction)


def encode(introduction: Introduction) -> bytes:
    """An introduction as the payload of a handshake."""
    return _encoder.encode(introduction)


def decode(payload: bytes) -> Introduction:
    """The introduction in the payload of a handshake.

    Raises:
        Invalid: it is none, or of another version.
    """
    if len(payload) > INTRODUCTION_MAX_BYTES:
        raise Invalid("introduction is too long")
    try:
        return _decoder.decode(payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Invalid(_complaint(payload)) from None


def told(payload: bytes) -> Introduction | Refusal:
    """The introduction, or why there will be no link."""
    try:
        return decode(payload)
    except Invalid as invalid:
        return Refusal(str(invalid))


def _complaint(payload: bytes) -> str:
    """Whether it is a newer version or nonsense."""
    if len(payload) > 1 and 0x90 < payload[0] < 0xA0 and INTRODUCTION_VERSION < payload[1] < 0x80:
        return "the other device introduces itself in a newer way; this one needs a newer Clowder"
    return "not an introduction"
