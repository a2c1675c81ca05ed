"""A workspace as HTML pages that need nothing else: no script, no font, nothing from elsewhere.

`index` lists the channels, each channel is a page of its own, and pictures lie beside them in
`files/`. Every string is escaped; addresses in a text can be followed, and are loaded by nobody
who does not. A policy in each page says the same to the browser once more: nothing but pictures of
this folder and the one style sheet below, known by its hash.

Which pictures there are is an argument (`Shown`), because what a file is follows from its bytes and
not from what was said of it.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from html import escape
from typing import NamedTuple
from urllib.parse import quote

from chat.exports.times import day, minute, moment
from chat.model import Channel, FileView, Message

SIDE_MAX_PIXELS = 20_000
"""A larger picture is given no room before it is loaded."""
PICTURES = {
    "image/png": "png",
    "image/jpeg": "jpg",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/avif": "avif",
}
"""Media types that are shown, and the ending of such a file. None can hold a script."""
_ADDRESS = re.compile(r"https?://[^\s<>\"'\u2018-\u201f]+")
_TRAILING = ".,;:!?)]}"

STYLE = """
:root { color-scheme: light dark; --dim: color-mix(in srgb, currentColor 60%, transparent) }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 48rem; margin: 2rem auto; padding: 0 1rem }
h2 { font-size: 1rem; border-bottom: 1px solid var(--dim); margin: 2rem 0 1rem }
article { margin: 0 0 .75rem } article.answer { margin-left: 2rem }
article:target { outline: 2px solid; outline-offset: .25rem }
header, footer, .gone { color: var(--dim); font-size: .875rem }
header b { color: CanvasText; font-size: 1rem } header a, a.file { color: inherit }
.text { white-space: pre-wrap; overflow-wrap: anywhere }
img { display: block; max-width: 100%; max-height: 30rem; height: auto; width: auto }
figure { margin: .25rem 0 } figcaption { color: var(--dim); font-size: .875rem }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src 'self' file:; "
    "base-uri 'none'; form-action 'none'"
)
"""`'self'` is nothing to some browsers when a page is opened from the disk; `file:` is, then."""


class Shown(NamedTuple):
    """A file that lies in the folder: its name there, and whether it is a picture to be shown."""

    name: str
    picture: bool


Find = Callable[[FileView], Shown | None]
"""Where a file lies; None when it is not there."""


def page_name(channel: Channel) -> str:
    """What the page of a channel is called, by letters that every system takes."""
    letters = re.sub("[^a-z0-9]+", "-", channel.name.lower())[:40].strip("-")
    return f"{letters or 'channel'}-{channel.id[:8]}.html"


def index(workspace: str, channels: Iterable[tuple[Channel, int]], at: int) -> str:
    """The first page: channels with how many messages each has; `at` is when this was made."""
    rows = "".join(
        f'<li><a href="{escape(page_name(channel))}">#{escape(channel.name)}</a> {count}'
        f"{f' · {escape(channel.topic)}' if channel.topic else ''}</li>\n"
        for channel, count in channels
    )
    made = moment(at).strftime("%Y-%m-%d %H:%M UTC")
    return f"{head(workspace)}<ul>\n{rows}</ul>\n<footer>Written {made}</footer>\n{FOOT}"


FOOT = "</body>\n</html>\n"
"""The end of every page."""


def head(title: str, topic: str = "", note: str = "") -> str:
    """The beginning of a page, up to its first message; `note` is a sentence about all of them."""
    below = f'<p class="text">{text(topic)}</p>\n' if topic else ""
    if note:
        below += f'<p class="gone">{escape(note)}</p>\n'
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">\n'
        '<meta name="referrer" content="no-referrer">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{escape(title)}</h1>\n{below}"
    )


def messages(found: Iterable[Message], find: Find, last_day: str = "") -> Iterator[str]:
    """Messages, oldest first; a day that is not `last_day` begins with a heading."""
    for message in found:
        if (today := day(message.at)) != last_day:
            last_day = today
            yield f"<h2>{today}</h2>\n"
        yield _message(message, find)


def _message(message: Message, find: Find) -> str:
    mid = escape(message.id)
    marks = f'<a href="#m{mid}">{minute(message.at)}</a>'
    if message.reply_to:
        marks += f' · <a href="#m{escape(message.reply_to)}">in answer</a>'
    if message.pinned:
        marks += " · pinned"
    if message.edited and not message.deleted:
        marks += " · edited"
    if message.folded:
        marks += f" · {escape(message.folded)}"
    kind = ' class="answer"' if message.reply_to else ""
    parts = [f"<header><b>{escape(message.author.nick)}</b> {marks}</header>"]
    if message.deleted:
        parts.append('<p class="gone">taken back</p>')
    elif message.state == "newer":
        parts.append('<p class="gone">needs a newer Clowder</p>')
    elif message.text:
        parts.append(f'<div class="text" dir="auto">{text(message.text)}</div>')
    parts += [_file(file, find(file)) for file in message.files]
    if message.reactions:
        shown = "; ".join(
            f"{escape(emoji)} {escape(', '.join(author.nick for author in authors))}"
            for emoji, authors in message.reactions.items()
        )
        parts.append(f"<footer>{shown}</footer>")
    return f'<article id="m{mid}"{kind}>\n' + "\n".join(parts) + "\n</article>\n"


def text(given: str) -> str:
    """A text, escaped, in which addresses of the web can be followed."""
    parts: list[str] = []
    end = 0
    for match in _ADDRESS.finditer(given):
        address = match.group().rstrip(_TRAILING)
        parts.append(escape(given[end : match.start()]))
        target = escape(address)
        parts.append(f'<a rel="noreferrer noopener nofollow" href="{target}">{target}</a>')
        end = match.start() + len(address)
    parts.append(escape(given[end:]))
    return "".join(parts)


def _file(file: FileView, shown: Shown | None) -> str:
    label = f"{escape(file.name)}, {file.size} bytes"
    if shown is None:
        return f'<p class="gone">{label}, not on this machine</p>'
    target = escape(f"files/{quote(shown.name)}")
    if not shown.picture:
        # It is saved and not opened: a page among files would be a page of this folder.
        return f'<p><a class="file" href="{target}" download="{escape(file.name)}">{label}</a></p>'
    room = ""
    if 0 < file.width <= SIDE_MAX_PIXELS and 0 < file.height <= SIDE_MAX_PIXELS:
        room = f' width="{file.width}" height="{file.height}"'
    picture = f'<img src="{target}" alt="{escape(file.alt or file.name)}"{room} loading="lazy">'
    return f'<figure><a href="{target}">{picture}</a><figcaption>{label}</figcaption></figure>'
