"""Shared notes: deltas, the draft between screen and node, and undo."""

from hypothesis import given
from hypothesis import strategies as st

from chat.model import Notes
from tui.notes import delta as deltas
from tui.notes.delta import Delta
from tui.notes.draft import NotesDraft
from tui.notes.undo import Undo

TEXT = st.text(alphabet="ab\ncé🐈", max_size=30)


@st.composite
def changes(draw: st.DrawFn, text: str) -> Delta:
    """One or two splices of a text."""
    change = deltas.identity(len(text))
    for _ in range(draw(st.integers(0, 2))):
        now = deltas.apply(change, text)
        index = draw(st.integers(0, len(now)))
        deleted = draw(st.integers(0, len(now) - index))
        inserted = draw(st.text(alphabet="xyZ\n", max_size=4))
        change = deltas.compose(change, deltas.splice(len(now), index, deleted, inserted))
    return change


@given(st.data(), TEXT)
def test_deltas_compose_invert_and_pass_each_other(data: st.DataObject, text: str) -> None:
    a = data.draw(changes(text))
    b = data.draw(changes(text))
    after_a, after_b = deltas.apply(a, text), deltas.apply(b, text)
    moved_a, moved_b = deltas.transform(a, b)
    assert deltas.apply(moved_a, after_b) == deltas.apply(moved_b, after_a)
    c = data.draw(changes(after_a))
    assert deltas.apply(deltas.compose(a, c), text) == deltas.apply(c, after_a)
    assert deltas.apply(deltas.invert(a, text), after_a) == text


@given(TEXT, TEXT)
def test_a_difference_brings_one_text_to_the_other(old: str, new: str) -> None:
    change = deltas.diff(old, new)
    assert deltas.apply(change, old) == new
    text = old
    for index, deleted, inserted in deltas.splices(change):
        text = text[:index] + inserted + text[index + deleted :]
    assert text == new


def test_changes_far_apart_stay_apart() -> None:
    lines = [f"line {n} of a long text about cats\n" for n in range(400)]
    new = [*lines]
    new[3] = "line 3, changed\n"
    new[390] = "line 390, changed\n"
    change = deltas.diff("".join(lines), "".join(new))
    assert len(deltas.splices(change)) == 2
    assert deltas.diff("a cat sat", "the cat sits") != deltas.splice(9, 0, 9, "the cat sits")


@given(st.data(), TEXT)
def test_a_cursor_stays_at_its_text(data: st.DataObject, text: str) -> None:
    change = data.draw(changes(text))
    places = [deltas.map_index(change, index) for index in range(len(text) + 1)]
    assert places == sorted(places)
    assert 0 <= places[0]
    assert places[-1] <= len(deltas.apply(change, text))


def test_text_inserted_at_the_cursor_by_somebody_else_goes_behind_it() -> None:
    assert deltas.map_index(deltas.splice(4, 2, 0, "xy"), 2) == 2
    assert deltas.map_index(deltas.splice(4, 1, 0, "xy"), 2) == 4
    assert deltas.map_index(deltas.splice(4, 0, 3, ""), 2) == 0


class Node:
    """A node that takes splices against any version, as chat.commands.SpliceNotes promises."""

    def __init__(self, text: str) -> None:
        self.texts = [text]
        self.changes: list[Delta] = []

    @property
    def notes(self) -> Notes:
        return Notes("general", self.texts[-1], version=len(self.texts))

    def change(self, change: Delta) -> Notes:
        self.changes.append(change)
        self.texts.append(deltas.apply(change, self.texts[-1]))
        return self.notes

    def take(self, splices: tuple[deltas.Splice, ...], version: int) -> Notes:
        text = self.texts[version - 1]
        change = deltas.identity(len(text))
        for index, deleted, inserted in splices:
            length = len(deltas.apply(change, text))
            change = deltas.compose(change, deltas.splice(length, index, deleted, inserted))
        for theirs in self.changes[version - 1 :]:
            change, _ = deltas.transform(change, theirs)
        return self.change(change)


