"""From a slash command to what is to be done. Pure; both faces share it.

Steps are in `tui.input.steps`. Which message is meant: the one named by the first word (a number of
the line mode, or at least four digits of an id, if such a message is on screen), else the selected
one, else the obvious one (the newest of mine to edit, the newest of all to react to).
"""

import io
import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from chat import commands
from chat.model import Message
from tui.errors import InputError
from tui.input import being, emoji, managing
from tui.input.slash import Asked
from tui.input.steps import Ask as Ask
from tui.input.steps import Compose as Compose
from tui.input.steps import Confirm as Confirm
from tui.input.steps import Find as Find
from tui.input.steps import Go as Go
from tui.input.steps import Lock as Lock
from tui.input.steps import MakeChannel as MakeChannel
from tui.input.steps import Manage as Manage
from tui.input.steps import Move as Move
from tui.input.steps import OpenThread as OpenThread
from tui.input.steps import Panel as Panel
from tui.input.steps import Quit as Quit
from tui.input.steps import Save as Save
from tui.input.steps import Show as Show
from tui.input.steps import ShowDelivery as ShowDelivery
from tui.input.steps import Step as Step
from tui.input.steps import Undo as Undo
from tui.input.steps import Unfold as Unfold
from tui.limits import NAME_CHARS

_PANELS = frozenset(get_args(Panel)) - {"invite", "nearby", "relay", "devices", "device_code"}


@dataclass(frozen=True)
class Context:
    """Where the user is.

    Attributes:
        channel: name of the open channel.
        me: this member's id.
        selected: the message the timeline has selected.
        recent: messages on screen and near it, newest first.
        resolve: a message by what the user calls it; None when that names none.
        channels: names of the channels.
        bookmarks: ids of bookmarked messages.
        now: milliseconds since the Unix epoch.
    """

    channel: str
    me: str
    selected: Message | None = None
    recent: Iterable[Message] = ()
    resolve: Callable[[str], Message | None] = lambda _: None
    channels: Iterable[str] = ()
    bookmarks: Iterable[str] = ()
    now: int = 0


def plan(asked: Asked, context: Context) -> Step:
    """What a slash command does.

    Raises:
        InputError: an argument is missing or makes no sense.
    """
    name, argument = asked.command.name, asked.argument
    match name:
        case _ if name in _PANELS:
            return Show(cast(Panel, name))
        case _ if name in managing.NAMES:
            return Manage(managing.plan(name, argument, context.channel))
        case "alerts":
            return Ask(*being.alerts(argument, context.channel))
        case "dnd":
            return Ask(*being.quiet(argument, context.now))
        case "ignore":
            return Ask(*being.ignore(argument))
        case "name":
            return Ask(*being.name(argument))
        case "away":
            return Ask(*being.away(argument))
        case "back":
            return Ask(*being.away("off"))
        case "workspace":
            return Move(argument)
        case "lock":
            return Lock()
        case "undo":
            return Undo(next(_own_ones(context), None))
        case "devices":
            return _devices(argument)
        case "invite":
            return Show(_invite(argument))
        case "quit":
            return Quit()
        case "search":
            return Find(argument)
        case "join":
            return _join(argument, context)
        case "new":
            return _new(argument, context)
        case "topic":
            return _topic(argument, context)
        case "nick":
            return Ask(commands.SetProfile(nick=_name(argument, "name", "/nick ana")))
        case "put":
            return _put(argument, context)
        case "me":
            said = _needed(argument, "Say what you do: /me waves")
            return Ask(commands.Post(context.channel, f"*{said}*"))
        case _:
            return _on_message(name, argument, context)


def change(wanted: managing.Change) -> Step:
    """A change of who is in, after its question."""
    if wanted.question:
        return Confirm(wanted.question, wanted.command, wanted.said)
    return Ask(wanted.command, wanted.said)


def _needed(argument: str, hint: str) -> str:
    if not argument:
        raise InputError(hint)
    return argument


