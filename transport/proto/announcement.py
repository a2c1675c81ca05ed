"""What a device says of itself on the LAN: a nonce, and a tag for each secret it can be met with.

It travels as the TXT data of a service announcement (RFC 6763 section 6): a row of strings, each
with its length before it, here `n=<16 bytes>` and `t=<8 bytes for each secret>`. Whoever holds a
secret recognises its tag; to others tags are random and change with the nonce. Who wants to be
seen by strangers says `l=<3 bytes>` as well, a label to be told by (docs/protocol/nearby.md). Keys
that are not known are passed over, so a newer Clowder can say more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from transport.proto.errors import Reason, RemoteFault
from transport.proto.hints import LinkSecret, discovery_tag
from transport.proto.limits import (
    DISCOVERY_LABEL_BYTES,
    DISCOVERY_TAG_BYTES,
    DISCOVERY_TAGS_MAX,
    DISCOVERY_TXT_MAX_BYTES,
    NONCE_BYTES,
)

_NONCE_KEY = b"n"
_TAGS_KEY = b"t"
_LABEL_KEY = b"l"


@dataclass(frozen=True, slots=True)
class Announcement:
    """A nonce and the tags under it, 1 to 8; and a label of 3 bytes, mostly none."""

    nonce: bytes
    tags: tuple[bytes, ...]
    label: bytes = b""

    @classmethod
    def of_secrets(
        cls, secrets: Sequence[LinkSecret], nonce: bytes, label: bytes = b""
    ) -> "Announcement":
        """What to announce; secrets beyond the eighth can be dialled but are not announced."""
        assert len(nonce) == NONCE_BYTES
        assert len(label) in (0, DISCOVERY_LABEL_BYTES)
        announced = secrets[:DISCOVERY_TAGS_MAX]
        return cls(nonce, tuple(discovery_tag(secret.key, nonce) for secret in announced), label)

    def encode(self) -> bytes:
        """TXT data."""
        strings = [_NONCE_KEY + b"=" + self.nonce, _TAGS_KEY + b"=" + b"".join(self.tags)]
        if self.label:
            strings.append(_LABEL_KEY + b"=" + self.label)
        return b"".join(bytes((len(string),)) + string for string in strings)


def parse_announcement(text: bytes) -> Announcement:
    """The announcement in TXT data.

    Raises:
        RemoteFault: too long, not a row of strings, or nonce and tags are not whole.
    """
    if len(text) > DISCOVERY_TXT_MAX_BYTES:
        raise RemoteFault(Reason.OVERSIZED, "an announcement is too long")
    values = _values(text)
    nonce, tags = values.get(_NONCE_KEY, b""), values.get(_TAGS_KEY, b"")
    if len(nonce) != NONCE_BYTES:
        raise RemoteFault(Reason.FORMAT, "an announcement without a nonce")
    count, rest = divmod(len(tags), DISCOVERY_TAG_BYTES)
    if rest or not 1 <= count <= DISCOVERY_TAGS_MAX:
        raise RemoteFault(Reason.FORMAT, "an announcement without whole tags")
    width = DISCOVERY_TAG_BYTES
    label = values.get(_LABEL_KEY, b"")
    if len(label) != DISCOVERY_LABEL_BYTES:
        label = b""  # A newer build's, or nonsense; its tags may be ours nevertheless.
    split = tuple(tags[i * width : (i + 1) * width] for i in range(count))
    return Announcement(nonce, split, label)


def _values(text: bytes) -> dict[bytes, bytes]:
    """Keys and values; of a key that comes twice the first counts (RFC 6763 section 6.4)."""
    values: dict[bytes, bytes] = {}
    position = 0
    while position < len(text):
        length = text[position]
        string = text[position + 1 : position + 1 + length]
        if len(string) < length:
            raise RemoteFault(Reason.FORMAT, "an announcement is cut off")
        key, _, value = string.partition(b"=")
        values.setdefault(key.lower(), value)
        position += 1 + length
    return values
