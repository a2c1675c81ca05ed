r"""What an export of Slack holds, as posts: pure, bytes in and values out.

An export is a zip with `users.json`, `channels.json` (those that everybody could read) and for each
channel a folder of its name with a file a day, `general/2019-03-04.json`, a list of messages. Of a
file that is no list nothing is taken; of a list, the messages that have an author, a time and
something to say. A message becomes

    ana, 2019-03-04 10:15: the text

since it is posted by whoever imports it, and nobody may be made to have said something. An @ before
a name becomes U+FF20, so that nobody is called by a message of years ago. Replies name the message
they answer by its `key`, which is its time, unique in its channel.
"""

import re
from collections.abc import Mapping
from html import unescape
from typing import Annotated, NamedTuple

import msgspec

from chat.errors import UsageError
from chat.exports.times import day, minute
from chat.imports import limits
from crdt.text import clean_line, clean_text

_SILENT = frozenset(
    {
        "channel_join",
        "channel_leave",
        "channel_archive",
        "channel_unarchive",
        "channel_convert_to_private",
        "group_join",
        "group_leave",
        "bot_add",
        "bot_remove",
        "tombstone",
    }
)
"""Kinds that say only who came and went."""
_TIME = re.compile(r"(\d{1,11})\.(\d{1,9})")
_TOKEN = re.compile(r"<([^<>\s|][^<>\n]{0,4000})>")
_CALL = re.compile(r"(?<!\w)@(?=\w)")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\.json")
_Text = Annotated[str, msgspec.Meta(max_length=200_000)]


class Profile(msgspec.Struct):
    """How a user wants to be called."""

    display_name: str = ""
    real_name: str = ""


class User(msgspec.Struct):
    """One of users.json."""

    id: str
    name: str = ""
    profile: Profile = msgspec.field(default_factory=Profile)


class Channel(msgspec.Struct):
    """One of channels.json."""

    name: str
    id: str = ""


class File(msgspec.Struct):
    """A file that a message had; an export does not hold it."""

    name: str | None = None
    title: str | None = None


class Message(msgspec.Struct):
    """One of a day's file."""

    ts: str
    text: _Text = ""
    subtype: str | None = None
    user: str | None = None
    username: str | None = None
    thread_ts: str | None = None
    files: list[File] | None = None


class Post(NamedTuple):
    """A message to be posted.

    Attributes:
        key: unique in its channel; a message in several parts has a key for each.
        parent: key of the message it answers, "" for none.
    """

    key: str
    text: str
    parent: str


class Day(NamedTuple):
    """Of a day's file: the posts in their order, and how many messages were passed over."""

    posts: list[Post]
    skipped: int


_rows = msgspec.json.Decoder(list[msgspec.Raw])
_users = msgspec.json.Decoder(User)
_channels = msgspec.json.Decoder(Channel)
_messages = msgspec.json.Decoder(Message)
_BROKEN = (msgspec.MsgspecError, ValueError, RecursionError)


def _list(data: bytes, what: str) -> list[msgspec.Raw]:
    try:
        return _rows.decode(data)
    except _BROKEN:
        raise UsageError(f"{what} in the export is not a list in JSON.") from None


def people(data: bytes) -> dict[str, str]:
    """Names by user id, of users.json. Raises UsageError."""
    found: dict[str, str] = {}
    for row in _list(data, "users.json")[: limits.PEOPLE_MAX]:
        try:
            user = _users.decode(row)
        except _BROKEN:
            continue
        name = user.profile.display_name or user.profile.real_name or user.name
        cleaned = (clean_line(each, limits.NAME_MAX_CHARS).strip() for each in (name, user.id))
        shown = next(filter(None, cleaned), "")
        if shown:
            found[user.id] = shown
    return found


def channels(data: bytes) -> list[Channel]:
    """The channels of channels.json. Raises UsageError."""
    found = []
    for row in _list(data, "channels.json")[: limits.CHANNELS_MAX]:
        try:
            found.append(_channels.decode(row))
        except _BROKEN:
            continue
    return found


def days(names: frozenset[str], channel: Channel) -> list[str]:
    """The files of a channel in a zip with these names, oldest first."""
    before = f"{channel.name}/"
    return sorted(
        name
        for name in names
        if name.startswith(before) and _DAY.fullmatch(name.removeprefix(before))
    )


def posts(data: bytes, what: str, names: Mapping[str, str]) -> Day:
    """The posts of a day's file. Raises UsageError: it is no list."""
    found: list[tuple[tuple[int, int], list[Post]]] = []
    skipped = 0
    for row in _list(data, what):
        try:
            message = _messages.decode(row)
        except _BROKEN:
            skipped += 1
            continue
        made = None if message.subtype in _SILENT else _posts(message, names)
        if made is None:
            skipped += 1
        else:
            found.append(made)
    found.sort(key=lambda each: each[0])
    return Day([post for _, parts in found for post in parts], skipped)


def _posts(message: Message, names: Mapping[str, str]) -> tuple[tuple[int, int], list[Post]] | None:
    time = _TIME.fullmatch(message.ts)
    body = _body(message, names)
    if time is None or not body:
        return None
    seconds, micros = int(time[1]), int(time[2].ljust(9, "0"))
    author = names.get(message.user or "") or message.username or message.user or "somebody"
    author = clean_line(author, limits.NAME_MAX_CHARS).strip() or "somebody"
    when = f"{day(seconds * 1000)} {minute(seconds * 1000)}"
    parent = message.thread_ts or ""
    if parent == message.ts or not _TIME.fullmatch(parent):
        parent = ""
    pieces = [body[at : at + limits.PART_CHARS] for at in range(0, len(body), limits.PART_CHARS)]
    pieces = pieces[: limits.PARTS_MAX]
    made = []
    for number, piece in enumerate(pieces, 1):
        part = f" ({number}/{len(pieces)})" if len(pieces) > 1 else ""
        key = message.ts if number == 1 else f"{message.ts}/{number}"
        text = f"{_CALL.sub('＠', author)}, {when}{part}: {piece}"
        made.append(Post(key, clean_text(text, limits.PART_CHARS + 200), parent))
    return (seconds, micros), made


def _body(message: Message, names: Mapping[str, str]) -> str:
    text = clean_text(plain(message.text, names), len(message.text) * 4 + 100).strip()
    for file in (message.files or [])[: limits.FILES_MAX]:
        name = clean_line(file.title or file.name or "", limits.NAME_MAX_CHARS).strip()
        text += f"\n[file {name or 'without a name'}]"
    return text.strip()


def plain(text: str, names: Mapping[str, str]) -> str:
    """Slack's markup of people, channels and links, as people would write it."""

    def word(token: "re.Match[str]") -> str:
        target, _, label = token[1].partition("|")
        if target.startswith("@"):
            return "@" + (names.get(target[1:]) or label or target[1:])
        if target.startswith("#"):
            return "#" + (label or target[1:])
        if target.startswith("!"):
            return label or f"@{target[1:].partition('^')[0]}"
        return f"{label} ({target})" if label and label != target else target

    return _CALL.sub("＠", unescape_three(_TOKEN.sub(word, text)))


def unescape_three(text: str) -> str:
    """The three characters that Slack escapes, and no others."""
    return re.sub("&(?:lt|gt|amp);", lambda found: unescape(found[0]), text)
