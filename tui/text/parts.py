"""The parts of a message's body, each as rows without the gutter. Pure."""

from chat.model import Author, FileView, Message
from tui.limits import (
    PREVIEW_COLUMNS,
    PREVIEW_ROWS,
    SMALL_PREVIEW_COLUMNS,
    SMALL_PREVIEW_ROWS,
)
from tui.text import cells, markup, moments
from tui.text.frame import GUTTER, Frame, Progress
from tui.text.runs import Emphasis, Look, PictureSlice, Row, Run

QUOTE_BAR = "▎ "
LEAD = Run(" " * GUTTER)
"""What stands in the gutter of a row without a time."""


def text_rows(message: Message, width: int) -> list[tuple[Run, ...]]:
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


def reply_row(parent_id: str, frame: Frame, width: int) -> Row:
    parent = frame.parent(parent_id)
    lead = LEAD
    if parent is None:
        return (lead, Run(cells.fit("╭ an earlier message", width), Look.DIM))
    nick = cells.fit(parent.author.name, max(width - 4, 1))
    said = "message deleted" if parent.deleted else markup.plain(parent.text)
    if frame.folds(parent):
        said = parent.folded
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


def file_rows(file: FileView, frame: Frame, width: int) -> list[Row]:
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
            LEAD,
            Run(sign, Look.DIM),
            Run(name, Look.FILE),
            Run(f"  {facts}" if facts else "", Look.DIM),
            Run(f"  {state}" if state else "", look),
        )
    ]
    if file.alt:
        alt = Run(cells.fit(file.alt, width), Look.DIM, Emphasis.ITALIC)
        made.append((LEAD, alt))
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


def reaction_rows(message: Message, me: str, width: int) -> list[Row]:
    made: list[Row] = []
    row: list[Run] = [LEAD]
    used = 0
    for emoji, authors in message.reactions.items():
        if not authors:
            continue
        said = f" {cells.fit(emoji, 12)} {moments.number(len(authors))} "
        room = cells.width_of(said) + 1
        if used and used + room > width:
            made.append(tuple(row))
            row, used = [LEAD], 0
        row += [Run(said, _reaction_look(authors, me)), Run(" ")]
        used += room
    if used:
        made.append(tuple(row))
    return made


def _reaction_look(authors: tuple[Author, ...], me: str) -> Look:
    return Look.MY_REACTION if any(a.member == me for a in authors) else Look.REACTION


def has_notes(message: Message) -> bool:
    """Whether a row says more of the message than its author did."""
    return bool(message.pinned or message.ahead_ms or message.folded)


def note_rows(message: Message, width: int) -> list[Row]:
    if not has_notes(message):
        return []
    row: list[Run] = [LEAD]
    if message.pinned:
        row.append(Run("pinned  ", Look.DIM))
    room = width - cells.width_of("pinned  ")
    if message.ahead_ms:
        said = cells.fit(f"clock {moments.span(message.ahead_ms)} ahead  ", room)
        row.append(Run(said, Look.WARNING))
        room -= cells.width_of(said)
    if message.folded and room > 0:
        row.append(Run(cells.fit(message.folded, room), Look.DIM))
    return [tuple(row)]
