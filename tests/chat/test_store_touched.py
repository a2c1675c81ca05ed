"""Which logs got entries since a peer was met: the same answer, however it is found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.store import meetings
from chat.store.logs import Logs
from tests.chat.store_authors import GENERAL, RANDOM, WORKSPACE, Author, in_memory, named


@pytest.mark.parametrize("by_entries", [0, 3, 1_000])
def test_what_is_found_by_entries_is_what_looking_at_every_log_finds(
    monkeypatch: pytest.MonkeyPatch, by_entries: int
) -> None:
    monkeypatch.setattr(meetings, "TOUCHED_BY_ENTRIES_MAX", by_entries)
    authors = [Author(name) for name in ("ana", "bo", "cleo")]

    @given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=12))
    def found_alike(steps: list[tuple[int, bool]]) -> None:
        opened = in_memory()
        store = opened.workspace(WORKSPACE)
        other = opened.workspace(named("another workspace"))
        for author in authors:
            author.written.clear()
        for number, general in steps:
            store.append([authors[number].post(channel=GENERAL if general else RANDOM)])
        stranger = Author("stranger", named("another workspace"))
        other.append(stranger.posts(2))
        for arrival in range(len(steps) + 1):
            every = {state.log: state for state in Logs.touched_since(store, arrival)}
            assert {state.log: state for state in store.touched_since(arrival)} == every
        assert [state.log for state in other.touched_since(1)] == [stranger.log()]
        opened.close()

    found_alike()


def test_what_was_put_below_counts_too() -> None:
    store = in_memory().workspace(WORKSPACE)
    ana = Author("ana")
    written = ana.posts(6)
    store.append(written[3:])
    store.prepend(written[:3])
    [state] = store.touched_since(3)
    assert (state.log, state.low, state.head) == (ana.log(), 0, 5)
    assert store.touched_since(6) == []
