"""One channel's text in pycrdt: the only module that imports it, loaded in the worker alone.

pycrdt counts a text in bytes of UTF-8, and an index inside a letter makes an update that no
replica can take; here everything outside is code points. Beside the text stands an array with the
author of every byte, kept up from the changes that pycrdt reports for each update.

A place that moves with the text is "after this unit of that writing". pycrdt's own relative
positions mix bytes and UTF-16 units: beside letters outside ASCII they are wrong or end the
process. So a scratch document is asked instead, by writing a letter into it: an insertion at an
index names the unit on its left, and a letter put behind a unit is reported with its index. The
letter's client id is the smallest, so that Yjs puts it right behind the unit; it is deleted again,
and after some hundred questions the scratch document is made anew.
"""

from array import array
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from pycrdt import Doc, Text, TransactionEvent

from chat.notes.limits import PROBES_MAX
from crdt.yjs_update import ROOT, Reader, varint

PROBE_CLIENT = 1
"""Writes into documents that are thrown away."""
_LETTER = "-"
_ONE_ITEM = b"\x01\x01"  # one block of one item
_STRING_AFTER = b"\x84"  # a string with a left neighbour
_NO_DELETES = b"\x00"


class Damaged(ValueError):
    """The document no longer agrees with what was reported about it."""


class Document:
    """The text after some updates."""

    def __init__(self, client: int) -> None:
        self._doc: Doc[Any] = Doc(client_id=client)
        self._text = self._doc.get(ROOT, type=Text)
        self._authors = array("H")
        self._author = 0
        self._watch = self._text.observe(self._changed)
        self._updates: list[bytes] = []
        self._probe: _Probe | None = None

    @property
    def count(self) -> int:
        """How many updates were applied."""
        return len(self._updates)

    def apply(self, author: int, update: bytes) -> None:
        """Apply an update by the author with this number.

        Raises:
            ValueError: pycrdt refuses it, or the text is not what it should be afterwards.
        """
        self._author = author
        self._doc.apply_update(update)
        if len(self._text) != len(self._authors):
            raise Damaged("update damages the document")
        self._updates.append(update)

    def read(self) -> tuple[str, list[tuple[int, int]]]:
        """The text, and its runs: code points and the number of their author."""
        text = str(self._text)
        data = text.encode()
        if len(data) != len(self._authors):
            raise Damaged("update damages the document")
        runs = []
        at = 0
        for author, group in groupby(self._authors):
            end = at + sum(1 for _ in group)
            runs.append((len(data[at:end].decode()), author))
            at = end
        return text, runs

    def edit(self, author: int, hunks: Sequence[tuple[int, int, str]]) -> bytes:
        """Change the text; hunks are in order and speak of the text as it is. Gives the update."""
        text = str(self._text)
        places = []
        at = offset = 0
        for start, end, inserted in hunks:
            offset += len(text[at:start].encode())
            deleted = len(text[start:end].encode())
            places.append((offset, deleted, inserted))
            at, offset = end, offset + deleted
        updates: list[bytes] = []

        def done(event: TransactionEvent) -> None:
            updates.append(event.update)

        self._author = author
        watch = self._doc.observe(done)
        with self._doc.transaction():
            for offset, deleted, inserted in reversed(places):
                if deleted:
                    del self._text[offset : offset + deleted]
                if inserted:
                    self._text.insert(offset, inserted)
        self._doc.unobserve(watch)
        self._updates.append(updates[0])
        return updates[0]

    def exercise(self) -> None:
        """Read and edit a document that will be thrown away, so that damage shows at once.

        Raises:
            ValueError: the document is damaged.
        """
        text, _ = self.read()
        end = len(text)
        self.edit(0, [(0, 0, _LETTER), (end, end, _LETTER)])
        if self.read()[0] != _LETTER + text + _LETTER:
            raise Damaged("update damages the document")
        self.edit(0, [(0, 1, ""), (end + 1, end + 2, "")])
        if self.read()[0] != text:
            raise Damaged("update damages the document")

    def mark(self, index: int) -> tuple[int, int] | None:
        """The unit (client, clock) before an index; None at the start."""
        offset = len(str(self._text)[:index].encode())
        return self._scratch().unit_before(offset) if offset else None

    def find(self, client: int, clock: int) -> int:
        """The index after a unit, or where it was when it is deleted."""
        offset = self._scratch().offset_after(client, clock)
        return len(str(self._text).encode()[:offset].decode("utf-8", "ignore"))

    def _scratch(self) -> "_Probe":
        if self._probe is None or self._probe.asked >= PROBES_MAX:
            self._probe = _Probe()
        self._probe.catch_up(self._updates)
        return self._probe

    def _changed(self, event: Any) -> None:
        at = 0
        for part in event.delta:
            if "retain" in part:
                at += part["retain"]
            elif "delete" in part:
                del self._authors[at : at + part["delete"]]
            else:
                size = len(part["insert"].encode())
                self._authors[at:at] = array("H", (self._author,)) * size
                at += size


class _Probe:
    """A copy of a document that may be written into to learn where things are."""

    def __init__(self) -> None:
        self._doc: Doc[Any] = Doc(client_id=PROBE_CLIENT)
        self._text = self._doc.get(ROOT, type=Text)
        self._have = 0
        self.asked = 0

    def catch_up(self, updates: Sequence[bytes]) -> None:
        for update in updates[self._have :]:
            self._doc.apply_update(update)
        self._have = len(updates)

    def unit_before(self, offset: int) -> tuple[int, int]:
        updates: list[bytes] = []

        def done(event: TransactionEvent) -> None:
            updates.append(event.update)

        watch = self._doc.observe(done)
        self._text.insert(offset, _LETTER)
        self._doc.unobserve(watch)
        self._clear(offset)
        reader = Reader(updates[0])
        head = [reader.varint() for _ in range(4)]
        assert head[:3] == [1, 1, PROBE_CLIENT], "one letter is one item"
        assert reader.byte() & 0x80, "an insertion behind text has a left neighbour"
        return reader.varint(), reader.varint()

    def offset_after(self, client: int, clock: int) -> int:
        places: list[int] = []

        def done(event: Any) -> None:
            first = event.delta[0]
            places.append(first.get("retain", 0))

        head = _ONE_ITEM + varint(PROBE_CLIENT) + varint(self.asked)
        left = varint(client) + varint(clock)
        letter = varint(len(_LETTER)) + _LETTER.encode()
        watch = self._text.observe(done)
        self._doc.apply_update(head + _STRING_AFTER + left + letter + _NO_DELETES)
        self._text.unobserve(watch)
        self._clear(places[0])
        return places[0]

    def _clear(self, offset: int) -> None:
        """Delete the letter; its clock is used."""
        del self._text[offset : offset + len(_LETTER)]
        self.asked += 1
