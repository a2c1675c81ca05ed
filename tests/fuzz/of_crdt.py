"""Decoders of what is replicated: roster ops, claims, entries, operations, sync, forks, notes."""

from typing import Any

import msgspec

from chat.notes.document import Document
from crdt import (
    claims,
    entry,
    erasure,
    forks,
    invites,
    keys,
    notes,
    ops,
    roster_ops,
    seals,
    sync_messages,
    sync_receipt_body,
    text,
    yjs_update,
)
from crdt.errors import Invalid
from crdt.invites import InviteKeys
from tests.fuzz.contract import Target, every, vectors

_ENTRIES = vectors("entries")
_EPOCHS = vectors("epochs")
_ERASURE = vectors("erasure")
_FORKS = vectors("forks")
_INVITES = vectors("invites")
_NOTES = vectors("notes")
_SYNC = vectors("sync")
_INVITE = _INVITES["invite"]
_SECRET = bytes.fromhex(_INVITE["secret"])
_WORKSPACE = bytes.fromhex(_ENTRIES["workspace"])
_NAME_CHARS = 64


def _claim(data: bytes) -> object:
    signed = claims.decode_claim(data)
    claims.verify(signed, bytes.fromhex(_INVITE["key"]))
    return signed, invites.open_nick(InviteKeys.of(_SECRET).nick, signed.claim)


def _rest(rest: invites.Rest) -> bytes:
    fields = msgspec.structs.astuple(rest)
    return msgspec.msgpack.encode(fields if rest.member else fields[:-1])


def _run(data: bytes) -> tuple[entry.Run, list[entry.Entry]]:
    run = entry.decode_run(data)
    found = entry.from_run(_WORKSPACE, run)
    assert len({each.id for each in found}) == len(found)
    return run, found


def _signed_run(data: bytes) -> int:
    return entry.check_signatures(_run(data)[1])


def _op(data: bytes) -> ops.AnyOp:
    """The first byte is the part; the log that a payload stands in tells it."""
    return ops.decode(data[1:], data[0] if data else 0)


def _op_again(op: ops.AnyOp) -> bytes:
    return bytes((ops.part_of(op),)) + ops.encode(op)


class _Everybody:
    """A roster in which all devices are one member's, so that every place is an own one."""

    def same_member(self, _one: bytes, _other: bytes) -> bool:
        return True


def _statement(data: bytes) -> ops.Erase:
    """A payload under the open epoch, sealed by who wants it to be read."""
    workspace, channel = (bytes.fromhex(_ERASURE[each]) for each in ("workspace", "channel"))
    sealed = entry.write(
        workspace,
        entry.LogId(channel, ops.PART_STATE, bytes.fromhex(_ERASURE["author"]), bytes(8)),
        entry.Position(1, bytes(32), b""),
        data,
        hlc=1,
        heads=(bytes(32),),
        epoch=erasure.OPEN_EPOCH,
        channel_key=erasure.open_key(workspace, channel),
        sign_seed=bytes(32),
        nonce=bytes(24),
        followed=True,
    )
    op = erasure.open_op(workspace, sealed)
    said = erasure.statement(workspace, sealed, _Everybody())  # type: ignore[arg-type]
    assert said is not None
    assert said.salt == op.salt
    return op


def _update(data: bytes) -> yjs_update.Update:
    """A byte for the number of clients that are known, four for each of them, and the update."""
    count = data[0] if data else 0
    end = 1 + 4 * count
    after = tuple(
        (int.from_bytes(data[at : at + 2], "big"), int.from_bytes(data[at + 2 : at + 4], "big"))
        for at in range(1, end, 4)
    )
    return notes.check(ops.NoteUpdate(data[end:], after), 5)


def _update_seed(case: dict[str, Any]) -> bytes:
    after = (number.to_bytes(2, "big") for pair in case["after"] for number in pair)
    return b"".join((bytes((len(case["after"]),)), *after, bytes.fromhex(case["update"])))


