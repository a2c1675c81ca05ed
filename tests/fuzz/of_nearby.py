"""What two machines in one room announce and say, and the label that a person types."""

from chat.errors import UsageError
from chat.nearby import label, messages
from crdt.errors import Invalid
from tests.fuzz.contract import Target, every, typed, vectors

_NEARBY = vectors("nearby")

TARGETS = {
    "label in an announcement": Target(
        (label.read,),
        label.read,
        Invalid,
        every((_NEARBY["labels"], _NEARBY["bad_labels"]), "wire"),
        again=lambda known: known.wire,
        canonical=True,
    ),
    "label as it is typed": Target(
        (label.parse,),
        lambda data: label.parse(typed(data)),
        UsageError,
        tuple(case["words"].encode() for case in _NEARBY["labels"]),
        again=lambda known: known.text.encode(),
    ),
    "nearby message": Target(
        (messages.decode,),
        messages.decode,
        Invalid,
        every((_NEARBY["messages"], _NEARBY["bad_messages"]), "bytes"),
        again=messages.encode,
        shape="msgpack",
    ),
}
"""Names of targets, as `make fuzz TARGET=...` takes them."""
