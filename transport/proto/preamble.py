"""The first bytes of a link, in clear: `version (1) | nonce (16) | hint (16) | Noise message 1`.

Everything before the Noise message is bound into the handshake as its prologue, together with
the context that both sides must already agree on. A version this build does not speak is refused
with a sentence; there is no falling back, so nobody in between can talk two devices down.
"""

from dataclasses import dataclass

from transport.proto.errors import HandshakeRefused, Reason, RemoteFault
from transport.proto.hints import LinkSecret, link_hint
from transport.proto.limits import (
    HANDSHAKE_MESSAGE_MAX_BYTES,
    HINT_BYTES,
    LINK_VERSION,
    NONCE_BYTES,
    PREAMBLE_BYTES,
)

_PROLOGUE_PREFIX = b"x1/link\0"


@dataclass(frozen=True, slots=True)
class Preamble:
    """What the initiator sends before its first Noise message."""

    nonce: bytes
    hint: bytes

    @classmethod
    def for_secret(cls, secret: LinkSecret, nonce: bytes) -> "Preamble":
        assert len(nonce) == NONCE_BYTES
        return cls(nonce, link_hint(secret.key, nonce))

    def encode(self) -> bytes:
        return bytes((LINK_VERSION,)) + self.nonce + self.hint

    def prologue(self, context: bytes) -> bytes:
        """What both sides hash before the first message: `x1/link` NUL, context, preamble."""
        return _PROLOGUE_PREFIX + context + self.encode()


def split_preamble(data: bytes) -> tuple[Preamble, bytes]:
    """The preamble and the Noise message after it.

    Raises:
        HandshakeRefused: another link version.
        RemoteFault: too short or too long.
    """
    if not data:
        raise RemoteFault(Reason.FORMAT, "the first message is empty")
    if data[0] != LINK_VERSION:
        raise HandshakeRefused(Reason.VERSION, version_refusal(data[0]))
    if len(data) < PREAMBLE_BYTES:
        raise RemoteFault(Reason.FORMAT, "the first message is too short")
    if len(data) > HANDSHAKE_MESSAGE_MAX_BYTES:
        raise RemoteFault(Reason.OVERSIZED, "the first message is too long")
    nonce = data[1 : 1 + NONCE_BYTES]
    hint = data[1 + NONCE_BYTES : 1 + NONCE_BYTES + HINT_BYTES]
    return Preamble(nonce, hint), data[PREAMBLE_BYTES:]


def version_refusal(theirs: int) -> str:
    """The sentence for a device that asks for a version this one does not speak."""
    return (
        f"The other device asks for link version {theirs}, this one speaks version "
        f"{LINK_VERSION}: one of the two needs a newer Clowder."
    )