def _replay(data: bytes) -> str:
    """Updates one after the other, each a client, a length and bytes, in Yjs itself.

    What the rules let through must do to the text what they say, and must not end this process.
    """
    order, known, seqs, at = notes.Canonical(), {}, [0, 0, 0], 0
    for number in range(16):
        if at >= len(data):
            break
        author, size = data[at] % 3, int.from_bytes(data[at + 1 : at + 3], "big")
        update, at = data[at + 3 : at + 3 + size], at + 3 + size
        op = ops.NoteUpdate(update, tuple(sorted(known.items())))
        change = notes.check(op, 5 + author)
        seqs[author] += 1
        order.add(
            [
                notes.SignedUpdate(
                    keys.digest(b"fuzz", number.to_bytes(1, "big"), update),
                    5 + author,
                    seqs[author] - 1,
                    bytes((author,)) * 16,
                    op,
                )
            ]
        )
        if change.end:
            known[5 + author] = change.end
    document = Document(1)
    for signed in order.replayed:
        document.apply(signed.client, signed.op.update)
    written, runs = document.read()
    assert sum(length for length, _ in runs) == len(written)
    return written


def _replay_seed(*updates: tuple[int, bytes]) -> bytes:
    return b"".join(
        bytes((author,)) + len(update).to_bytes(2, "big") + update for author, update in updates
    )


def _written(client: int, clock: int, after: tuple[int, int] | None, words: str) -> bytes:
    """An update that puts words behind a unit, or at the start of the text."""
    raw = words.encode()
    place = b"\x04\x01\x05notes" if after is None else b"\x84" + bytes(after)
    return bytes((1, 1, client, clock)) + place + bytes((len(raw),)) + raw + b"\x00"


_HELLO = (0, _written(5, 0, None, "hello"))
_WORLD = (1, _written(6, 0, (5, 4), " wörld"))
_CUT = (0, bytes((0, 1, 6, 1, 1, 2)))


def _cursor(data: bytes) -> tuple[int, int] | None:
    return notes.decode_cursor(data, notes.Canonical(), {5: 10, 700: 40_000})


def _seal(data: bytes) -> bytes:
    box, scope, salt, commit = (
        bytes.fromhex(_EPOCHS[each]) for each in ("box_secret", "scope", "salt", "commit")
    )
    return seals.open_seal(box, data, scope, salt, commit)


def _wrapped(data: bytes) -> bytes:
    key, scope, earlier = (bytes.fromhex(_EPOCHS[each]) for each in ("key", "scope", "earlier"))
    return seals.unwrap(key, scope, earlier, data)


def _cleaned(data: bytes) -> tuple[str, str, str]:
    """Cleaning twice changes nothing, or two machines would show two texts for one."""
    given = data.decode("utf-8", "surrogatepass" if b"\xed" in data else "replace")
    line = text.clean_line(given, _NAME_CHARS)
    several = text.clean_text(given, _NAME_CHARS)
    name = text.clean_name(given, _NAME_CHARS)
    assert text.clean_line(line, _NAME_CHARS) == line
    assert text.clean_text(several, _NAME_CHARS) == several
    assert text.clean_name(name, _NAME_CHARS) == name
    for shown in (line, several, name):
        assert len(shown) <= _NAME_CHARS
        assert "\x1b" not in shown
        shown.encode("utf-8")
    assert "\n" not in line + name
    note = yjs_update.clean(given)
    assert yjs_update.clean(note) == note
    text.look(name)
    return line, several, name


