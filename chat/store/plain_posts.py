"""Posts that are all that is known of their message: nearly all there are, put in many at once."""

import json
from collections.abc import Sequence

from chat.store.database import Values
from chat.store.states import INSERT_IF_FREE, INSERT_MESSAGE, INSERT_WORDS, States, time_number
from chat.store.tables import ChannelRow
from chat.store.words import indexed
from crdt.entry import Entry
from crdt.limits import MESSAGE_TEXT_MAX_CHARS as TEXT_MAX
from crdt.ops import AnyOp, Post, message_id
from crdt.text import clean_text

Item = tuple[Entry, int, AnyOp, bytes, bool]
"""An entry, its arrival number, its operation, its member, and whether that is this member."""

_KNOWN_ONE = """SELECT 1 FROM message WHERE channel = ?1 AND mid = ?2
    UNION ALL SELECT 1 FROM orphan WHERE channel = ?1 AND mid = ?2"""


class PlainPosts(States):
    """Inserts plain posts."""

    def _insert_plain_posts(
        self, items: Sequence[Item], touched: dict[bytes, ChannelRow]
    ) -> dict[int, bytes]:
        """Insert the posts that are all that is known of their message.

        Gives message ids by index into `items`; the others need `_join`.
        """
        found: dict[bytes, dict[bytes, int]] = {}
        for index, (entry, _, op, member, _) in enumerate(items):
            if type(op) is Post and not op.mentions and not op.files:
                if clean_text(op.text, TEXT_MAX) == op.text:
                    of_channel = found.setdefault(entry.log.channel, {})
                    of_channel.setdefault(message_id(member, op.salt), index)
        plain = {i: mid for of_channel in found.values() for mid, i in of_channel.items()}
        numbers = {i: time_number(items[i][0].hlc, self._log(items[i][0].log)) for i in plain}
        if self._carriers(numbers) or any(self._has_orphans(touched[c].number) for c in found):
            plain = self._unknown(plain, found, touched)
            numbers = {i: numbers[i] for i in plain}
        rows = self._message_rows(items, plain, numbers, touched)
        # Nearly always nothing is known of any of them. The index of ids finds that out while it
        # is written to; asking first costs as much again.
        if self._database.write_many(INSERT_IF_FREE, rows) < len(rows):
            self._insert_others(items, plain, numbers, touched)
        self._insert_words(items, numbers)
        return plain

    def _insert_others(
        self,
        items: Sequence[Item],
        plain: dict[int, bytes],
        numbers: dict[int, int],
        touched: dict[bytes, ChannelRow],
    ) -> None:
        """Insert those that found their number taken; forget those whose message is known."""
        carriers = self._carriers(numbers)
        for index in sorted(numbers):
            entry, arrival, *_ = items[index]
            if self._keys_from + arrival in carriers:
                continue
            if self._known(touched[entry.log.channel].number, {plain[index]: index}):
                del plain[index], numbers[index]
                continue
            numbers[index] = self._free_number(numbers[index], plain[index])
            row = self._message_rows(items, plain, {index: numbers[index]}, touched)
            self._database.write_many(INSERT_MESSAGE, row)

    def _carriers(self, numbers: dict[int, int]) -> set[int]:
        """Row ids of the entries whose messages have these numbers."""
        listed = json.dumps(list(numbers.values()))
        rows = self._database.read(
            "SELECT entry FROM message WHERE number IN (SELECT value FROM json_each(?))", (listed,)
        )
        return {entry for (entry,) in rows}

    def _unknown(
        self,
        plain: dict[int, bytes],
        found: dict[bytes, dict[bytes, int]],
        touched: dict[bytes, ChannelRow],
    ) -> dict[int, bytes]:
        """Those posts of whose message nothing but reactions is stored."""
        unknown: dict[int, bytes] = {}
        for channel, of_channel in found.items():
            asked = {mid: i for mid, i in of_channel.items() if i in plain}
            known = self._known(touched[channel].number, asked) if asked else set()
            unknown.update((i, mid) for mid, i in asked.items() if mid not in known)
        return unknown

    def _has_orphans(self, channel: int) -> bool:
        """Whether an edit, say, came before its post."""
        row = self._database.one("SELECT 1 FROM orphan WHERE channel = ? LIMIT 1", (channel,))
        return row is not None

    def _known(self, channel: int, mids: dict[bytes, int]) -> set[bytes]:
        """Those messages of which something is stored, other than reactions."""
        if len(mids) == 1:
            (mid,) = mids
            found = self._database.one(_KNOWN_ONE, (channel, mid))
            return set() if found is None else {mid}
        listed = json.dumps([mid.hex() for mid in mids])
        rows = self._database.read(
            "SELECT mid FROM message"
            " WHERE channel = ?1 AND mid IN (SELECT unhex(value) FROM json_each(?2))"
            " UNION ALL SELECT mid FROM orphan"
            " WHERE channel = ?1 AND mid IN (SELECT unhex(value) FROM json_each(?2))",
            (channel, listed),
        )
        return {mid for (mid,) in rows}

    def _message_rows(
        self,
        items: Sequence[Item],
        mids: dict[int, bytes],
        numbers: dict[int, int],
        touched: dict[bytes, ChannelRow],
    ) -> list[Values]:
        """Rows of plain posts, in the order of their numbers, which the table likes best."""
        rows: list[Values] = []
        for index in sorted(numbers, key=numbers.__getitem__):
            entry, arrival, op, member, mine = items[index]
            assert isinstance(op, Post)
            rows.append(
                (
                    numbers[index],
                    touched[entry.log.channel].number,
                    entry.hlc,
                    mids[index],
                    self._names.number(member),
                    self._keys_from + arrival,
                    op.salt,
                    op.reply_to,
                    not mine,
                    mine,
                    False,
                    False,
                    op.text,
                    None,
                )
            )
        return rows

    def _insert_words(self, items: Sequence[Item], numbers: dict[int, int]) -> None:
        rows: list[Values] = []
        for number, index in sorted((number, index) for index, number in numbers.items()):
            op = items[index][2]
            if isinstance(op, Post) and op.text:
                rows.append((number, indexed(op.text)))
        self._database.write_many(INSERT_WORDS, rows)
