"""The checker of histories catches each broken promise, planted alone into a good history."""

from collections.abc import Callable

import pytest

from tests.integration.history import (
    Asked,
    AskedBack,
    Judged,
    Posted,
    Record,
    Shown,
    TakenBack,
    judge,
)

Ends = dict[str, list[Shown]]

HELLO = Shown("ana", "m1", "10", "hello", "", False)
ANSWER = Shown("bo", "m2", "20", "hello yourself", "m1", False)
TYPO = Shown("ana", "m3", "30", "helo", "", False)
ALONE = Shown("", "m5", "35", "died while writing it", "", False)
LAST = Shown("cleo", "m4", "40", "what did I miss?", "", False)


def at(machine: str, shown: Shown, **changed: object) -> Shown:
    return shown._replace(machine=machine, **changed)


def good() -> tuple[list[Record], Ends]:
    """Ana greets, bo answers, ana deletes a typo; cleo was away and reads it all at the end."""
    records: list[Record] = [
        Asked("ana", "hello"),
        Posted("ana", "hello", "m1", "10"),
        at("ana", HELLO),
        at("bo", HELLO),
        Asked("bo", "hello yourself", "m1"),
        Posted("bo", "hello yourself", "m2", "20"),
        at("bo", ANSWER),
        at("ana", ANSWER),
        Asked("ana", "helo"),
        Posted("ana", "helo", "m3", "30"),
        at("bo", TYPO),
        AskedBack("ana", "m3"),
        TakenBack("ana", "m3"),
        at("bo", TYPO, text="", deleted=True),
        Asked("ana", "died while writing it"),
        at("cleo", HELLO),
        at("cleo", ANSWER),
        at("cleo", TYPO, text="", deleted=True),
        Asked("cleo", "what did I miss?"),
        Posted("cleo", "what did I miss?", "m4", "40"),
    ]
    everything = [HELLO, ANSWER, TYPO._replace(text="", deleted=True), LAST]
    ends = {name: [at(name, shown) for shown in everything] for name in ("ana", "bo", "cleo")}
    return records, ends


def test_a_good_history_is_found_good_and_counted() -> None:
    assert judge(*good()) == Judged([], posted=4, unsure=1, taken_back=1, early=0)


def test_what_was_not_acknowledged_may_have_happened() -> None:
    records, ends = good()
    for name, timeline in ends.items():
        timeline.insert(3, at(name, ALONE))
    assert judge(records, ends).violations == []


def test_who_never_read_what_was_taken_back_need_not_know_what_it_answered() -> None:
    records, ends = good()
    for name in ("ana", "bo"):
        ends[name][2] = ends[name][2]._replace(answers="m1")
    assert judge(records, ends).violations == []


def test_an_answer_that_is_seen_first_is_counted() -> None:
    records, ends = good()
    place = records.index(at("cleo", HELLO))
    records[place : place + 2] = records[place : place + 2][::-1]
    judged = judge(records, ends)
    assert judged.violations == []
    assert judged.early == 1


def lose(records: list[Record], ends: Ends) -> None:
    del ends["bo"][3]


def lose_everywhere(records: list[Record], ends: Ends) -> None:
    for timeline in ends.values():
        del timeline[3]


def change(records: list[Record], ends: Ends) -> None:
    for name, timeline in ends.items():
        timeline[0] = at(name, HELLO, text="hello yourself")


def make_up(records: list[Record], ends: Ends) -> None:
    records.append(Shown("bo", "m9", "90", "buy cheap watches", "", False))


def double(records: list[Record], ends: Ends) -> None:
    for name, timeline in ends.items():
        timeline.append(at(name, HELLO, message="m9", order="90"))


def show_twice(records: list[Record], ends: Ends) -> None:
    for timeline in ends.values():
        timeline.insert(1, timeline[0])


def delete_unasked(records: list[Record], ends: Ends) -> None:
    records.append(at("bo", HELLO, text="", deleted=True))


def show_again(records: list[Record], ends: Ends) -> None:
    records.append(at("bo", TYPO))


def show_again_at_the_author(records: list[Record], ends: Ends) -> None:
    records.append(at("ana", TYPO))


def return_in_the_end(records: list[Record], ends: Ends) -> None:
    records.remove(at("cleo", TYPO, text="", deleted=True))
    for name, timeline in ends.items():
        timeline[2] = at(name, TYPO)


def move(records: list[Record], ends: Ends) -> None:
    records.append(at("bo", HELLO, order="11"))


def answer_above(records: list[Record], ends: Ends) -> None:
    """Bo's clock runs behind and nothing corrects it."""
    for place, record in enumerate(records):
        if isinstance(record, Shown | Posted) and record.message == "m2":
            records[place] = record._replace(order="05")
    for timeline in ends.values():
        timeline[:2] = [timeline[1]._replace(order="05"), timeline[0]]


def write_above_what_was_read(records: list[Record], ends: Ends) -> None:
    """Cleo answers nobody, but has read all when she writes."""
    records[-1] = Posted("cleo", "what did I miss?", "m4", "25")
    for timeline in ends.values():
        timeline[2:] = [timeline[3]._replace(order="25"), timeline[2]]


def sort_otherwise(records: list[Record], ends: Ends) -> None:
    for timeline in ends.values():
        timeline[2:] = timeline[2:][::-1]


def answer_something_else(records: list[Record], ends: Ends) -> None:
    for name, timeline in ends.items():
        timeline[1] = at(name, ANSWER, answers="")


def show_an_answer_to_nothing(records: list[Record], ends: Ends) -> None:
    for timeline in ends.values():
        del timeline[0]


def differ(records: list[Record], ends: Ends) -> None:
    """What was not acknowledged may be there or not, but for all alike."""
    ends["ana"].insert(3, at("ana", ALONE))


PLANTED: list[tuple[Callable[[list[Record], Ends], None], str]] = [
    (lose, "bo lacks 'what did I miss?', which cleo acknowledged"),
    (lose_everywhere, "cleo lacks 'what did I miss?', which cleo acknowledged"),
    (change, "ana shows 'hello yourself' where 'hello' was said"),
    (make_up, "bo shows 'buy cheap watches', which nobody said"),
    (double, "bo shows 'hello' a second time, as m9"),
    (show_twice, "cleo shows a message twice"),
    (delete_unasked, "bo shows m1 as deleted, and nobody deleted it"),
    (show_again, "bo shows 'helo' again after it was taken back"),
    (show_again_at_the_author, "ana shows 'helo' again after it was taken back"),
    (return_in_the_end, "cleo shows 'helo' in the end, which was taken back"),
    (move, "bo shows m1 at 11, and it stood at 10"),
    (answer_above, "ana does not show what 'hello yourself' answers above it"),
    (answer_above, "ana shows 'hello yourself' above what bo had read before"),
    (write_above_what_was_read, "bo shows 'what did I miss?' above what cleo had read before"),
    (sort_otherwise, "bo shows messages in another order than their places say"),
    (answer_something_else, "bo shows 'hello yourself' as an answer to another message"),
    (show_an_answer_to_nothing, "bo does not show what 'hello yourself' answers above it"),
    (differ, f"ana and bo differ from message 3 on: {[ALONE]} and {[at('', LAST)]}"),
]


@pytest.mark.parametrize(("plant", "sentence"), PLANTED)
def test_a_planted_violation_is_found(
    plant: Callable[[list[Record], Ends], None], sentence: str
) -> None:
    records, ends = good()
    plant(records, ends)
    assert sentence in judge(records, ends).violations
