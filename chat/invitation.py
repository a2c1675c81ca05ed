"""An invite as a person hands it on: a link, the same as a QR code, or 12 words.

    link    = "clowder:" base32(payload || check)      RFC 4648, no padding; any case is read
    payload = version 1 | secret 16 | workspace 8 | hint
    check   = the first 4 bytes of digest("x1.link", payload)

`workspace` is the beginning of the workspace's id: whoever answers must know one that begins so.
The hint is one address to dial, or nothing:

    4 | address 4  | port 2        ws:// and an IPv4 address
    6 | address 16 | port 2        ws:// and an IPv6 address
    1 | port 2 | host              ws:// and a host name, up to 60 characters
    2 | port 2 | host              wss:// and a host name or address

In upper case a link uses only what a QR code packs best, and fits a terminal of 80x24 with room.
The 12 words are the secret alone: who types them has to be found on the LAN or given an address.
Format: docs/protocol/invites.md.
"""

import binascii
import ipaddress
from base64 import b32decode, b32encode
from dataclasses import dataclass, field

from chat import words12
from chat.errors import UsageError
from crdt.keys import digest
from transport.net.addresses import LinkUrl, format_url, parse_url
from transport.proto.errors import AddressFault

VERSION = 1
SCHEME = "clowder:"
SECRET_BYTES = 16
WORKSPACE_BYTES = 8
CHECK_BYTES = 4
LINK_MAX_CHARS = 512
"""The longest link has 156 characters; line breaks of a mail may come in between."""
HINT_HOST_MAX_CHARS = 60
"""Longer names give a code larger than 24 rows, and are left out."""

_FIXED_BYTES = 1 + SECRET_BYTES + WORKSPACE_BYTES
_IP4, _IP6, _NAME, _SECURE = 4, 6, 1, 2
_IP_BYTES = {_IP4: 4, _IP6: 16}
_PORT_BYTES = 2
_WRONG = (
    "That is no invite. It is a link that begins with clowder:, or 12 words; "
    "ask for it again if a part was lost."
)


@dataclass(frozen=True, slots=True)
class InviteText:
    """What an invite's text says.

    Attributes:
        secret: 16 bytes; whoever has them may claim the invite.
        workspace: the first 8 bytes of the workspace's id; empty when words were typed.
        hint: the URL of a device that answers, or nothing.
    """

    secret: bytes = field(repr=False)
    workspace: bytes = b""
    hint: str = ""

    @property
    def link(self) -> str:
        """As a link. A hint that has no short form is left out."""
        assert len(self.secret) == SECRET_BYTES
        assert len(self.workspace) == WORKSPACE_BYTES
        hint = pack_hint(self.hint) if self.hint else b""
        payload = bytes((VERSION,)) + self.secret + self.workspace + hint
        return SCHEME + b32encode(payload + _check(payload)).decode().rstrip("=").lower()

    @property
    def code(self) -> str:
        """What a QR code carries: the link in upper case, which codes pack best."""
        return self.link.upper()

    @property
    def words(self) -> str:
        """As 12 words."""
        return words12.encode(self.secret)


def parse(text: str) -> InviteText:
    """What a person pasted or typed: a link in any case, perhaps broken into lines, or words.

    Raises:
        UsageError: it is neither; the text says what is wrong with it.
    """
    compact = "".join(text.split())
    if not compact[: len(SCHEME)].lower() == SCHEME:
        if len(text.split()) < words12.WORDS // 2 and compact.count("-") < words12.WORDS // 2:
            raise UsageError(_WRONG)
        return InviteText(words12.decode(text))
    if len(compact) > LINK_MAX_CHARS:
        raise UsageError(_WRONG)
    payload = _payload(compact[len(SCHEME) :].upper())
    if payload[0] != VERSION:
        raise UsageError("This invite needs a newer Clowder.")
    secret = payload[1 : 1 + SECRET_BYTES]
    workspace = payload[1 + SECRET_BYTES : _FIXED_BYTES]
    return InviteText(secret, workspace, read_hint(payload[_FIXED_BYTES:]))


def _payload(encoded: str) -> bytes:
    """The checked payload; a link of another version may have any content after its number."""
    try:
        raw = b32decode(encoded + "=" * (-len(encoded) % 8))
    except (binascii.Error, ValueError):
        raise UsageError(_WRONG) from None
    payload, check = raw[:-CHECK_BYTES], raw[-CHECK_BYTES:]
    whole = len(payload) >= _FIXED_BYTES and check == _check(payload)
    if not whole or b32encode(raw).decode().rstrip("=") != encoded:
        raise UsageError(_WRONG)
    return payload


def _check(payload: bytes) -> bytes:
    return digest(b"x1.link", payload)[:CHECK_BYTES]


# Hints ----------------------------------------------------------------------------------------


def pack_hint(url: str) -> bytes:
    """The short form of a URL; nothing for one without: too long, with a path, of an interface."""
    try:
        parsed = parse_url(url)
    except AddressFault:
        return b""
    port = parsed.port.to_bytes(_PORT_BYTES, "big")
    if parsed.resource != "/" or not parsed.host.isascii():
        return b""
    if not parsed.secure:
        packed = _pack_address(parsed.host)
        if packed is not None:
            return packed and packed + port
    kind = _SECURE if parsed.secure else _NAME
    hint = bytes((kind,)) + port + parsed.host.encode()
    return hint if len(parsed.host) <= HINT_HOST_MAX_CHARS and _readable(hint) else b""


def _pack_address(host: str) -> bytes | None:
    """An IP address; nothing when its interface means nothing elsewhere; None for a name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id is not None:
        return b""
    return bytes((_IP4 if address.version == 4 else _IP6,)) + address.packed


def _readable(hint: bytes) -> bool:
    try:
        return bool(read_hint(hint))
    except UsageError:
        return False


def read_hint(hint: bytes) -> str:
    """The URL of a hint; an unknown kind of a later version is passed over. Raises UsageError."""
    if not hint:
        return ""
    kind, rest = hint[0], hint[1:]
    if kind in _IP_BYTES:
        size = _IP_BYTES[kind]
        if len(rest) != size + _PORT_BYTES:
            raise UsageError(_WRONG)
        host = str(ipaddress.ip_address(rest[:size]))
        return _checked(LinkUrl(False, host, int.from_bytes(rest[size:], "big"), "/"))
    if kind in (_NAME, _SECURE):
        try:
            host = rest[_PORT_BYTES:].decode("ascii")
        except UnicodeDecodeError:
            raise UsageError(_WRONG) from None
        port = int.from_bytes(rest[:_PORT_BYTES], "big")
        return _checked(LinkUrl(kind == _SECURE, host, port, "/"))
    return ""


def _checked(wanted: LinkUrl) -> str:
    """The URL, when parsing it gives what was wanted: so a host holds no path and no port."""
    url = format_url(wanted.host, wanted.port)
    if wanted.secure:
        url = "wss" + url.removeprefix("ws")
    try:
        parsed = parse_url(url)
    except AddressFault:
        raise UsageError(_WRONG) from None
    if parsed != wanted:
        raise UsageError(_WRONG)
    return url
