"""Operations for tests of what merges: few members, few messages, so that they meet often."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from hypothesis import strategies as st

from crdt import limits, ops
from crdt.keys import digest
from crdt.timeline import Stamp


def named(name: str, size: int = limits.ID_BYTES) -> bytes:
    """A value that stands for something."""
    return digest(b"x1.test", name.encode())[:size]


MEMBERS = tuple(named(name) for name in ("ana", "bo", "cid"))
SALTS = tuple(named(f"salt {number}") for number in range(2))
MESSAGES = tuple(ops.message_id(member, salt) for member in MEMBERS for salt in SALTS)

members = st.sampled_from(MEMBERS)
salts = st.sampled_from(SALTS)
messages = st.sampled_from(MESSAGES)
words = st.sampled_from(("", "a", "b", "c"))
ids = st.binary(min_size=limits.ID_BYTES, max_size=limits.ID_BYTES)
mentioned = st.lists(members, max_size=2).map(tuple)
texts = st.text(max_size=200)

files = st.builds(
    ops.FileInfo,
    root=st.binary(min_size=36, max_size=36),
    key=st.binary(min_size=32, max_size=32),
    sha256=st.binary(min_size=32, max_size=32),
    size=st.integers(0, 2**53 - 1),
    name=st.text(max_size=20),
    type=st.just("image/png"),
    width=st.integers(0, 2**31 - 1),
    preview=st.binary(max_size=20),
)

places = st.builds(
    ops.Place,
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=8, max_size=8),
    st.integers(0, 2**48 - 1),
)
erase_ops: st.SearchStrategy[ops.AnyOp] = st.builds(ops.Erase, salts, places)
timeline_ops: st.SearchStrategy[ops.AnyOp] = st.one_of(
    st.builds(ops.Post, salts, words, st.none() | messages, mentioned),
    st.builds(ops.Edit, salts, words, mentioned),
    st.builds(ops.Delete, salts),
    st.builds(
        ops.React, st.sampled_from(MESSAGES[::3]), st.sampled_from("👍👍👍😀"), st.booleans()
    ),
)
state_ops: st.SearchStrategy[ops.AnyOp] = st.one_of(
    st.builds(ops.Topic, words),
    st.builds(ops.Pin, messages, st.booleans()),
    st.builds(ops.Profile, words, words, st.binary(max_size=2)),
    st.builds(ops.Setting, st.sampled_from("xy"), words),
    st.builds(ops.Hide, messages, st.booleans(), words),
)
note_ops: st.SearchStrategy[ops.AnyOp] = st.builds(
    ops.NoteUpdate, st.binary(max_size=3), st.just(())
)
valid_ops: st.SearchStrategy[ops.AnyOp] = st.one_of(
    st.builds(
        ops.Post,
        ids,
        texts,
        st.none() | ids,
        st.lists(ids, max_size=3).map(tuple),
        st.lists(files, max_size=2).map(tuple),
    ),
    st.builds(ops.Edit, ids, texts, st.lists(ids, max_size=3).map(tuple)),
    st.builds(ops.Delete, ids),
    st.builds(ops.React, ids, st.text(min_size=1, max_size=32), st.booleans()),
    st.builds(ops.Topic, texts),
    st.builds(ops.Pin, ids, st.booleans()),
    st.builds(ops.Profile, st.text(max_size=64), st.text(max_size=32), st.binary(max_size=64)),
    st.builds(ops.Setting, st.text(min_size=1, max_size=64), texts),
    st.builds(ops.Hide, ids, st.booleans(), texts),
    st.builds(ops.Erase, ids, places, st.lists(places, max_size=3).map(tuple)),
    st.builds(ops.Erase, ids, st.none(), st.lists(places, min_size=1, max_size=3).map(tuple)),
    st.builds(
        ops.NoteUpdate,
        st.binary(max_size=900),
        st.lists(st.tuples(st.integers(0, 2**53 - 1), st.integers(0, 2**31 - 1)), max_size=5).map(
            tuple
        ),
    ),
)
"""Every kind of operation that is within its limits."""


class Delivery(NamedTuple):
    """One operation as every replica gets it, sooner or later."""

    op: ops.AnyOp
    member: bytes
    stamp: Stamp


def deliveries(
    operations: st.SearchStrategy[ops.AnyOp], *, most: int = 12
) -> st.SearchStrategy[list[Delivery]]:
    """Operations by several members, at times that often are the same."""
    drawn = st.lists(st.tuples(operations, members, st.integers(1, 4)), max_size=most)
    return drawn.map(
        lambda rows: [
            Delivery(op, member, Stamp(hlc, named(f"entry {number}", limits.DIGEST_BYTES)))
            for number, (op, member, hlc) in enumerate(rows)
        ]
    )


@st.composite
def arrivals(draw: st.DrawFn, sent: Sequence[Delivery]) -> list[list[Delivery]]:
    """One way for all of them to arrive: in any order, some twice, in batches of any size."""
    again = draw(st.lists(st.sampled_from(sent), max_size=4)) if sent else []
    order = draw(st.permutations([*sent, *again]))
    cuts = sorted(draw(st.sets(st.integers(0, len(order)), max_size=4)))
    bounds = [0, *cuts, len(order)]
    return [order[start:end] for start, end in pairwise(bounds)]