TARGETS = {
    "roster op": Target(
        (roster_ops.decode,),
        roster_ops.decode,
        Invalid,
        every(vectors("roster")["ops"], "wire"),
        again=lambda op: op.wire,
        canonical=True,
        signed=True,
    ),
    "claim": Target(
        (claims.decode_claim, invites.open_nick),
        _claim,
        Invalid,
        (bytes.fromhex(_INVITE["claim"]),),
        signed=True,
    ),
    "sealed rest of an invite": Target(
        (invites.open_rest,),
        lambda data: invites.open_rest(_SECRET, data),
        Invalid,
        every(_INVITE, "blob"),
        signed=True,
    ),
    "rest of an invite": Target(
        (invites.read_rest,),
        invites.read_rest,
        Invalid,
        (
            _rest(invites.open_rest(_SECRET, bytes.fromhex(_INVITE["blob"]))),
            _rest(invites.Rest(1, bytes(32), bytes(32), 100, "Cats", ("ws://a:1/",), bytes(16))),
        ),
        again=_rest,
        shape="msgpack",
    ),
    "run of entries": Target(
        (entry.decode_run,),
        _run,
        Invalid,
        every((_ENTRIES["runs"], _ENTRIES["refused"], _ERASURE["log"]), "run", "erased_run"),
        again=lambda found: entry.encode_run(found[0]),
        shape="msgpack",
    ),
    "signed run of entries": Target(
        (entry.decode_run,), _signed_run, Invalid, every(_ENTRIES["runs"], "run")
    ),
    "proof of a fork": Target(
        (forks.check,),
        lambda data: forks.check(bytes.fromhex(_FORKS["workspace"]), data),
        Invalid,
        every((_FORKS["proofs"], _FORKS["refused"]), "proof"),
        again=lambda proof: proof.wire,
        shape="msgpack",
    ),
    "operation": Target(
        (ops.decode,),
        _op,
        Invalid,
        tuple(
            bytes((case["part"],)) + bytes.fromhex(case["payload"])
            for case in vectors("channel")["operations"]
        ),
        again=_op_again,
    ),
    "statement of erasure": Target(
        (erasure.open_op,),
        _statement,
        Invalid,
        every(_ERASURE["statement"], "payload"),
        again=ops.encode,
    ),
    "sync message": Target(
        (sync_messages.decode,),
        sync_messages.decode,
        Invalid,
        every((_SYNC["messages"], _SYNC["refused"], _SYNC["passed_over"]), "payload"),
        again=sync_messages.encode,
        shape="msgpack",
    ),
    "receipt": Target(
        (sync_receipt_body.decode_receipt,),
        sync_receipt_body.decode_receipt,
        Invalid,
        every(_SYNC["receipt"], "body"),
        again=msgspec.msgpack.encode,
        shape="msgpack",
    ),
    "values of a private part": Target(
        (seals.read_values,),
        seals.read_values,
        Invalid,
        (bytes.fromhex("0009") + msgspec.msgpack.encode(("general",)) + bytes(21), bytes(32)),
    ),
    "seal of an epoch": Target(
        (seals.open_seal,), _seal, Invalid, every(_EPOCHS, "seal"), signed=True
    ),
    "wrap of an epoch": Target((), _wrapped, Invalid, every(_EPOCHS, "wrap"), signed=True),
    "update of notes": Target(
        (notes.check, yjs_update.decode),
        _update,
        Invalid,
        tuple(
            _update_seed(case)
            for case in (*_NOTES["accepted"], *_NOTES["refused"])
            if all(number < 65_536 for pair in case["after"] for number in pair)
        ),
    ),
    "updates of notes in Yjs": Target(
        (notes.check, yjs_update.decode),
        _replay,
        Invalid,
        (
            _replay_seed(_HELLO, _WORLD, _CUT),
            _replay_seed(_HELLO, (2, _written(7, 0, (5, 0), "😀é")), _WORLD),
        ),
    ),
    "cursor in notes": Target(
        (notes.decode_cursor,),
        _cursor,
        Invalid,
        tuple(map(notes.encode_cursor, ((5, 3), (700, 39_999), None))),
        again=notes.encode_cursor,
        canonical=True,
    ),
    "text of a peer": Target(
        (text.clean_line, text.clean_text, text.clean_name, yjs_update.clean),
        _cleaned,
        (UnicodeDecodeError,),
        tuple(
            each.encode("utf-8", "surrogatepass")
            for each in (
                "Kätzchen",
                "\x1b[31mred\u202e\u2066",
                "👩\u200d💻 क\u200dष \u115f",
                "e" + "\u0301" * 20,
                "\ud83d lone",
                "a\r\nb\u2028c",
            )
        ),
    ),
}
"""Names of targets, as `make fuzz TARGET=...` takes them."""
