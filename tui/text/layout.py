"""From a message to rows of the timeline, and how many rows without making them.

A message is a small column of rows:

         ─────────── Tuesday 24 November ───────────      head: a new day,
         ───────────────── new ─────────────────────            the unread line,
     ana                                                        a new group's author
     09:41  ╭ bo: shall we move the relay?                body: what it answers,
            Yes, the kitchen has **power**.                     text, wrapped,
            ▣ kitchen.png  1600×1200  182 kB                    files, with a preview,
            👍 2  🐈 1                                          reactions,
            ↳ 3 replies                            3 of 7       thread, delivery

The head depends on the message before it, the body on the message and the width only. `height`
must equal the number of rows that `rows` makes, for every message (property-tested): the
timeline counts all messages when they load and builds the rows of visible ones only. Whatever
changes often (delivery, progress) therefore has its room reserved and never changes a height.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from chat.model import Author, FileView, Message
from tui.limits import (
    GROUP_GAP_MS,
    PREVIEW_COLUMNS,
    PREVIEW_ROWS,
    SMALL_PREVIEW_COLUMNS,
    SMALL_PREVIEW_ROWS,
    TEXT_MEASURE_COLUMNS,
)
from tui.text import cells, markup, moments
from tui.text.moments import Calendar
from tui.text.runs import Emphasis, Look, PictureSlice, Row, Run

GUTTER = 8
"""Columns before the text: a space, `09:41`, two spaces."""
QUOTE_BAR = "▎ "
WIDE_FROM = 70
"""From this width on, delivery is spelled out."""
TEXT_COLUMNS_MIN = 8
_EMPTY: Row = ()


class Progress(NamedTuple):
    """How far a file's transfer is: the share that is here and a word to it."""

    share: float
    text: str


class Frame(NamedTuple):
    """What rows depend on besides the message.

    Attributes:
        width: columns of the timeline.
        unread_from: the first message that is new to the reader; "" when none is.
        me: this member's id.
        parent: the message with an id, when it is at hand.
        progress: how far a file's transfer is, None without one.
        now: when the timeline was opened, for names of days.
        small: the view has few rows, so previews are small.
        root: the first message of the thread that is shown; its replies need not say so.
    """

    width: int
    calendar: Calendar
    unread_from: str = ""
    me: str = ""
    pictures: bool = True
    parent: Callable[[str], Message | None] = lambda _: None
    progress: Callable[[str], Progress | None] = lambda _: None
    now: int = 0
    small: bool = False
    root: str = ""


@lru_cache(64)
def text_width(width: int, mine: bool) -> int:
    """Columns of running text in a timeline of `width` columns."""
    room = min(width - GUTTER - 1, TEXT_MEASURE_COLUMNS)
    return max(room - delivery_width(width) if mine else room, TEXT_COLUMNS_MIN)


def delivery_width(width: int) -> int:
    """Columns kept free at the right of own messages: ` 12 of 15` or ` 12/15`."""
    return 10 if width >= WIDE_FROM else 6


def opens_day(message: Message, previous: Message | None, frame: Frame) -> bool:
    """Whether a day separator stands above the message."""
    if previous is None:
        return True
    return not frame.calendar.same_day(previous.at, message.at)


def opens_group(message: Message, previous: Message | None) -> bool:
    """Whether the author's name stands above the message, within one day."""
    return (
        previous is None
        or previous.author.member != message.author.member
        or abs(message.at - previous.at) > GROUP_GAP_MS
    )


def head_height(message: Message, previous: Message | None, frame: Frame) -> int:
    """Rows above the body."""
    new_day = opens_day(message, previous, frame)
    if new_day or message.id == frame.unread_from:
        return 2 + 2 * new_day + 2 * (message.id == frame.unread_from)
    return 2 * opens_group(message, previous)


