"""What the user says about messages and channels, as operations.

Each function checks that what is meant exists and makes sense, and gives the channel to write to
and the operation to write; the caller hands both to `Engine.write`. Errors are sentences.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from chat.engine.founding import clean_nick
from chat.errors import NotFound, TrustError, UsageError
from chat.views import Views
from chat.workspace import Workspace
from crdt import limits, ops
from crdt.registers import KEEP_SETTING
from crdt.roster_ops import LEVEL_ADMIN_MAX
from crdt.text import clean_line, clean_text

_GOES_ON = re.compile(r"[\w-]|\.\w")
"""Behind a name that is not the end of it: `@bobby` does not call bo, and `@bo.org` is a host."""
_WITHIN = re.compile(r"\w")
"""Before an @ that is in the middle of something: an address."""
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]+`", re.DOTALL)
"""What is to stay to the letter."""


class _Folded:
    """A text without its letter case, in which names are found; some letters fold to several."""

    def __init__(self, text: str) -> None:
        self._text = text.casefold()
        self._places: list[int] | None = None
        if len(self._text) != len(text):
            letters = enumerate(text)
            self._places = [at for at, letter in letters for _ in letter.casefold()]
            self._places.append(len(text))

    def find(self, name: str) -> Iterator[int]:
        """Where a name stands by itself."""
        at = self._text.find(name)
        while at >= 0:
            within = at > 0 and _WITHIN.match(self._text, at - 1)
            if not (within or _GOES_ON.match(self._text, at + len(name))):
                yield at
            at = self._text.find(name, at + 1)

    def place(self, at: int) -> int:
        """The same place in the text as it was written."""
        return at if self._places is None else self._places[at]


def _require_room(text: str) -> None:
    if len(text) > limits.MESSAGE_TEXT_MAX_CHARS:
        raise UsageError(
            f"A message has at most {limits.MESSAGE_TEXT_MAX_CHARS} characters, this one has "
            f"{len(text)}; share it as a file with `clowder put`."
        )


class Saying(NamedTuple):
    """An operation and where it goes; `message` is the one it is about, if it is about one."""

    channel: bytes
    op: ops.AnyOp
    message: bytes = b""


class Talking:
    """Makes operations out of what the user asked."""

    def __init__(self, workspace: Workspace, views: Views) -> None:
        self._workspace = workspace
        self._views = views

    # Messages -----------------------------------------------------------------------------------

    def post(
        self, channel: str, text: str, reply_to: str | None, files: tuple[ops.FileInfo, ...] = ()
    ) -> Saying:
        """A new message."""
        workspace = self._workspace
        where = workspace.find_channel(channel)
        said, called = self._text(text, anew=True)
        if not said.strip() and not files:
            raise UsageError("An empty message says nothing; write something or share a file.")
        salt = workspace.entropy(limits.ID_BYTES)
        parent = None
        if reply_to:
            parent = self._views.find_message(reply_to)
            if self._channel_of(parent) != where:
                raise UsageError("A reply goes to the channel of the message it answers.")
        op = ops.Post(salt, said, parent, called, files)
        return Saying(where, op, ops.message_id(workspace.me, salt))

    def edit(self, message: str, text: str) -> Saying:
        """New text for an own message."""
        mid, channel, salt = self._own(message, "change")
        said, called = self._text(text, anew=False)
        if not said.strip():
            raise UsageError("An empty text would say nothing; `clowder delete` takes it back.")
        return Saying(channel, ops.Edit(salt, said, called), mid)

    def delete(self, message: str) -> Saying:
        """Take back an own message."""
        mid, channel, salt = self._own(message, "take back")
        return Saying(channel, ops.Delete(salt), mid)

    def react(self, message: str, emoji: str, on: bool) -> Saying:
        """Put or take back one emoji."""
        sign = clean_line(emoji, len(emoji))
        if not sign or len(emoji.strip().splitlines()) > 1:
            raise UsageError("A reaction is an emoji or a short word.")
        if len(sign) > limits.EMOJI_MAX_CHARS:
            raise UsageError(
                f"A reaction is an emoji or a short word, at most {limits.EMOJI_MAX_CHARS} "
                f"characters; this one has {len(sign)}."
            )
        mid, channel = self._marked(message, on)
        return Saying(channel, ops.React(mid, sign, on), mid)

    def pin(self, message: str, on: bool) -> Saying:
        """Pin or unpin for everybody."""
        mid, channel = self._marked(message, on)
        return Saying(channel, ops.Pin(mid, on), mid)

    def hide(self, message: str, on: bool, reason: str = "") -> Saying:
        """Hide a message from everybody, or show it again; founders and admins may."""
        why = clean_line(reason, len(reason))
        if len(why) > limits.HIDE_REASON_MAX_CHARS:
            raise UsageError(
                f"A reason has at most {limits.HIDE_REASON_MAX_CHARS} characters, this one has "
                f"{len(why)}."
            )
        self._require_admin("Hiding messages is for founders and admins.")
        mid, channel = self._marked(message, on)
        return Saying(channel, ops.Hide(mid, on, why if on else ""), mid)

    # Channels -----------------------------------------------------------------------------------

    def topic(self, channel: str, topic: str) -> Saying:
        """What a channel is about."""
        text = clean_line(topic, len(topic))
        if len(text) > limits.TOPIC_MAX_CHARS:
            raise UsageError(
                f"A topic has at most {limits.TOPIC_MAX_CHARS} characters, this one has "
                f"{len(text)}; the channel's notes have room for more."
            )
        return Saying(self._workspace.find_channel(channel), ops.Topic(text))

    def keep(self, channel: str, days: int) -> Saying:
        """For how many days messages are kept; 0 for ever."""
        workspace = self._workspace
        where = workspace.find_channel(channel)
        self._require_admin("How long messages are kept is for founders and admins to say.")
        if not (days == 0 or limits.KEEP_MIN_DAYS <= days <= limits.KEEP_MAX_DAYS):
            raise UsageError(
                f"Messages are kept from {limits.KEEP_MIN_DAYS} to {limits.KEEP_MAX_DAYS} days, "
                "or for ever."
            )
        return Saying(where, ops.Setting(KEEP_SETTING, str(days)))

    def profile(self, nick: str, colour: str) -> Saying:
        """How this member wants to be shown; what is empty stays."""
        workspace = self._workspace
        member = workspace.me.hex()
        known = workspace.store.register(workspace.directory, f"colour/{member}")
        shown = clean_nick(nick) if nick.strip() else workspace.own_nick(workspace.me)
        return Saying(workspace.directory, ops.Profile(shown, clean_line(colour, 32) or known))

    # Inside -------------------------------------------------------------------------------------

    def _require_admin(self, sentence: str) -> None:
        level = self._workspace.level
        if level is None or level > LEVEL_ADMIN_MAX:
            raise TrustError(sentence)

    def _text(self, text: str, *, anew: bool) -> tuple[str, tuple[bytes, ...]]:
        """A message's text as it may be sent, and whom it calls."""
        _require_room(text)
        cleaned = clean_text(text, limits.MESSAGE_TEXT_MAX_CHARS)
        said, called = self._called(cleaned, anew=anew)
        _require_room(said)
        return said, called

    def _called(self, text: str, *, anew: bool) -> tuple[str, tuple[bytes, ...]]:
        """The members whose name, as it is shown, stands in a text behind an @; and the text with
        nicks for petnames, which are nobody else's business.

        Of several names that fit one @ the longest is meant: `@ana~5b8e` does not call ana. Of two
        that are equally long a petname is, in a new text; in an old one it was a nick before.
        Code, and an @ within a word, call nobody.
        """
        if "@" not in text:
            return text, ()
        workspace, folded = self._workspace, _Folded(text)
        code = [match.span() for match in _CODE.finditer(text)]
        best: dict[int, tuple[int, bool, bytes]] = {}
        for member in workspace.roster.state.members:
            names = workspace.answers_to(member)
            for name in {*names, workspace.nick(member).casefold()}:
                for at in folded.find("@" + name):
                    if any(start <= folded.place(at) < end for start, end in code):
                        continue
                    rank = (len(name), (name in names) == anew, member)
                    best[at] = max(best.get(at, rank), rank)
        pieces, end = [], 0
        for at in sorted(best):
            length, _, member = best[at]
            start, behind = folded.place(at), folded.place(at + 1 + length)
            if start >= end:
                nick = workspace.nick(member)
                same = text[start + 1 : behind].casefold() == nick.casefold()
                pieces += [text[end:start], text[start:behind] if same else f"@{nick}"]
                end = behind
        called = sorted({member for _, _, member in best.values()})[: limits.MENTIONS_MAX]
        return "".join((*pieces, text[end:])), tuple(called)

    def _channel_of(self, mid: bytes) -> bytes:
        row = self._workspace.store.message(mid)
        if row is None:
            raise NotFound(f"There is no message {mid.hex()} here.")
        return row.channel

    def _marked(self, message: str, on: bool) -> tuple[bytes, bytes]:
        """A message to put a mark on, or to take one from, and its channel.

        What was taken back takes no more marks. It can be answered: its thread goes on.
        """
        mid = self._views.find_message(message)
        row = self._workspace.store.message(mid)
        if row is None:
            raise NotFound(f"There is no message {message} here.")
        if row.deleted and on:
            raise UsageError("That message was taken back.")
        return mid, row.channel

    def _own(self, message: str, what: str) -> tuple[bytes, bytes, bytes]:
        mid = self._views.find_message(message)
        row = self._workspace.store.message(mid)
        if row is None:
            raise NotFound(f"There is no message {message} here.")
        if row.member != self._workspace.me:
            raise TrustError(f"Only {self._workspace.shown(row.member)} can {what} that message.")
        if row.deleted:
            raise UsageError("That message was taken back.")
        return mid, row.channel, row.salt
