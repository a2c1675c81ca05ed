"""Events in a node: what a listener gets however slowly it reads, and what becomes of a turn."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat import effects, events, model
from chat.errors import StoreError, TrustError, Unavailable
from chat.hub import MESSAGES_WAITING_MAX, Hub, Listener, before
from chat.node.newsroom import MESSAGES_TOLD_MAX, Newsroom
from chat.node.turns import Turns
from chat.store import Store
from tests.chat.store_authors import in_memory

ANA = model.Author("00" * 16, "ana")


def message(number: int, text: str = "", channel: str = "general", at: int = 0) -> model.Message:
    mid = f"{number:032x}"
    return model.Message(mid, channel, ANA, at, text, order=f"{at:016x}{mid}")


def changed(number: int, text: str = "", *, new: bool = True, at: int = 0) -> events.MessageChanged:
    return events.MessageChanged(message(number, text, at=at), new)


async def heard(listener: Listener) -> list[events.Event]:
    """What waits for a listener that is at its end."""
    return [event async for event in listener]


# Hub ------------------------------------------------------------------------------------------


def test_a_later_event_about_the_same_thing_takes_the_place_of_the_earlier() -> None:
    hub = Hub()
    listener = hub.listen()
    hub.emit(changed(1, "one"))
    hub.emit(events.Warned("first"))
    hub.emit(changed(1, "one, edited", new=False))
    hub.emit(events.Warned("second"))
    hub.emit(events.Warned("first"))
    hub.close()
    assert asyncio.run(heard(listener)) == [
        changed(1, "one, edited", new=True),  # Nobody has seen it: it is still new.
        events.Warned("first"),
        events.Warned("second"),
    ]


def test_of_too_many_messages_a_number_is_told_and_where_to_look() -> None:
    hub = Hub()
    listener = hub.listen()
    for number in range(MESSAGES_WAITING_MAX):
        hub.emit(changed(number, at=1_000 + number))
    for number in range(300):
        hub.emit(changed(10_000 + number, at=500 - number))
    hub.close()
    told = asyncio.run(heard(listener))
    assert len(told) == MESSAGES_WAITING_MAX + 1
    assert told[-1] == events.MessagesArrived("general", 300, before(201))


def test_a_channel_that_is_renamed_while_its_messages_wait_ends_nobody() -> None:
    hub = Hub()
    listener = hub.listen()
    hub.emit(events.MessageChanged(message(1, channel="channel-beef"), True))
    hub.emit(events.MessageChanged(message(1, channel="plans"), True))
    hub.close()
    (event,) = asyncio.run(heard(listener))
    assert isinstance(event, events.MessageChanged)
    assert event.message.channel == "plans"
    assert not listener._counts


def test_who_listens_after_the_end_is_at_the_end() -> None:
    hub = Hub()
    hub.close()
    assert asyncio.run(heard(hub.listen())) == []
    assert not hub.has_listeners


def test_one_who_leaves_takes_nothing_from_the_others() -> None:
    async def main() -> None:
        hub = Hub()
        slow, fast = hub.listen(), hub.listen()
        hub.emit(changed(1))
        await slow.aclose()
        hub.emit(changed(2))
        hub.close()
        assert await heard(fast) == [changed(1), changed(2)]
        assert await heard(slow) == [changed(1)]

    asyncio.run(main())


@settings(max_examples=200)
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.integers(1, 400), st.integers(0, 50)),
            st.just("read"),
            st.tuples(st.just("many"), st.integers(1, 400), st.integers(0, 50)),
        ),
        max_size=120,
    ),
    burst=st.integers(0, 600),
)
def test_whoever_follows_what_is_told_has_seen_the_newest_of_every_message(
    steps: list[object], burst: int
) -> None:
    """A reader that looks where it is told to look misses nothing."""
    hub = Hub()
    listener = hub.listen()
    truth: dict[int, model.Message] = {}
    seen: dict[int, model.Message] = {}

    def take(event: events.Event) -> None:
        if isinstance(event, events.MessageChanged):
            seen[int(event.message.id, 16)] = event.message
        else:
            assert isinstance(event, events.MessagesArrived)
            newer = {n: m for n, m in truth.items() if m.order > event.after}
            seen.update(newer)

    async def main() -> None:
        version = 0
        for step in [*steps, *((1_000 + n, n % 50) for n in range(burst))]:
            version += 1
            if step == "read":
                if listener._waiting:
                    take(await anext(listener))
            elif isinstance(step, tuple) and step[0] == "many":
                _, count, at = step
                numbers = range(5_000 + version, 5_000 + version + count % 7)
                for number in numbers:
                    truth[number] = message(number, str(version), at=at)
                hub.emit(events.MessagesArrived("general", len(numbers), before(at)))
            elif isinstance(step, tuple):
                number, at = step
                known = truth.get(number)
                at = at if known is None else known.at  # A message keeps its place.
                truth[number] = message(number, str(version), at=at)
                hub.emit(events.MessageChanged(truth[number], known is None))
        hub.close()
        for event in await heard(listener):
            take(event)

    asyncio.run(main())
    assert seen == truth


# Newsroom -------------------------------------------------------------------------------------


class Press:
    """A newsroom over a dictionary of messages."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.shown = {number: message(number, at=100 + number) for number in range(200)}
        self.fails = False
        self.built = 0
        self.newsroom = Newsroom(
            self.hub,
            lambda channel, mid: self.shown.get(int.from_bytes(mid, "big")),
            lambda channel, mids: min(100 + int.from_bytes(mid, "big") for mid in mids),
            lambda channel: "general" if channel == b"general" else None,
            {"channels": list, "members": list, "status": self._status, "transfers": list},
        )

    def _status(self) -> list[events.Event]:
        self.built += 1
        if self.fails:
            raise StoreError("The disk is gone.")
        return [events.StatusChanged(model.Status("none"))]

    def touch(self, numbers: Sequence[int], channel: bytes = b"general") -> None:
        for number in numbers:
            mid = number.to_bytes(16, "big")
            self.newsroom.touch(effects.MessageTouched(channel, mid, True))
        self.newsroom.tell()


