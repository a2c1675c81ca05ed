"""What passes at a channel's door, and the link that leads to it."""

from chat.errors import UsageError
from chat.guests import channel_link, messages
from crdt.errors import Invalid
from tests.fuzz.contract import Target, every, typed, vectors

_GUESTS = vectors("guests")

TARGETS = {
    "link of a channel": Target(
        (channel_link.parse,),
        lambda data: channel_link.parse(typed(data)),
        UsageError,
        tuple(case["link"].encode() for case in (*_GUESTS["links"], *_GUESTS["bad_links"])),
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
