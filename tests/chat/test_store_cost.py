"""What the store asks of SQLite: a page costs the same in every channel, however long it is.

SQLite counts itself: steps of its machine, and what it asks an authorizer while it compiles.
"""

from collections.abc import Callable
from functools import partial

import apsw

from chat.store import WorkspaceStore
from tests.chat.store_authors import GENERAL, WORKSPACE, Author, in_memory, take

PAGE = 20


def steps(store: WorkspaceStore, work: Callable[[], object]) -> int:
    """How many steps some reading takes."""
    counted: list[dict[str, int]] = []
    connection = store._database._connection
    connection.trace_v2(
        apsw.SQLITE_TRACE_PROFILE, lambda event: counted.append(event["stmt_status"]), id="steps"
    )
    work()
    connection.trace_v2(0, None, id="steps")
    assert counted
    return sum(each["SQLITE_STMTSTATUS_VM_STEP"] for each in counted)


def compiled(store: WorkspaceStore, work: Callable[[], object]) -> int:
    """How many statements some reading compiles that has been done before."""
    asked: list[int] = []

    def authorize(operation: int, *_: str | None) -> int:
        asked.append(operation)
        return apsw.SQLITE_OK

    connection = store._database._connection
    connection.authorizer = authorize
    work()
    assert apsw.SQLITE_SELECT in asked  # Who is asked for the first time compiles anew.
    asked.clear()
    work()
    connection.authorizer = None
    return asked.count(apsw.SQLITE_SELECT)


def stores() -> tuple[WorkspaceStore, WorkspaceStore]:
    """One with a page of messages, and one with fifty times as many."""
    made = []
    for pages in (1, 50):
        store = in_memory().workspace(WORKSPACE)
        author = Author("ana")
        take(store, author, author.posts(pages * PAGE))
        made.append(store)
    short, long = made
    return short, long


def test_no_statement_is_compiled_for_other_values() -> None:
    store, _ = stores()
    mids = [row.mid for row in store.messages(GENERAL, limit=PAGE)]
    assert len(mids) == PAGE
    assert compiled(store, lambda: store.messages(GENERAL, limit=PAGE)) == 0
    assert compiled(store, lambda: [store.message(mid) for mid in mids]) == 0
    assert compiled(store, lambda: store.search("hello", GENERAL, PAGE)) == 0


def test_what_lies_behind_a_page_costs_nothing() -> None:
    pages, oldest = [], []
    for store in stores():
        newest = [row.mid for row in store.messages(GENERAL, limit=5)]
        pages.append(steps(store, partial(store.messages, GENERAL, limit=PAGE)))
        oldest.append(steps(store, partial(store.oldest_of, GENERAL, newest)))
    for short, long in (pages, oldest):
        assert long <= short * 1.2


def test_the_oldest_of_some_messages() -> None:
    store, _ = stores()
    rows = store.messages(GENERAL, limit=PAGE)
    assert store.oldest_of(GENERAL, [rows[7].mid, rows[3].mid, rows[9].mid]) == rows[3].hlc
    assert store.oldest_of(GENERAL, [b"nobody's message"]) is None
    assert store.oldest_of(b"no such channel", [rows[3].mid]) is None
