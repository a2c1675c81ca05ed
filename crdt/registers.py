"""A channel's state: last-writer-wins registers for its topic, pins, what is hidden, profiles and
settings.

A register's key says what it is about, its value is text, and the write with the largest stamp
wins. A profile register belongs to the member who signed the entry, so nobody renames another; so
do words on how long to keep messages, which count while their member is an admin. These are never
replaced: what was forgotten by an earlier one stays forgotten.

A message is hidden by an operation that `counts` only from an admin: who applies operations asks
first, with the level at which the entry was written. Who is an admin later does not matter.
"""

from collections.abc import Iterator
from typing import NamedTuple

from crdt import limits, ops
from crdt.errors import Invalid
from crdt.roster_ops import LEVEL_ADMIN_MAX
from crdt.timeline import Stamp

KEEP_SETTING = "keep"
"""The setting that says for how many days a channel is kept; see `crdt.retention`."""

KEEP_REGISTERS = f"{KEEP_SETTING}/"
"""What the keys of the registers that it writes begin with; member and stamp follow."""

HIDE_REGISTERS = "hide/"
"""What the keys of the registers of hidden messages begin with; the message follows."""

_MEMBER_DIGITS = 2 * limits.ID_BYTES

StateOp = ops.Topic | ops.Pin | ops.Profile | ops.Setting | ops.Hide


class Register(NamedTuple):
    """One write: the register's key, its new value, and what decides between writes."""

    key: str
    value: str
    stamp: Stamp


class Hidden(NamedTuple):
    """Who hid a message, and why; the reason may be empty."""

    member: bytes
    reason: str


def needs_right(op: ops.AnyOp) -> bool:
    """Whether an operation is for some only, of those who may write: hiding is for admins."""
    return isinstance(op, ops.Hide)


def counts(op: ops.AnyOp, level: int) -> bool:
    """Whether an operation counts when it is written at a level."""
    return level <= LEVEL_ADMIN_MAX or not needs_right(op)


def hidden_by(value: str) -> Hidden | None:
    """What a register of a hidden message says, None when the message is shown.

    Raises:
        Invalid: no hiding writes such a value.
    """
    if not value:
        return None
    try:
        member = bytes.fromhex(value[:_MEMBER_DIGITS])
    except ValueError:
        member = b""
    if len(member) != limits.ID_BYTES:
        raise Invalid("a hidden message without whoever hid it")
    return Hidden(member, value[_MEMBER_DIGITS:])


def writes(op: StateOp, member: bytes, stamp: Stamp) -> Iterator[Register]:
    """The registers an operation by `member` writes."""
    if isinstance(op, ops.Topic):
        yield Register("topic", op.text, stamp)
    elif isinstance(op, ops.Pin):
        yield Register(f"pin/{op.message.hex()}", "1" if op.on else "", stamp)
    elif isinstance(op, ops.Hide):
        said = f"{member.hex()}{op.reason}" if op.on else ""
        yield Register(f"{HIDE_REGISTERS}{op.message.hex()}", said, stamp)
    elif isinstance(op, ops.Profile):
        owner = member.hex()
        yield Register(f"nick/{owner}", op.nick, stamp)
        yield Register(f"colour/{owner}", op.colour, stamp)
        yield Register(f"picture/{owner}", op.picture.hex(), stamp)
    elif op.name == KEEP_SETTING:
        said = f"{stamp.hlc:016x}{stamp.entry.hex()}"
        yield Register(f"{KEEP_REGISTERS}{member.hex()}/{said}", op.value, stamp)
    else:
        yield Register(f"set/{op.name}", op.value, stamp)


def newer(known: Register | None, write: Register) -> bool:
    """Whether a write replaces what is known of its register."""
    return known is None or write.stamp > known.stamp


class Registers:
    """A channel's registers in memory."""

    def __init__(self) -> None:
        self.values: dict[str, Register] = {}

    def apply(self, op: StateOp, member: bytes, stamp: Stamp) -> None:
        """Add one operation."""
        for write in writes(op, member, stamp):
            if newer(self.values.get(write.key), write):
                self.values[write.key] = write
