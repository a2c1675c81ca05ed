"""What people did and saw, and whether a chat that keeps its promises can have such a history.

A history is a list of records in the order in which one observer noted them: that a machine was
asked to do something, that it acknowledged it, and each state in which a machine showed a message.
Nothing in it comes from inside the program, so it holds for any number of processes, whatever
happened to them. `judge` reads it once and gives a sentence for each broken promise:

- *Nothing acknowledged is lost*: in the end everybody shows it, with the text it was given.
- *Nothing is made up*: what is shown was said, by that machine, once.
- *Causes stand first*: whoever writes has read what was shown there before; so does an answer what
  it answers, and a message what its author said earlier. In every timeline the later one stands
  below. (A message may well be *shown* before one that stands above it has come; how often that
  happened to an answer is counted, and is no violation: each machine shows what it has.)
- *Nothing taken back returns*: once shown as deleted it is never shown otherwise there, and in the
  end nowhere.
- *One timeline*: in the end all machines show the same messages in the same order. Of what was
  taken back that is all: who never read it does not learn what it answered.

What was asked for and not acknowledged, since the machine died over it, may have happened or not.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple


class Asked(NamedTuple):
    """A machine was asked to post a text that nobody else posts."""

    machine: str
    text: str
    answers: str = ""


class Posted(NamedTuple):
    """It acknowledged: the message with this id is on its disk, at this place."""

    machine: str
    text: str
    message: str
    order: str


class AskedBack(NamedTuple):
    """A machine was asked to delete a message of its own."""

    machine: str
    message: str


class TakenBack(NamedTuple):
    """It acknowledged that."""

    machine: str
    message: str


class Shown(NamedTuple):
    """A machine showed a message, at a place in its timeline (`order`), deleted or not."""

    machine: str
    message: str
    order: str
    text: str
    answers: str
    deleted: bool


Record = Asked | Posted | AskedBack | TakenBack | Shown
Timeline = Sequence[Shown]
"""All that a machine shows in the end, from top to bottom."""


@dataclass
class Judged:
    """What came of a history.

    Attributes:
        violations: a sentence each; empty when every promise was kept.
        posted, unsure: messages acknowledged, and asked for in vain.
        taken_back: deletions acknowledged.
        early: answers that some machine showed before what they answer.
    """

    violations: list[str] = field(default_factory=list)
    posted: int = 0
    unsure: int = 0
    taken_back: int = 0
    early: int = 0


@dataclass
class _Said:
    """A message as its author was told of it, or tried to write it."""

    machine: str
    text: str
    answers: str
    after: str
    """The lowest place at which everything stood that its machine had shown before."""
    message: str = ""


class _Reading:
    """Reads the records in order."""

    def __init__(self) -> None:
        self.judged = Judged()
        self.said: dict[str, _Said] = {}
        self.asked_back: set[str] = set()
        self.taken_back: set[str] = set()
        self._lowest: dict[str, str] = {}
        self._places: dict[str, str] = {}
        self._shown: dict[str, set[str]] = {}
        self._gone: set[tuple[str, str]] = set()

    def complain(self, sentence: str) -> None:
        self.judged.violations.append(sentence)

    def take(self, record: Record) -> None:
        match record:
            case Asked(machine, text, answers):
                after = self._lowest.get(machine, "")
                self.said[text] = _Said(machine, text, answers, after)
            case Posted(machine, text, message, order):
                self.said[text].message = message
                self._see(machine, message, order)
            case AskedBack(_, message):
                self.asked_back.add(message)
            case TakenBack(machine, message):
                self.taken_back.add(message)
                self._gone.add((machine, message))
            case Shown():
                self._show(record)

    def _see(self, machine: str, message: str, order: str) -> None:
        self._lowest[machine] = max(order, self._lowest.get(machine, ""))
        self._shown.setdefault(machine, set()).add(message)
        place = self._places.setdefault(message, order)
        if place != order:
            self.complain(f"{machine} shows {message} at {order}, and it stood at {place}")

    def _show(self, shown: Shown) -> None:
        machine, message = shown.machine, shown.message
        seen = self._shown.setdefault(machine, set())
        if message not in seen and shown.answers and shown.answers not in seen:
            self.judged.early += 1
        self._see(machine, message, shown.order)
        if shown.deleted:
            self._gone.add((machine, message))
            if message not in self.asked_back:
                self.complain(f"{machine} shows {message} as deleted, and nobody deleted it")
            return
        if (machine, message) in self._gone:
            self.complain(f"{machine} shows {shown.text!r} again after it was taken back")
        said = self.said.get(shown.text)
        if said is None:
            self.complain(f"{machine} shows {shown.text!r}, which nobody said")
        elif said.message not in ("", message):
            self.complain(f"{machine} shows {shown.text!r} a second time, as {message}")
        else:
            said.message = message
            if shown.answers != said.answers:
                self.complain(f"{machine} shows {shown.text!r} as an answer to another message")


def judge(records: Iterable[Record], ends: dict[str, Timeline]) -> Judged:
    """Judge a history, and what each machine showed in the end, when all had come to rest."""
    reading = _Reading()
    acknowledged: list[Posted] = []
    for record in records:
        reading.take(record)
        if isinstance(record, Posted):
            acknowledged.append(record)
    for timeline in ends.values():
        for shown in timeline:
            reading.take(shown)
    for sentence in (
        *_lost(reading, acknowledged, ends),
        *_returned(reading, ends),
        *_disordered(reading, ends),
        *_different(ends),
    ):
        reading.complain(sentence)
    judged = reading.judged
    judged.posted = len(acknowledged)
    judged.unsure = len(reading.said) - len(acknowledged)
    judged.taken_back = len(reading.taken_back)
    return judged


def _lost(
    reading: _Reading, acknowledged: Sequence[Posted], ends: dict[str, Timeline]
) -> Iterator[str]:
    for machine, timeline in ends.items():
        found = {shown.message: shown for shown in timeline}
        for posted in acknowledged:
            shown = found.get(posted.message)
            if shown is None:
                yield f"{machine} lacks {posted.text!r}, which {posted.machine} acknowledged"
            elif not shown.deleted and shown.text != posted.text:
                yield f"{machine} shows {shown.text!r} where {posted.text!r} was said"


def _returned(reading: _Reading, ends: dict[str, Timeline]) -> Iterator[str]:
    for machine, timeline in ends.items():
        for shown in timeline:
            if shown.message in reading.taken_back and not shown.deleted:
                yield f"{machine} shows {shown.text!r} in the end, which was taken back"


def _disordered(reading: _Reading, ends: dict[str, Timeline]) -> Iterator[str]:
    said_of = {said.message: said for said in reading.said.values() if said.message}
    for machine, timeline in ends.items():
        places = {shown.message: number for number, shown in enumerate(timeline)}
        if len(places) != len(timeline):
            yield f"{machine} shows a message twice"
        if any(one.order >= other.order for one, other in pairwise(timeline)):
            yield f"{machine} shows messages in another order than their places say"
        for shown in timeline:
            said = said_of.get(shown.message)
            if said is None:
                continue
            if said.after >= shown.order:
                yield f"{machine} shows {said.text!r} above what {said.machine} had read before"
            if said.answers and places.get(said.answers, len(timeline)) > places[shown.message]:
                yield f"{machine} does not show what {said.text!r} answers above it"


def _different(ends: dict[str, Timeline]) -> Iterator[str]:
    """Where the ends differ: the first place of each machine that is not as the first machine's."""
    contents = {
        machine: [
            shown._replace(machine="", answers="" if shown.deleted else shown.answers)
            for shown in timeline
        ]
        for machine, timeline in ends.items()
    }
    first, *others = contents
    for other in others:
        ours, theirs = contents[first], contents[other]
        if ours != theirs:
            place = next(
                (n for n, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b),
                min(len(ours), len(theirs)),
            )
            one, two = (line[place : place + 1] for line in (ours, theirs))
            yield f"{first} and {other} differ from message {place} on: {one} and {two}"