def height(message: Message, previous: Message | None, frame: Frame) -> int:
    """Rows of the message, exactly as many as `rows` makes."""
    made = head_height(message, previous, frame) + _names_parent(message, frame)
    if message.deleted or message.state != "ok":
        made += 1
    else:
        made += _text_height(message, text_width(frame.width, message.mine))
    if message.deleted:
        return made + bool(message.pinned or message.ahead_ms) + _counts_replies(message, frame)
    if message.files:
        made += _files_height(message, frame)
    if message.reactions:
        made += _reactions_height(message, frame)
    return made + bool(message.pinned or message.ahead_ms) + _counts_replies(message, frame)


def _names_parent(message: Message, frame: Frame) -> bool:
    """Whether a row says what the message answers."""
    return message.reply_to is not None and message.reply_to != frame.root


def _counts_replies(message: Message, frame: Frame) -> bool:
    """Whether a row says how many replies the message has."""
    return message.replies > 0 and message.id != frame.root


def _text_height(message: Message, width: int) -> int:
    text = message.text
    if not text and message.files and not message.edited:
        return 0
    if message.edited or not markup.is_plain(text):
        return len(_text_rows(message, width))
    if "\n" not in text:
        return cells.count(text, width)
    return sum(cells.count(line, width) for line in text.split("\n"))


def _files_height(message: Message, frame: Frame) -> int:
    width = text_width(frame.width, message.mine)
    made = 0
    for file in message.files:
        made += 1 + bool(file.alt)
        if frame.pictures:
            made += preview_size(file, width, frame.small)[1]
    return made


def _reactions_height(message: Message, frame: Frame) -> int:
    if len(message.reactions) == 1:
        return int(any(message.reactions.values()))
    return len(_reaction_rows(message, frame.me, text_width(frame.width, message.mine)))


def rows(message: Message, previous: Message | None, frame: Frame) -> list[Row]:
    """All rows of the message."""
    return head(message, previous, frame) + body(message, previous, frame)


def head(message: Message, previous: Message | None, frame: Frame) -> list[Row]:
    """The rows above the body: day, unread line, author."""
    made: list[Row] = []
    new_day = opens_day(message, previous, frame)
    unread = message.id == frame.unread_from
    if new_day:
        made += [_EMPTY, _rule(frame.calendar.title(message.at, frame.now), Look.DAY, frame)]
    if unread:
        made += [_EMPTY, _rule("new", Look.UNREAD, frame)]
    if new_day or unread or opens_group(message, previous):
        nick = cells.fit(message.author.nick, max(frame.width - 2, 1))
        made += [
            _EMPTY,
            (Run(" "), Run(nick, Look.NICK, Emphasis.BOLD, message.author.member)),
        ]
    return made


def _rule(title: str, look: Look, frame: Frame) -> Row:
    room = max(frame.width - 2, 1)
    title = cells.fit(f" {title} ", room)
    left = (room - cells.width_of(title)) // 2
    right = room - cells.width_of(title) - left
    rule_look = look if look is Look.UNREAD else Look.RULE
    return (
        Run(" "),
        Run("─" * left, rule_look),
        Run(title, look),
        Run("─" * right, rule_look),
    )


def body(message: Message, previous: Message | None, frame: Frame) -> list[Row]:
    """The rows of the message itself, the gutter and the delivery on its first and last."""
    width = text_width(frame.width, message.mine)
    made: list[Row] = []
    if message.reply_to is not None and _names_parent(message, frame):
        made.append(_reply_row(message.reply_to, frame, width))
    made += [(Run(" " * GUTTER), *row) for row in _text_rows(message, width)]
    if not message.deleted:
        for file in message.files:
            made += _file_rows(file, frame, width)
        made += _reaction_rows(message, frame.me, width)
    made += _note_rows(message, width)
    if _counts_replies(message, frame):
        said = f"↳ {moments.plural(message.replies, 'reply', 'replies')}"
        made.append((Run(" " * GUTTER), Run(cells.fit(said, width), Look.LINK)))
    first = made[0]
    assert not isinstance(first, PictureSlice)
    made[0] = (_gutter(message, previous, frame), *first[1:])
    if message.mine:
        _add_delivery(made, message, frame)
    return made


