"""Messages as rows: between `crdt.timeline`'s registers and what can be read at once.

The row of a plain message (posted, never edited, nothing special about it) holds the post itself
in its columns. Any other has its whole `MessageState` in `state`, unchanged as it was sent, next
to the columns that are read: the clean text of now, its order, its flags. What arrived before the
post it is about waits in `orphan`. Reactions are rows of their own, so that one more costs the
same however many there are. Joins are `crdt.timeline.apply`, nothing else.

A message's number is its time: milliseconds << 10 and a few bits that keep two apart. So the
full-text index, which knows messages by number, gives the newest first without sorting.
"""

from collections.abc import Container
from typing import NamedTuple

import msgspec

from chat.store.entries import Entries
from chat.store.tables import ChannelRow
from chat.store.words import indexed
from crdt.clock import COUNTER_BITS
from crdt.keys import digest
from crdt.limits import CAPTION_MAX_CHARS, FILE_NAME_MAX_CHARS, MEDIA_TYPE_MAX_CHARS
from crdt.limits import MESSAGE_TEXT_MAX_CHARS as TEXT_MAX
from crdt.ops import FileInfo, React
from crdt.text import clean_line, clean_text
from crdt.timeline import MessageState, Posted, Stamp, Timeline, apply

_SLOT_BITS = 10
_SLOT_MASK = (1 << _SLOT_BITS) - 1
_COUNTER_MASK = (1 << COUNTER_BITS) - 1
_SLOT_STRIDE = 41  # logs that write in one millisecond begin apart
_PROBES_MAX = 40  # the range looked at doubles: the last is 30,000 years wide
_PATH_CHARACTERS = str.maketrans({"/": "_", "\\": "_"})

INSERT_MESSAGE = """INSERT INTO message (number, channel, hlc, mid, member, entry, salt, reply_to,
    counted, mine, mentions_me, deleted, text, state)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
INSERT_IF_FREE = INSERT_MESSAGE.replace("INSERT", "INSERT OR IGNORE", 1)
"""The same, unless the message or its number is there."""
INSERT_WORDS = "INSERT INTO search (rowid, words) VALUES (?, ?)"

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(MessageState)


class Arrival(NamedTuple):
    """How the post of a message came in.

    Attributes:
        entry: the row id of its entry.
        mine: this member wrote it.
        me: this member, None for one that is none.
    """

    entry: int
    mine: bool
    me: bytes | None


class StoredMessage(NamedTuple):
    """A message's row, as far as changing it needs."""

    number: int
    entry: int
    mine: bool
    state: MessageState


def time_number(hlc: int, log: int) -> int:
    """The number a message is given if it is free."""
    slot = ((hlc & _COUNTER_MASK) + log * _SLOT_STRIDE) & _SLOT_MASK
    return (hlc >> COUNTER_BITS) << _SLOT_BITS | slot


def clean_file(file: FileInfo) -> FileInfo:
    """A file with names fit to be shown, and with no name that is a path."""
    name = clean_line(file.name, FILE_NAME_MAX_CHARS).translate(_PATH_CHARACTERS)
    return msgspec.structs.replace(
        file,
        name="_" if name in ("", ".", "..") else name,
        type=clean_line(file.type, MEDIA_TYPE_MAX_CHARS),
        alt=clean_line(file.alt, CAPTION_MAX_CHARS),
    )


def shown_files(state: MessageState) -> tuple[FileInfo, ...]:
    """The files a message carries now."""
    if state.deleted or state.post is None:
        return ()
    return tuple(clean_file(file) for file in state.post.files)