def test_a_turns_messages_are_told_one_by_one_or_as_a_number() -> None:
    press = Press()
    press.touch(range(50, 60))  # Nobody listens: nothing waits.
    listener = press.hub.listen()
    press.touch([3, 3, 4, 999])
    press.touch([5], channel=b"elsewhere")
    press.touch(range(20, 20 + MESSAGES_TOLD_MAX + 1))
    press.hub.close()
    told = asyncio.run(heard(listener))
    assert told == [
        events.MessageChanged(press.shown[3], True),
        events.MessageChanged(press.shown[4], True),
        events.MessagesArrived("general", MESSAGES_TOLD_MAX + 1, before(120)),
    ]


def test_small_views_are_told_at_their_own_pace_and_survive_a_disk() -> None:
    async def main() -> None:
        press = Press()
        press.newsroom.change("status")
        assert press.newsroom._timer is None
        stream = press.hub.listen()
        for _ in range(100):
            press.newsroom.change("status")
        assert isinstance(await anext(stream), events.StatusChanged)
        assert press.built == 1
        press.fails = True
        press.newsroom.change("status")
        assert await anext(stream) == events.Warned("The disk is gone.")
        press.newsroom.change("status")
        press.newsroom.close()

    asyncio.run(main())


# Turns ----------------------------------------------------------------------------------------


class Table:
    """Turns over a store in memory that may refuse to commit or to roll back."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = in_memory()
        self.told: list[effects.Effect] = []
        self.failed: list[StoreError] = []
        self.commits = 0
        self.refuses = self.sticks = False
        self.turns = Turns(self.store, self.told.extend, self.failed.append)
        commit, rollback = self.store.commit, self.store.rollback

        def failing_commit() -> None:
            self.commits += 1
            if self.refuses:
                raise StoreError("The disk is full.")
            commit()

        def failing_rollback() -> None:
            if self.sticks:
                raise StoreError("The disk is gone.")
            rollback()

        monkeypatch.setattr(self.store, "commit", failing_commit)
        monkeypatch.setattr(self.store, "rollback", failing_rollback)

    def put(self, key: str) -> None:
        def work() -> Sequence[effects.Effect]:
            self.store.put(key, b"1")
            return [effects.WakeAt(len(key))]

        self.turns.run(work)

    async def post(self, key: str) -> None:
        self.put(key)
        await self.turns.durable()


def kept(store: Store, *keys: str) -> list[str]:
    return [key for key in keys if store.get(key)]


def test_a_turn_is_one_commit_and_tells_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        table = Table(monkeypatch)
        table.put("a")
        table.put("bb")
        assert table.told == []
        await asyncio.gather(table.turns.durable(), table.turns.durable())
        assert table.told == [effects.WakeAt(1), effects.WakeAt(2)]
        assert table.commits == 1
        await table.turns.durable()  # Nothing waits.
        table.put("ccc")
        table.turns.flush()
        assert table.told[2:] == [effects.WakeAt(3)]

    asyncio.run(main())


def test_a_commit_that_fails_tells_all_who_wait_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        table = Table(monkeypatch)
        for sticks in (False, True):
            table.refuses, table.sticks = True, sticks
            waiting = [table.post("a") for _ in range(3)]
            ended = await asyncio.gather(*waiting, return_exceptions=True)
            assert [type(each) for each in ended] == [StoreError] * 3
            table.refuses = table.sticks = False
        assert len(table.failed) == 2
        table.store.rollback()
        assert table.told == []
        assert kept(table.store, "a") == []
        table.refuses = True
        table.put("a")
        with pytest.raises(StoreError):
            table.turns.flush()
        table.refuses = False
        table.put("b")
        await table.turns.durable()
        assert kept(table.store, "a", "b") == ["b"]

    asyncio.run(main())


def test_work_that_fails_takes_the_whole_turn_along_and_a_no_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def half(table: Table, error: Exception) -> None:
        def work() -> Sequence[effects.Effect]:
            table.store.put("half", b"1")
            raise error

        table.turns.run(work)

    def no() -> Sequence[effects.Effect]:
        raise TrustError("No.")

    async def main() -> None:
        table = Table(monkeypatch)
        for error in (StoreError("Full."), AssertionError("a mistake of ours")):
            waiting = asyncio.ensure_future(table.post("before"))
            await asyncio.sleep(0)
            with pytest.raises(type(error)):
                half(table, error)
            with pytest.raises(StoreError):
                await waiting
            assert kept(table.store, "before", "half") == []
        table.put("before")
        with pytest.raises(TrustError):
            table.turns.run(no)
        await table.turns.durable()
        assert kept(table.store, "before", "half") == ["before"]

    asyncio.run(main())


def test_the_last_turn_is_finished_and_there_is_none_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def main() -> None:
        table = Table(monkeypatch)
        waiting = asyncio.ensure_future(table.post("last"))
        await asyncio.sleep(0)
        assert not table.commits
        table.turns.close()
        await waiting
        with pytest.raises(Unavailable, match="stopping"):
            table.put("too late")
        assert kept(table.store, "last", "too late") == ["last"]
        assert table.told == [effects.WakeAt(4)]

    asyncio.run(main())