def _gutter(message: Message, previous: Message | None, frame: Frame) -> Run:
    clock = frame.calendar.clock(message.at)
    if (
        previous is not None
        and not message.late
        and not head_height(message, previous, frame)
        and frame.calendar.clock(previous.at) == clock
    ):
        return Run(" " * GUTTER)
    return Run(f" {clock}{'~' if message.late else ' '} ", Look.TIME)


def _add_delivery(made: list[Row], message: Message, frame: Frame) -> None:
    """Put `3 of 7` at the right end of the last row of text; its columns were kept free."""
    said = delivery(message, frame)
    if not said:
        return
    at = int(_names_parent(message, frame))
    row = made[at]
    assert not isinstance(row, PictureSlice)
    used = sum(cells.width_of(run.text) for run in row)
    edge = min(frame.width - 1, GUTTER + TEXT_MEASURE_COLUMNS)
    gap = edge - used - cells.width_of(said)
    if gap > 0:
        done = message.reached[0] >= message.reached[1]
        made[at] = (*row, Run(" " * gap), Run(said, Look.DONE if done else Look.DIM))


def delivery(message: Message, frame: Frame) -> str:
    """How far an own message got, in the room kept for it."""
    count, everybody = message.reached
    if everybody == 0:
        return ""
    if count >= everybody:
        return "✓"
    return f"{count} of {everybody}" if frame.width >= WIDE_FROM else f"{count}/{everybody}"


def _text_rows(message: Message, width: int) -> list[tuple[Run, ...]]:
    if message.deleted:
        return [(Run(cells.fit("message deleted", width), Look.DIM, Emphasis.ITALIC),)]
    if message.state == "newer":
        said = cells.fit("This needs a newer Clowder to be shown.", width)
        return [(Run(said, Look.DIM, Emphasis.ITALIC),)]
    lines = markup.parse(message.text) if message.text or not message.files else []
    made: list[tuple[Run, ...]] = []
    for at, line in enumerate(lines):
        runs = line.runs
        if message.edited and at == len(lines) - 1 and line.kind != "code":
            runs = (*runs, Run(" (edited)", Look.DIM))
        made += wrap_runs(line._replace(runs=runs), width)
    if message.edited and (not lines or lines[-1].kind == "code"):
        made.append((Run("(edited)", Look.DIM),))
    return made if made or message.files else [()]


def wrap_runs(line: markup.Line, width: int) -> list[tuple[Run, ...]]:
    """One line of the author, cut into rows of `width` columns."""
    lead: tuple[Run, ...] = ()
    if line.kind == "quote":
        lead = (Run(QUOTE_BAR, Look.RULE),)
        width = max(width - len(QUOTE_BAR), 1)
    elif line.kind == "code":
        width = max(width - 2, 1)
    text = "".join(run.text for run in line.runs)
    made: list[tuple[Run, ...]] = []
    for start, end in cells.wrap(text, width):
        cut = cut_runs(line.runs, start, end)
        if line.kind == "code":
            blank = width - cells.width_of(text[start:end])
            cut = (
                Run(" ", Look.CODE_BLOCK),
                *cut,
                Run(" " * (blank + 1), Look.CODE_BLOCK),
            )
        made.append(lead + cut)
    return made


def cut_runs(runs: tuple[Run, ...], start: int, end: int) -> tuple[Run, ...]:
    """The part of the runs between two indices of their joined text."""
    cut: list[Run] = []
    at = 0
    for run in runs:
        stop = at + len(run.text)
        if stop > start and at < end:
            piece = run.text[max(start - at, 0) : end - at]
            cut.append(run if piece == run.text else run._replace(text=piece))
        at = stop
    return tuple(cut)


def _reply_row(parent_id: str, frame: Frame, width: int) -> Row:
    parent = frame.parent(parent_id)
    lead = Run(" " * GUTTER)
    if parent is None:
        return (lead, Run(cells.fit("╭ an earlier message", width), Look.DIM))
    nick = cells.fit(parent.author.nick, max(width - 4, 1))
    said = "message deleted" if parent.deleted else markup.plain(parent.text)
    if not said and parent.files:
        said = parent.files[0].name
    room = width - 2 - cells.width_of(nick) - 2
    return (
        lead,
        Run("╭ ", Look.DIM),
        Run(nick, Look.NICK, hue=parent.author.member),
        Run(f"  {cells.fit(said, room)}" if room > 0 else "", Look.DIM),
    )


