"""What honest members write passes the validator and reads the same after any canonical replay."""

from hypothesis import given
from hypothesis import strategies as st

from chat.notes import splices
from chat.notes.document import Document
from crdt import notes, yjs_update
from crdt.notes import Canonical, SignedUpdate
from crdt.ops import NoteUpdate
from tests.crdt.notes_authors import signed

LETTERS = "ab \né中😀👍"
Edits = list[tuple[int, list[tuple[int, int, str]], int]]

an_edit = st.tuples(
    st.integers(0, 2),
    st.lists(
        st.tuples(st.integers(0, 60), st.integers(0, 6), st.text(LETTERS, max_size=5)),
        min_size=1,
        max_size=3,
    ),
    st.integers(0, 7),
)


class Replica:
    """A member's notes: the canonical order, replayed anew after each arrival."""

    def __init__(self, client: int) -> None:
        self.client = client
        self.order = Canonical()
        self.seq = 0

    def updates(self) -> list[SignedUpdate]:
        return list(self.order.replayed)

    def document(self) -> Document:
        made = Document(self.client)
        for each in self.order.replayed:
            made.apply(each.client % 8, each.op.update)
        return made

    def edit(self, wanted: list[tuple[int, int, str]]) -> SignedUpdate | None:
        document = self.document()
        text, _ = document.read()
        hunks: list[tuple[int, int, str]] = []
        at = 0
        for start, deleted, inserted in sorted(wanted):
            start = min(len(text), max(at, start))
            at = min(len(text), start + deleted)
            if at > start or inserted:
                hunks.append((start, at, inserted))
        if not hunks:
            return None
        update = document.edit(self.client % 8, hunks)
        assert document.read()[0] == splices.apply(hunks, text)
        state = self.order.state
        change = yjs_update.decode(update, self.client, state)
        vector = notes.vector(change, state)
        assert notes.check(NoteUpdate(update, vector), self.client) == change
        self.seq += 1
        made = signed(self.client, self.seq, update, dict(vector))
        self.order.add([made])
        assert self.document().read() == document.read()
        return made


@given(st.lists(an_edit, max_size=14))
def test_honest_members_end_with_one_text(edits: Edits) -> None:
    """Three members edit apart and meet in part; who meets whom when is drawn, too."""
    replicas = [Replica(2**52 + number) for number in range(3)]
    everything: list[SignedUpdate] = []
    for who, wanted, meets in edits:
        made = replicas[who].edit(wanted)
        if made is not None:
            everything.append(made)
        for number, other in enumerate(replicas):
            if meets >> number & 1:
                other.order.add(replicas[who].updates())
    for replica in replicas:
        replica.order.add(reversed(everything))
        assert not replica.order.quarantined
        assert not replica.order.waiting
    read = [replica.document().read() for replica in replicas]
    assert read[0] == read[1] == read[2]
    text, runs = read[0]
    assert sum(length for length, _ in runs) == len(text)
    assert "\ufffd" not in text


@given(st.lists(an_edit, min_size=1, max_size=8))
def test_places_move_with_the_text(edits: Edits) -> None:
    replicas = [Replica(2**52 + number) for number in range(3)]
    for who, wanted, _ in edits:
        made = replicas[who].edit(wanted)
        for other in replicas:
            other.order.add([made] if made else [])
    document = replicas[0].document()
    text, _ = document.read()
    for index in range(len(text) + 1):
        unit = document.mark(index)
        assert (document.find(*unit) if unit else 0) == index
    if not text:
        return
    unit = document.mark(len(text))
    assert unit is not None
    document.edit(1, [(0, 0, "é😀")])
    assert document.find(*unit) == len(text) + 2
    document.edit(1, [(len(text), len(text) + 2, "")])
    assert document.find(*unit) <= len(text)