class States(Entries):
    """Loads, joins and saves messages."""

    def _decode(self, blob: bytes) -> MessageState:
        try:
            return _decoder.decode(blob)
        except (msgspec.MsgspecError, ValueError):
            raise self._database.damaged() from None

    def _load(self, channel: int, mid: bytes) -> StoredMessage | None:
        row = self._database.one(
            "SELECT number, entry, mine, state, hlc, member, salt, text, reply_to FROM message"
            " WHERE mid = ? AND channel = ?",
            (mid, channel),
        )
        if row is None:
            return None
        number, entry, mine, blob = row[:4]
        state = self._plain_state(entry, *row[4:]) if blob is None else self._decode(blob)
        return StoredMessage(number, entry, bool(mine), state)

    def _plain_state(
        self, entry: int, hlc: int, member: int, salt: bytes, text: str, reply_to: bytes | None
    ) -> MessageState:
        found = self._database.one("SELECT id FROM entry WHERE arrival = ?", (entry,))
        if found is None:
            raise self._database.damaged()
        stamp, author = Stamp(hlc, found[0]), self._names.value(member)
        return MessageState(Posted(stamp, author, salt, text, reply_to, (), ()))

    def _load_orphan(self, channel: int, mid: bytes) -> MessageState | None:
        row = self._database.one(
            "SELECT state FROM orphan WHERE channel = ? AND mid = ?", (channel, mid)
        )
        return None if row is None else self._decode(row[0])

    def _save_orphan(self, channel: int, mid: bytes, state: MessageState) -> None:
        self._database.write(
            "INSERT OR REPLACE INTO orphan (channel, mid, state) VALUES (?, ?, ?)",
            (channel, mid, _encoder.encode(state)),
        )

    # Messages ---------------------------------------------------------------------------------

    def _insert_message(
        self, channel: ChannelRow, mid: bytes, state: MessageState, log: int, arrival: Arrival
    ) -> None:
        """The row of a message whose post came in, which takes over its orphan."""
        post = state.post
        assert post is not None
        number = self._free_number(time_number(post.stamp.hlc, log), mid)
        mentioned = not arrival.mine and arrival.me in state.mentions
        self._database.write(
            INSERT_MESSAGE,
            (
                number,
                channel.number,
                post.stamp.hlc,
                mid,
                self._names.number(post.member),
                arrival.entry,
                post.salt,
                post.reply_to,
                not (arrival.mine or state.deleted),
                arrival.mine,
                mentioned,
                state.deleted,
                clean_text(state.text, TEXT_MAX),
                _encoder.encode(state),
            ),
        )
        self._database.write(
            "DELETE FROM orphan WHERE channel = ? AND mid = ?", (channel.number, mid)
        )
        self._save_files(channel.number, mid, (), shown_files(state))
        self._save_words(number, None, state)

    def _update_message(
        self,
        channel: ChannelRow,
        mid: bytes,
        before: StoredMessage,
        state: MessageState,
        *,
        entry: int,
        me: bytes | None,
    ) -> None:
        """The row of a message that changed; `entry` is the one that carries its post now."""
        post = state.post
        assert post is not None
        self._database.write(
            "UPDATE message SET hlc = ?, entry = ?, reply_to = ?, counted = ?, mentions_me = ?,"
            " deleted = ?, text = ?, state = ? WHERE number = ?",
            (
                post.stamp.hlc,
                entry,
                post.reply_to,
                not (before.mine or state.deleted),
                not before.mine and me in state.mentions,
                state.deleted,
                clean_text(state.text, TEXT_MAX),
                _encoder.encode(state),
                before.number,
            ),
        )
        self._save_files(channel.number, mid, shown_files(before.state), shown_files(state))
        self._save_words(before.number, before.state, state)

    def _free_number(self, wanted: int, mid: bytes, taken: Container[int] = ()) -> int:
        """The wanted number, or a free one near it; those in `taken` are about to be used."""
        number = wanted
        for probe in range(_PROBES_MAX):
            if number not in taken and not self._has_number(number):
                return number
            offset = int.from_bytes(digest(b"x1.slot", mid, bytes((probe,)))[:8], "big")
            number = wanted + offset % (_SLOT_MASK << probe)
        raise self._database.damaged()

    def _has_number(self, number: int) -> bool:
        return self._database.one("SELECT 1 FROM message WHERE number = ?", (number,)) is not None

    def _save_words(self, number: int, before: MessageState | None, after: MessageState) -> None:
        old = None if before is None else self._words(before)
        new = self._words(after)
        if old == new:
            return
        if old:
            self._database.write("DELETE FROM search WHERE rowid = ?", (number,))
        if new:
            self._database.write(INSERT_WORDS, (number, new))

    @staticmethod
    def _words(state: MessageState) -> str:
        return indexed(clean_text(state.text, TEXT_MAX), shown_files(state))

    def _save_files(
        self, channel: int, mid: bytes, before: tuple[FileInfo, ...], after: tuple[FileInfo, ...]
    ) -> None:
        if before == after:
            return
        self._database.write_many(
            "DELETE FROM file WHERE root = ? AND channel = ? AND mid = ?",
            [(file.root, channel, mid) for file in before],
        )
        self._database.write_many(
            "INSERT OR REPLACE INTO file (root, channel, mid, sha256) VALUES (?, ?, ?, ?)",
            [(file.root, channel, mid, file.sha256) for file in after],
        )

    # Words of messages ------------------------------------------------------------------------

    def _keep_wording(self, channel: int, mid: bytes, entry: int) -> None:
        """An entry has words of a message; for plain posts the message's own row says so."""
        self._database.write(
            "INSERT OR IGNORE INTO wording (channel, mid, entry) VALUES (?, ?, ?)",
            (channel, mid, entry),
        )

    def _is_taken_back(self, channel: int, mid: bytes) -> bool:
        row = self._database.one(
            "SELECT deleted FROM message WHERE mid = ? AND channel = ?", (mid, channel)
        )
        if row is not None:
            return bool(row[0])
        orphan = self._load_orphan(channel, mid)
        return orphan is not None and orphan.deleted

    # Reactions --------------------------------------------------------------------------------

    def _react(self, channel: int, op: React, member: bytes, stamp: Stamp) -> bool:
        """Join one reaction; False when it changes nothing."""
        key = (channel, op.message, op.emoji, self._names.number(member))
        row = self._database.one(
            "SELECT hlc, id, shown FROM reaction"
            " WHERE channel = ? AND mid = ? AND emoji = ? AND member = ?",
            key,
        )
        before = MessageState()
        if row is not None:
            known = (Stamp(row[0], row[1]), bool(row[2]))
            before = MessageState(reactions={(op.emoji, member): known})
        after = apply(before, op, member, stamp)
        if after is before:
            return False
        newest, shown = after.reactions[op.emoji, member]
        self._database.write(
            "INSERT OR REPLACE INTO reaction (channel, mid, emoji, member, hlc, id, shown)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*key, newest.hlc, newest.entry, shown),
        )
        return True

    def _reacted(self, channel: int, op: React, member: bytes) -> int:
        """The hybrid clock at which a member last put or took back this very emoji, or 0."""
        row = self._database.one(
            "SELECT hlc FROM reaction WHERE channel = ? AND mid = ? AND emoji = ? AND member = ?",
            (channel, op.message, op.emoji, self._names.number(member)),
        )
        return 0 if row is None else int(row[0])

    def _is_shown(self, channel: int, mid: bytes) -> bool:
        """Whether a message is here and was not taken back."""
        found = self._database.one(
            "SELECT 1 FROM message WHERE mid = ? AND channel = ? AND NOT deleted", (mid, channel)
        )
        return found is not None

    # The whole --------------------------------------------------------------------------------

    def canonical(self, channel: bytes) -> bytes:
        """A channel's timeline as bytes: equal to `Timeline.canonical` of the same operations."""
        timeline = Timeline()
        row = self._find_channel(channel)
        if row is None:
            return timeline.canonical()
        states = timeline.messages
        for (mid,) in self._database.read(
            "SELECT mid FROM message WHERE channel = ?", (row.number,)
        ):
            stored = self._load(row.number, mid)
            assert stored is not None
            states[mid] = stored.state
        for mid, blob in self._database.read(
            "SELECT mid, state FROM orphan WHERE channel = ?", (row.number,)
        ):
            states[mid] = self._decode(blob)
        reactions: dict[bytes, dict[tuple[str, bytes], tuple[Stamp, bool]]] = {}
        for mid, emoji, member, hlc, entry_id, shown in self._database.read(
            "SELECT mid, emoji, member, hlc, id, shown FROM reaction WHERE channel = ?",
            (row.number,),
        ):
            key = (emoji, self._names.value(member))
            reactions.setdefault(mid, {})[key] = (Stamp(hlc, entry_id), bool(shown))
        for mid, found in reactions.items():
            state = states.get(mid, MessageState())
            states[mid] = msgspec.structs.replace(state, reactions=found)
        return timeline.canonical()