def is_picture(file: FileView) -> bool:
    """Whether a file can be looked at."""
    return file.type.startswith("image/") and file.width > 0 and file.height > 0


def preview_size(file: FileView, width: int, small: bool = False) -> tuple[int, int]:
    """(columns, rows) of a file's preview; (0, 0) when it has none.

    A cell holds one pixel beside and two above each other, and is twice as high as wide.
    """
    if not is_picture(file) or not file.preview:
        return 0, 0
    limit = SMALL_PREVIEW_ROWS if small else PREVIEW_ROWS
    columns = min(width, SMALL_PREVIEW_COLUMNS if small else PREVIEW_COLUMNS)
    made = max(round(columns * file.height / file.width / 2), 1)
    if made > limit:
        made = limit
        columns = min(max(round(2 * made * file.width / file.height), 1), columns)
    return columns, made


def _file_rows(file: FileView, frame: Frame, width: int) -> list[Row]:
    facts = moments.size(file.size)
    if is_picture(file):
        facts = f"{file.width}×{file.height}  {facts}"
    state, look = _file_state(file, frame.progress(file.id))
    sign = "▣ " if is_picture(file) else "▤ "
    room = width - cells.width_of(sign) - cells.width_of(facts) - cells.width_of(state) - 4
    if room < 8:
        facts, room = "", width - cells.width_of(sign) - cells.width_of(state) - 2
    name = cells.fit(file.name, max(room, 4))
    made: list[Row] = [
        (
            Run(" " * GUTTER),
            Run(sign, Look.DIM),
            Run(name, Look.FILE),
            Run(f"  {facts}" if facts else "", Look.DIM),
            Run(f"  {state}" if state else "", look),
        )
    ]
    if file.alt:
        alt = Run(cells.fit(file.alt, width), Look.DIM, Emphasis.ITALIC)
        made.append((Run(" " * GUTTER), alt))
    if frame.pictures:
        columns, count = preview_size(file, width, frame.small)
        made += [PictureSlice(file.id, row, columns, count, GUTTER) for row in range(count)]
    return made


def _file_state(file: FileView, progress: Progress | None) -> tuple[str, Look]:
    if file.have >= 1:
        return "", Look.DIM
    if progress is not None:
        return f"{bar(max(progress.share, file.have))} {progress.text}", Look.PROGRESS
    if file.have > 0:
        return f"{bar(file.have)} {file.have:.0%}", Look.PROGRESS
    return "not here yet", Look.DIM


def bar(share: float, width: int = 8) -> str:
    """A progress bar of `width` cells."""
    full = round(min(max(share, 0.0), 1.0) * width)
    return "━" * full + "╌" * (width - full)


def _reaction_rows(message: Message, me: str, width: int) -> list[Row]:
    made: list[Row] = []
    row: list[Run] = [Run(" " * GUTTER)]
    used = 0
    for emoji, authors in message.reactions.items():
        if not authors:
            continue
        said = f" {cells.fit(emoji, 12)} {moments.number(len(authors))} "
        room = cells.width_of(said) + 1
        if used and used + room > width:
            made.append(tuple(row))
            row, used = [Run(" " * GUTTER)], 0
        row += [Run(said, _reaction_look(authors, me)), Run(" ")]
        used += room
    if used:
        made.append(tuple(row))
    return made


def _reaction_look(authors: tuple[Author, ...], me: str) -> Look:
    return Look.MY_REACTION if any(a.member == me for a in authors) else Look.REACTION


def _note_rows(message: Message, width: int) -> list[Row]:
    if not (message.pinned or message.ahead_ms):
        return []
    row: list[Run] = [Run(" " * GUTTER)]
    if message.pinned:
        row.append(Run("pinned  ", Look.DIM))
    if message.ahead_ms:
        said = cells.fit(f"clock {moments.span(message.ahead_ms)} ahead", width - 8)
        row.append(Run(said, Look.WARNING))
    return [tuple(row)]
