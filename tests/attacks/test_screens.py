"""Attacks on terminals: 41. What members write is shown, and obeyed by nothing.

A hostile member's program puts these strings where the product takes strings from others. They go
the whole way: sealed entry, store, views, command line, terminal.
"""

import unicodedata

import pytest

from chat.cli import output
from chat.engine.people import RosterNews
from chat.links.endings import end_sentence
from chat.model import Author
from crdt import ops
from crdt.roster_ops import MODE_PRIVATE, Channel, build, channel_id
from crdt.sync_messages import Entries
from tests.attacks.mallory import forged, greet, run_of, say
from tests.chat.engine_team import Desk, Team
from tests.tui.made import HOSTILE, message
from transport.proto.closing import CloseCode, LinkEnd
from tui import plain_lines
from tui.inert import inert_lines
from tui.text.moments import Calendar

SENT = [text for text in HOSTILE if "\ud800" not in text]
"""A lone surrogate has no place in msgpack, so that none arrives."""


def obeyed(text: str, *, lines: bool = True) -> list[str]:
    """Characters that a terminal would act on, and marks beyond what letters have."""
    allowed = "\n" if lines else ""
    found = [
        char
        for char in text
        if char not in allowed
        and (
            unicodedata.category(char) in ("Cc", "Cs")
            or char in "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        )
    ]
    marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        if marks > 4:
            found.append(char)
            break
    return found


def told(text: str) -> list[ops.AnyOp]:
    """Every string that an operation carries, hostile."""
    file = ops.FileInfo(
        b"\x01\x55\x12\x20" + bytes(32), bytes(32), bytes(32), 9, text[:255], text[:127],
        alt=text[:1_000],
    )  # fmt: skip
    return [
        ops.Post(bytes(16), text[:8_000], None, (), (file,)),
        ops.Edit(bytes(16), text[:8_000]),
    ]


def heard(team: Team, mal: Desk, bo: Desk, some: list[ops.AnyOp], channel: str, part: int) -> None:
    entries = []
    for op in some:
        entries.append(
            forged(
                mal,
                ops.encode(op),
                channel=channel,
                part=part,
                after=entries[-1] if entries else None,
                hlc=(1_790_000_001_000 << 16) + len(entries),
            )
        )
    wire = greet(team, mal, bo)
    say(team, wire, mal, Entries((run_of(mal, entries),)))
    team.run(1_000)


@pytest.mark.parametrize("number", range(len(SENT)))
def test_41_nothing_hostile_in_a_message_its_files_or_its_author_reaches_a_screen(
    number: int,
) -> None:
    text = SENT[number]
    team = Team(seed=41)
    ana = team.found("ana")
    mal, bo = team.join("mal", ana), team.join("bo", ana)
    team.mesh()
    team.run()
    team.isolate_all()
    heard(team, mal, bo, told(text), "general", ops.PART_TIMELINE)
    topic = [ops.Topic(text[:512]), ops.Setting("name", text[:1_024])]
    heard(team, mal, bo, list(topic), "general", ops.PART_STATE)
    (row,) = bo.rows()
    shown = bo.views.message(row)
    strings = [shown.text, shown.author.nick]
    strings += [part for file in shown.files for part in (file.name, file.type, file.alt)]
    for channel in bo.views.channels():
        strings += [channel.name, channel.topic]
    strings += [member.nick for member in bo.views.members()]
    assert not [found for string in strings for found in obeyed(string)]
    line = output.message_line(shown)
    assert not obeyed(line)
    if text.startswith("["):
        assert text in shown.text, "what is no control is shown as it is"


@pytest.mark.parametrize("number", range(len(SENT)))
def test_41_nothing_hostile_in_names_of_members_or_channels_reaches_a_screen(number: int) -> None:
    text = SENT[number][:64]
    team = Team(seed=42)
    ana = team.found("ana")
    mal = team.join("mal", ana)
    profile = ops.Profile(text, text[:32])
    team.do(mal, lambda now: mal.engine.write(mal.workspace.directory, profile, now))
    place = mal.engine.people._place(team.now(mal))
    epoch = mal.workspace.epochs.current(mal.workspace.scope)
    assert epoch is not None
    named = mal.workspace.epochs.seal_private([text], epoch, place, Channel, mal.entropy)
    made = channel_id(place.device, place.incarnation, place.seq)
    args = Channel(made, mal.workspace.scope, MODE_PRIVATE)
    op = build(place, args, mal.workspace.keys.sign_seed, named)
    team.do(mal, lambda now: mal.engine.publish(RosterNews(op), now))
    team.run()
    names = ana.channels()
    assert len(names) == len(mal.channels()) >= 2
    names += [part for member in ana.views.members() for part in (member.nick, member.colour)]
    assert not [found for name in names for found in obeyed(name, lines=False)]


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_41_the_line_mode_and_the_last_filter_let_nothing_through(number: int) -> None:
    """Even were the model to fail."""
    text = HOSTILE[number]
    assert not obeyed(inert_lines(text))
    shown = message(1, text, Author("f" * 64, text[:64]), files=())
    for line in plain_lines.message(shown, 1, Calendar(), answers="", channel=text[:64]):
        assert not obeyed(line, lines=False)


def test_41_errors_and_logs_quote_others_without_what_a_terminal_obeys() -> None:
    """The close text of a link is the other side's, and ends up in `clowder peers`."""
    for text in SENT:
        shown = end_sentence(LinkEnd(CloseCode.REFUSED, text[:150], True))
        assert not obeyed(shown, lines=False)
