r"""A channel as Markdown (CommonMark; GitHub's dialect reads it alike).

A message is a line with who and when, and below it the text as a block quote. In the text every
character that Markdown would take for markup has a backslash before it, and line breaks stay:

    **ana** 10:15 `9f3ab2`

    > look at \*this\*\
    > it is a cat
"""

import re
from collections.abc import Iterable, Iterator

from chat.exports.times import day, minute
from chat.model import Channel, FileView, Message

ID_DIGITS = 6
_MARKUP = re.compile(r"([\\`*_\[\]<>&|~$])")
_AT_START = re.compile(r"^([#+=-]|\d{1,9}(?=[.)]))")
_INDENT = re.compile(r"^[ \t]+")


def escape(line: str) -> str:
    """One line that Markdown shows as it is written."""
    body = line.strip(" \t")
    indent = _INDENT.match(line)
    body = _MARKUP.sub(r"\\\1", body)
    if match := _AT_START.match(body):
        end = match.end()
        # A number is a list by the sign behind it; of the others the sign itself is it.
        body = f"{body[:end]}\\{body[end:]}" if body[0].isdigit() else f"\\{body}"
    if indent and body:
        spaces = sum(4 if c == "\t" else 1 for c in indent.group())
        body = "&nbsp;" * spaces + body
    return body


def quoted(text: str) -> str:
    """A text of any number of lines, as a block quote."""
    lines = [escape(line) for line in text.split("\n")]
    shown = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        shown.append(f"> {line}\\" if line and following else f"> {line}".rstrip())
    return "\n".join(shown)


def head(workspace: str, channel: Channel, note: str = "") -> str:
    """What stands above a channel's messages; `note` is a sentence about all of them."""
    title = f"# {escape('#' + channel.name)}, {escape(workspace)}\n\n"
    topic = f"{quoted(channel.topic)}\n\n" if channel.topic else ""
    return title + topic + (f"{escape(note)}\n\n" if note else "")


def messages(found: Iterable[Message], last_day: str = "") -> Iterator[str]:
    """Messages, oldest first; a day that is not `last_day` begins with a heading."""
    for message in found:
        if (today := day(message.at)) != last_day:
            last_day = today
            yield f"## {today}\n\n"
        yield _message(message)


def _message(message: Message) -> str:
    marks = [minute(message.at), f"`{message.id[:ID_DIGITS]}`"]
    if message.reply_to:
        marks.append(f"in answer to `{message.reply_to[:ID_DIGITS]}`")
    if message.pinned:
        marks.append("pinned")
    if message.edited and not message.deleted:
        marks.append("edited")
    if message.folded:
        marks.append(escape(message.folded))
    parts = [f"**{escape(message.author.nick)}** {' '.join(marks)}"]
    if message.deleted:
        parts.append("> *taken back*")
    elif message.state == "newer":
        parts.append("> *needs a newer Clowder*")
    elif message.text:
        parts.append(quoted(message.text))
    parts += [f"> {_file(file)}" for file in message.files]
    if message.reactions:
        shown = (
            f"{escape(emoji)} {', '.join(escape(author.nick) for author in authors)}"
            for emoji, authors in message.reactions.items()
        )
        parts.append("; ".join(shown))
    return "\n\n".join(parts) + "\n\n"


def _file(file: FileView) -> str:
    what = "picture" if file.width else "file"
    alt = f", “{escape(' '.join(file.alt.split()))}”" if file.alt else ""
    return f"{what} {escape(file.name)}, {file.size} bytes{alt}, `{file.id}`"