def _name(argument: str, what: str, example: str) -> str:
    name = _needed(argument, f"Give a {what}: {example}")
    if len(name) > NAME_CHARS or "\n" in name:
        raise InputError(f"A {what} is one line of at most {NAME_CHARS} characters.")
    return name


def _invite(argument: str) -> Panel:
    for panel in ("nearby", "relay"):
        if argument.lower() == panel:
            return cast(Panel, panel)
    if argument:
        raise InputError("Say /invite, /invite nearby for somebody in this room, or /invite relay.")
    return "invite"


def _devices(argument: str) -> Step:
    match argument.split(None, 2):
        case []:
            return Show("devices")
        case [word] if word.lower() == "add":
            return Show("device_code")
        case [word, device, name] if word.lower() == "name":
            name = _name(name, "name", "/devices name b5b5 old laptop")
            return Ask(commands.NameDevice(device, name), f"It is called {name} here.")
        case [word, device] if word.lower() == "remove":
            question = f"Take out the device {device}? It comes back only by a new code."
            return Confirm(question, commands.RemoveDevice(device), "It is out.")
    raise InputError("Say /devices, /devices add, /devices name ID NAME, or /devices remove ID.")


def _topic(argument: str, context: Context) -> Step:
    topic = _needed(argument, "Say the topic: /topic Cats only, or /topic - for none")
    return Ask(commands.SetTopic(context.channel, "" if topic == "-" else topic))


def _join(argument: str, context: Context) -> Step:
    name = _needed(argument.removeprefix("#"), "Which channel? /join general")
    if name.startswith("clowder:") or len(name.split()) > 3:
        raise InputError(
            "That is the invite of a workspace, and this is for channels. /workspace joins one."
        )
    known = list(context.channels)
    for channel in known:
        if channel.casefold() == name.casefold():
            return Go(channel)
    raise InputError(f"There is no channel {name}. Make it with /new {name}")


def _new(argument: str, context: Context) -> Step:
    words = argument.split()
    members: tuple[str, ...] = ()
    mode: Literal["private", "hidden", "public"] = "private"
    if len(words) > 1 and words[-1].lower() in ("private", "hidden", "public"):
        mode = cast(Literal["private", "hidden", "public"], words.pop().lower())
        # Who says private means: not for everybody. Others are let in with /add.
        members = (context.me,) if mode == "private" else ()
    name = _name(" ".join(words).removeprefix("#"), "name", "/new cats")
    return MakeChannel(commands.CreateChannel(name, mode, members))


def _put(argument: str, context: Context) -> Step:
    _needed(argument, "Which file? /put ~/cat.png Look at her")
    path, text = split_path(argument)
    full = Path(path).expanduser() if path.startswith("~") else Path(path)
    return Ask(commands.Put(context.channel, str(full.absolute()), text))


