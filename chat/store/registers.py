"""A channel's state as rows: topic, pins, what is hidden, profiles, settings. The newest write of
a key wins.

Values and the names of settings are cleaned as they come in. Two names that are one when clean
are one register; the stamps decide between their writes as between any others.
"""

from collections.abc import Iterator

from chat.store.limits import COLOUR_MAX_CHARS, SETTING_NAME_MAX_CHARS, SETTING_VALUE_MAX_CHARS
from chat.store.tables import ChannelRow, Tables
from crdt import ops
from crdt.limits import HIDE_REASON_MAX_CHARS, NICK_MAX_CHARS, TOPIC_MAX_CHARS
from crdt.registers import KEEP_REGISTERS, Register, StateOp, newer, writes
from crdt.text import clean_line, clean_text
from crdt.timeline import Stamp

PIN = "pin/"
_LAST_CHARACTER = "\U0010ffff"


def _cleaned(op: StateOp) -> StateOp | None:
    """The operation with strings fit to be shown; None when nothing of it is left."""
    if isinstance(op, ops.Topic):
        return ops.Topic(clean_line(op.text, TOPIC_MAX_CHARS))
    if isinstance(op, ops.Profile):
        nick = clean_line(op.nick, NICK_MAX_CHARS)
        return ops.Profile(nick, clean_line(op.colour, COLOUR_MAX_CHARS), op.picture)
    if isinstance(op, ops.Setting):
        name = clean_line(op.name, SETTING_NAME_MAX_CHARS)
        value = clean_text(op.value, SETTING_VALUE_MAX_CHARS)
        return ops.Setting(name, value) if name else None
    if isinstance(op, ops.Hide):
        return ops.Hide(op.message, op.on, clean_line(op.reason, HIDE_REASON_MAX_CHARS))
    return op


class Registers(Tables):
    """Registers in, values out."""

    def register(self, channel: bytes, key: str) -> str:
        """The value of a register, "" when it has none."""
        row = self._find_channel(channel)
        known = None if row is None else self._register(row.number, key)
        return "" if known is None else known.value

    def registers(self, channel: bytes, prefix: str = "") -> dict[str, str]:
        """The registers whose key begins so and that have a value, by key."""
        row = self._find_channel(channel)
        if row is None:
            return {}
        found = self._database.read(
            "SELECT key, value FROM register"
            " WHERE channel = ? AND key >= ? AND key < ? AND value != '' ORDER BY key",
            (row.number, prefix, prefix + _LAST_CHARACTER),
        )
        return dict(found)

    def words_on_keeping(self, channel: bytes) -> list[tuple[bytes, Register]]:
        """All that members ever said about how long to keep a channel: (member, register)."""
        row = self._find_channel(channel)
        if row is None:
            return []
        found = self._database.read(
            "SELECT key, value, hlc, id FROM register WHERE channel = ? AND key >= ? AND key < ?",
            (row.number, KEEP_REGISTERS, KEEP_REGISTERS + _LAST_CHARACTER),
        )
        return [
            (
                bytes.fromhex(key.split("/")[1]),
                Register(key, value, Stamp(hlc, entry)),
            )
            for key, value, hlc, entry in found
        ]

    def _write_registers(
        self, row: ChannelRow, op: StateOp, member: bytes, stamp: Stamp
    ) -> Iterator[str]:
        """Join an operation; gives the keys whose value is another one now."""
        cleaned = _cleaned(op)
        if cleaned is None:
            return
        for write in writes(cleaned, member, stamp):
            known = self._register(row.number, write.key)
            if not newer(known, write):
                continue
            self._database.write(
                "INSERT OR REPLACE INTO register (channel, key, value, hlc, id)"
                " VALUES (?, ?, ?, ?, ?)",
                (row.number, write.key, write.value, write.stamp.hlc, write.stamp.entry),
            )
            if write.value != ("" if known is None else known.value):
                yield write.key

    def _standing_register(self, row: ChannelRow, op: StateOp, member: bytes) -> int:
        """The hybrid clock of the newest write that an operation would have to replace."""
        cleaned = _cleaned(op)
        keys = [] if cleaned is None else writes(cleaned, member, Stamp(0, b""))
        known = (self._register(row.number, write.key) for write in keys)
        return max((one.stamp.hlc for one in known if one is not None), default=0)

    def _register(self, channel: int, key: str) -> Register | None:
        found = self._database.one(
            "SELECT value, hlc, id FROM register WHERE channel = ? AND key = ?", (channel, key)
        )
        return None if found is None else Register(key, found[0], Stamp(found[1], found[2]))
