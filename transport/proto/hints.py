"""What a link is opened with: a shared secret, and hints that only its holders recognise.

A workspace (or an invite) gives its devices one 32-byte link key. From it follow the pre-shared
key of the handshake and, for any nonce, a hint that looks random to everybody else. So neither
a dial nor an announcement on the LAN names a workspace, and the next one cannot be connected
with it. The key is no access control, it only hides the service and makes probing cheap to
drop: who may talk is decided by the static keys.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from hmac import compare_digest

from transport.proto.crypto import kdf
from transport.proto.limits import DISCOVERY_TAG_BYTES, HINT_BYTES, KEY_BYTES

LOBBY_CONTEXT = bytes(KEY_BYTES)
"""The context of a link opened with an invite, whose holder may not know the workspace yet."""
GUEST_CONTEXT = b"clowder guest".ljust(KEY_BYTES, b"\0")
"""The context of a link opened with a channel's link, by somebody outside who reads it."""
NEARBY_CONTEXT = b"clowder nearby".ljust(KEY_BYTES, b"\0")
"""The context of a link opened with a label that somebody in the same room shows."""

_HINT_LABEL = b"x1.hint"
_PSK_LABEL = b"x1.psk"


@dataclass(frozen=True, slots=True)
class LinkSecret:
    """Who can talk here.

    Attributes:
        key: 32 bytes that all who may dial hold; never shown.
        context: the 32-byte workspace id, or one of the three above; both sides must mean the
            same.
        name: how this device calls it, in logs and statuses; never sent.
    """

    key: bytes = field(repr=False)
    context: bytes
    name: str

    def __post_init__(self) -> None:
        assert len(self.key) == KEY_BYTES
        assert len(self.context) == KEY_BYTES

    @property
    def at_door(self) -> bool:
        """Whether a link opened with it is no link of a workspace, but one conversation of its
        own with somebody who may be anybody."""
        return self.context in (LOBBY_CONTEXT, GUEST_CONTEXT, NEARBY_CONTEXT)


def link_hint(key: bytes, nonce: bytes) -> bytes:
    """16 bytes by which a holder of `key` recognises a dial with this 16-byte nonce."""
    return kdf(key, _HINT_LABEL, nonce)[:HINT_BYTES]


def link_psk(key: bytes) -> bytes:
    """The pre-shared key of the handshake, 32 bytes."""
    return kdf(key, _PSK_LABEL)


def discovery_tag(key: bytes, nonce: bytes) -> bytes:
    """8 bytes by which a holder of `key` recognises an announcement with this nonce."""
    return link_hint(key, nonce)[:DISCOVERY_TAG_BYTES]


def matching_secret(secrets: Iterable[LinkSecret], nonce: bytes, hint: bytes) -> LinkSecret | None:
    """The secret a dial was made with, if it is one of `secrets`."""
    for secret in secrets:
        if compare_digest(link_hint(secret.key, nonce), hint):
            return secret
    return None


def tagged_secrets(
    secrets: Iterable[LinkSecret], nonce: bytes, tags: Iterable[bytes]
) -> list[LinkSecret]:
    """Those of `secrets` that an announcement has a tag of."""
    announced = frozenset(tags)
    return [secret for secret in secrets if discovery_tag(secret.key, nonce) in announced]
