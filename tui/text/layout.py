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

from chat.model import Message
from tui.ascii import spelled
from tui.limits import GROUP_GAP_MS, TEXT_MEASURE_COLUMNS
from tui.text import cells, markup, moments, parts
from tui.text.frame import GUTTER, WIDE_FROM, Frame, text_width
from tui.text.parts import LEAD
from tui.text.runs import Emphasis, Look, PictureSlice, Row, Run

EMPTY: Row = ()
PARTED = "what was said here is not for you"
"""Between messages, where the reader was not in; above them all it is the lead that says so."""


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
    rules = new_day + frame.parted(message, previous) + (message.id == frame.unread_from)
    if rules:
        return 2 + 2 * rules
    return 2 * opens_group(message, previous)


def height(message: Message, previous: Message | None, frame: Frame) -> int:
    """Rows of the message, exactly as many as `rows` makes."""
    message = spelled(message) if frame.ascii else message
    made = head_height(message, previous, frame)
    if frame.folds(message):
        return made + 1 + _counts_replies(message, frame)
    made += _names_parent(message, frame)
    if message.deleted or message.state != "ok":
        made += 1
    else:
        made += _text_height(message, text_width(frame.width, message.mine))
    if message.deleted:
        return made + parts.has_notes(message) + _counts_replies(message, frame)
    if message.files:
        made += _files_height(message, frame)
    if message.reactions:
        made += _reactions_height(message, frame)
    return made + parts.has_notes(message) + _counts_replies(message, frame)


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
        return len(parts.text_rows(message, width))
    if "\n" not in text:
        return cells.count(text, width)
    return sum(cells.count(line, width) for line in text.split("\n"))


def _files_height(message: Message, frame: Frame) -> int:
    width = text_width(frame.width, message.mine)
    made = 0
    for file in message.files:
        made += 1 + bool(file.alt)
        if frame.pictures:
            made += parts.preview_size(file, width, frame.small)[1]
    return made


def _reactions_height(message: Message, frame: Frame) -> int:
    if len(message.reactions) == 1:
        return int(any(message.reactions.values()))
    return len(parts.reaction_rows(message, frame.me, text_width(frame.width, message.mine)))


def rows(message: Message, previous: Message | None, frame: Frame) -> list[Row]:
    """All rows of the message."""
    return head(message, previous, frame) + body(message, previous, frame)


def head(message: Message, previous: Message | None, frame: Frame) -> list[Row]:
    """The rows above the body: day, unread line, author."""
    made: list[Row] = []
    new_day = opens_day(message, previous, frame)
    unread = message.id == frame.unread_from
    parted = frame.parted(message, previous)
    if parted:
        made += [EMPTY, _rule(PARTED, Look.DAY, frame)]
    if new_day:
        made += [EMPTY, _rule(frame.calendar.title(message.at, frame.now), Look.DAY, frame)]
    if unread:
        made += [EMPTY, _rule("new", Look.UNREAD, frame)]
    if new_day or parted or unread or opens_group(message, previous):
        nick = cells.fit(message.author.name, max(frame.width - 2, 1))
        made += [
            EMPTY,
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
    message = spelled(message) if frame.ascii else message
    width = text_width(frame.width, message.mine)
    made: list[Row] = _content(message, frame, width)
    if _counts_replies(message, frame):
        said = f"↳ {moments.plural(message.replies, 'reply', 'replies')}"
        made.append((LEAD, Run(cells.fit(said, width), Look.LINK)))
    first = made[0]
    assert not isinstance(first, PictureSlice)
    made[0] = (_gutter(message, previous, frame), *first[1:])
    if message.mine:
        _add_delivery(made, message, frame)
    return made


def _content(message: Message, frame: Frame, width: int) -> list[Row]:
    """What the message says and carries, or the line that stands in its place."""
    if frame.folds(message):
        said = cells.fit(message.folded, width)
        return [(LEAD, Run(said, Look.DIM, Emphasis.ITALIC))]
    made: list[Row] = []
    if message.reply_to is not None and _names_parent(message, frame):
        made.append(parts.reply_row(message.reply_to, frame, width))
    made += [(LEAD, *row) for row in parts.text_rows(message, width)]
    if not message.deleted:
        for file in message.files:
            made += parts.file_rows(file, frame, width)
        made += parts.reaction_rows(message, frame.me, width)
    return made + parts.note_rows(message, width)


def _gutter(message: Message, previous: Message | None, frame: Frame) -> Run:
    clock = frame.calendar.clock(message.at)
    if (
        previous is not None
        and not message.late
        and not head_height(message, previous, frame)
        and frame.calendar.clock(previous.at) == clock
    ):
        return LEAD
    if message.late:
        return Run(f" {clock}~ ", Look.LATE)
    return Run(f" {clock}  ", Look.TIME)


def _add_delivery(made: list[Row], message: Message, frame: Frame) -> None:
    """Put `3 of 7` at the right end of the last row of text; its columns were kept free."""
    said = delivery(message, frame)
    if not said:
        return
    at = int(_names_parent(message, frame) and not frame.folds(message))
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