@given(st.data(), TEXT)
def test_the_screen_and_the_node_end_with_one_text(data: st.DataObject, text: str) -> None:
    """Local edits, remote edits, batches and late news in any order."""
    node = Node(text)
    draft = NotesDraft(node.notes)
    screen = text
    in_flight: tuple[tuple[deltas.Splice, ...], int] | None = None
    news: list[Notes] = []

    def show(change: Delta) -> None:
        nonlocal screen
        screen = deltas.apply(change, screen)
        assert draft.text == screen

    for step in data.draw(
        st.lists(st.sampled_from("type other send reply news".split()), max_size=14)
    ):
        if step == "type":
            change = data.draw(changes(screen))
            screen = deltas.apply(change, screen)
            draft.edit(change)
            assert draft.text == screen
        elif step == "other":
            news.append(node.change(data.draw(changes(node.texts[-1]))))
        elif step == "send" and in_flight is None:
            in_flight = draft.batch()
        elif step == "reply" and in_flight is not None:
            reply = node.take(*in_flight)
            news.append(reply)
            in_flight = None
            show(draft.confirmed(reply))
        elif step == "news" and news:
            show(draft.remote(news.pop(0)))
    if in_flight is not None:
        show(draft.confirmed(node.take(*in_flight)))
    show(draft.remote(node.notes))
    while (batch := draft.batch()) is not None:
        show(draft.confirmed(node.take(*batch)))
    assert draft.is_clean
    assert screen == node.texts[-1]


def test_a_refused_batch_is_kept_and_sent_with_the_next_edit() -> None:
    node = Node("cats")
    draft = NotesDraft(node.notes)
    draft.edit(deltas.splice(4, 4, 0, " sleep"))
    assert draft.batch() == (((4, 0, " sleep"),), 1)
    draft.edit(deltas.splice(10, 0, 0, "the "))
    assert draft.remote(node.change(deltas.splice(4, 1, 1, "A"))) == (14,)
    assert deltas.apply(draft.failed(), "the cats sleep") == "the cAts sleep"
    assert draft.batch() is None
    draft.edit(deltas.splice(14, 14, 0, "!"))
    batch = draft.batch()
    assert batch is not None
    assert node.take(*batch).text == "the cAts sleep!"


@given(st.data(), TEXT)
def test_cursors_are_carried_between_screen_and_node(data: st.DataObject, text: str) -> None:
    draft = NotesDraft(Notes("general", text, version=1))
    draft.edit(data.draw(changes(text)))
    for index in range(len(text) + 1):
        assert 0 <= draft.index_on_screen(index) <= len(draft.text)
    for index in range(len(draft.text) + 1):
        assert 0 <= draft.index_at_node(index) <= len(text)


@given(st.data(), TEXT)
def test_undo_takes_back_what_was_typed_and_nothing_of_theirs(
    data: st.DataObject, text: str
) -> None:
    undo = Undo()
    now = text
    theirs_only = text
    for turn in range(data.draw(st.integers(0, 6))):
        if data.draw(st.booleans()):
            # Mine: letters that nobody else writes, inserted anywhere.
            index = data.draw(st.integers(0, len(now)))
            change = deltas.splice(len(now), index, 0, "M")
            undo.edited(change, now, now=10.0 * turn)
        else:
            index = data.draw(st.integers(0, len(now)))
            change = deltas.splice(len(now), index, 0, "t")
            undo.remote(change)
        now = deltas.apply(change, now)
    theirs_only = now.replace("M", "")
    full = now
    while (change := undo.undo(now)) is not None:
        now = deltas.apply(change, now)
    assert now == theirs_only
    while (change := undo.redo(now)) is not None:
        now = deltas.apply(change, now)
    assert sorted(now) == sorted(full)


def test_letters_typed_in_one_go_are_one_step() -> None:
    undo = Undo()
    text = ""
    for at, letter in enumerate("cats"):
        change = deltas.splice(len(text), len(text), 0, letter)
        undo.edited(change, text, now=at * 0.2)
        text += letter
    change = undo.undo(text)
    assert change is not None
    assert deltas.apply(change, text) == ""
    assert undo.undo("") is None