def split_path(argument: str) -> tuple[str, str]:
    """A path, quoted or with backslashes when it has spaces, and the text after it."""
    source = io.StringIO(argument)
    lexer = shlex.shlex(source, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        path = lexer.get_token() or ""
    except ValueError:
        path, _, rest = argument.partition(" ")
        return path, rest.strip()
    return path, source.read().strip()


def _on_message(name: str, argument: str, context: Context) -> Step:
    named, rest = _named(argument, context)
    match name:
        case "reply":
            message = named or context.selected or _newest(context, mine=False)
            return _reply(message, rest, context)
        case "edit":
            message = named or _own(context.selected, context) or _newest(context, mine=True)
            return edit(message, rest)
        case "delete":
            return delete(named or context.selected or _newest(context, mine=True))
        case "react":
            given = _needed(rest, "With what? /react :cat: or /react 🐈")
            return react(named or context.selected or _newest(context), given, context.me)
        case "pin":
            return pin(named or context.selected or _newest(context))
        case "hide":
            return hide(named or context.selected or _newest(context), rest)
        case "open":
            return Unfold(named or context.selected or _newest(context, folded=True))
        case "bookmark":
            return bookmark(named or context.selected or _newest(context), context.bookmarks)
        case "delivery":
            return ShowDelivery(named or context.selected or _newest(context, mine=True))
        case "thread":
            return OpenThread(named or context.selected or _newest(context))
        case "get":
            message = named or context.selected or _newest(context, files=True)
            if not message.files:
                raise InputError("That message carries no file.")
            return Save(message, rest)
        case _:
            raise AssertionError(name)


def _named(argument: str, context: Context) -> tuple[Message | None, str]:
    """The message that the first word names, and the rest; (None, all) when it names none."""
    word, _, rest = argument.partition(" ")
    message = context.resolve(word) if word else None
    return (message, rest.strip()) if message is not None else (None, argument)


def by_id(given: str, messages: Iterable[Message]) -> Message | None:
    """A message by at least four digits of its id, if exactly one of `messages` fits."""
    if not re.fullmatch(r"[0-9a-fA-F]{4,32}", given):
        return None
    found = [message for message in messages if message.id.startswith(given.lower())]
    return found[0] if len(found) == 1 else None


def _newest(
    context: Context, *, mine: bool | None = None, files: bool = False, folded: bool = False
) -> Message:
    for message in context.recent:
        fits = mine is None or (message.author.member == context.me) is mine
        fits = fits and bool(message.files or not files) and bool(message.folded or not folded)
        if fits and not message.deleted:
            return message
    raise InputError("Which message? Select one (Esc, then j and k) or give its number.")


def _own_ones(context: Context) -> Iterator[Message]:
    """Messages of this member, the newest first."""
    return (m for m in context.recent if m.author.member == context.me and not m.deleted)


def _own(message: Message | None, context: Context) -> Message | None:
    return message if message and message.author.member == context.me else None


def _reply(message: Message, text: str, context: Context) -> Step:
    if not text:
        return Compose("reply", message)
    return Ask(commands.Post(context.channel, text, message.id))


def edit(message: Message, text: str = "") -> Step:
    """Change a message; without a new text, in the composer.

    Raises:
        InputError: it is not mine, or not there any more.
    """
    if not message.mine:
        raise InputError(f"Only {message.author.name} can change that message.")
    if message.deleted:
        raise InputError("That message was deleted.")
    if not text:
        return Compose("edit", message)
    return Ask(commands.Edit(message.id, text))


def delete(message: Message) -> Step:
    """Take a message back, after a question.

    Raises:
        InputError: it is not mine, or not there any more.
    """
    if not message.mine:
        raise InputError(f"Only {message.author.name} can delete that message.")
    if message.deleted:
        raise InputError("That message is deleted already.")
    return Confirm("Delete this message for everybody?", commands.Delete(message.id))


def react(message: Message, given: str, me: str) -> Step:
    """React, or take the same reaction back.

    Raises:
        InputError: that is no emoji, and nobody reacted with it.
    """
    sign = emoji.resolve(given)
    if sign not in message.reactions and not emoji.is_one(sign):
        near = emoji.near(given)
        hint = f" Did you mean :{near}:?" if near else ""
        raise InputError(
            f"There is no emoji “{given}”.{hint} A reaction is an emoji, or its name: /react :cat:"
        )
    on = all(author.member != me for author in message.reactions.get(sign, ()))
    return Ask(commands.React(message.id, sign, on))


def pin(message: Message) -> Step:
    """Pin or unpin."""
    said = "Unpinned." if message.pinned else "Pinned."
    return Ask(commands.Pin(message.id, not message.pinned), said)


def hide(message: Message, reason: str = "") -> Step:
    """Hide a message from everybody, as an admin, or show a hidden one again.

    Raises:
        InputError: it is not there any more.
    """
    if message.deleted:
        raise InputError("That message was deleted.")
    if message.hidden is not None:
        return Ask(commands.Hide(message.id, False), "Everybody sees it again.")
    said = "Hidden; everybody sees that you did, and can open it."
    return Ask(commands.Hide(message.id, True, reason), said)


def bookmark(message: Message, bookmarks: Iterable[str]) -> Step:
    """Bookmark a message for oneself, or not any more."""
    on = message.id not in bookmarks
    return Ask(commands.Bookmark(message.id, on), "Bookmarked." if on else "No bookmark any more.")
