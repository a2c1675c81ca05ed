"""What passes at a channel's door, and the link that leads to it."""

from base64 import b32decode
from dataclasses import replace

from chat.errors import UsageError
from chat.guests import channel_link, messages
from chat.invitation import pack_hint
from crdt.errors import Invalid
from tests.fuzz.contract import Target, every, typed, vectors, with_check

_GUESTS = vectors("guests")


def _payload(data: bytes) -> channel_link.ChannelLink:
    scheme, check_bytes = channel_link.SCHEME, channel_link.CHECK_BYTES
    found = channel_link.parse(with_check(scheme, b"x1.guest.link", check_bytes, data))
    assert channel_link.parse(found.text) == _kept(found)
    return found


def _link(data: bytes) -> channel_link.ChannelLink:
    return _kept(channel_link.parse(typed(data)))


def _kept(link: channel_link.ChannelLink) -> channel_link.ChannelLink:
    """What a text keeps of a link: addresses that have no short form are left out."""
    return replace(link, hints=tuple(filter(pack_hint, link.hints)))


def _payload_of(link: str) -> bytes:
    digits = link.removeprefix(channel_link.SCHEME).upper()
    return b32decode(digits + "=" * (-len(digits) % 8))[: -channel_link.CHECK_BYTES]


TARGETS = {
    "link of a channel": Target(
        (channel_link.parse,),
        _link,
        UsageError,
        tuple(case["link"].encode() for case in (*_GUESTS["links"], *_GUESTS["bad_links"])),
        again=lambda link: link.text.encode(),
    ),
    "payload of a channel's link": Target(
        (channel_link.parse,),
        _payload,
        UsageError,
        tuple(_payload_of(case["link"]) for case in _GUESTS["links"]),
    ),
    "guest message": Target(
        (messages.decode,),
        messages.decode,
        Invalid,
        every((_GUESTS["messages"], _GUESTS["bad_messages"]), "bytes"),
        again=messages.encode,
        shape="msgpack",
    ),
}
"""Names of targets, as `make fuzz TARGET=...` takes them."""
