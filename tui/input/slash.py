"""Lines that begin with a slash.

`//text` says `/text`. A line that looks like a command but is none is an error with the nearest
match, and is never sent: a typed password after a mistyped command must not reach the channel.
"""

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from tui.errors import InputError

Argument = Literal["", "channel", "path", "emoji", "message", "text", "file", "alerts", "member"]


@dataclass(frozen=True, slots=True)
class SlashCommand:
    """A command; `argument` is what completion offers after it."""

    name: str
    usage: str
    text: str
    argument: Argument = ""
    aliases: tuple[str, ...] = ()


COMMANDS: tuple[SlashCommand, ...] = (
    SlashCommand("join", "NAME", "Go to a channel", "channel", ("go", "j")),
    SlashCommand("new", "NAME [private|hidden|public]", "Make a channel", "text"),
    SlashCommand("topic", "TEXT|-", "Set this channel's topic, - takes it away", "text"),
    SlashCommand("put", "PATH [TEXT]", "Share a picture or file", "path", ("upload",)),
    SlashCommand("get", "[MESSAGE] [PATH]", "Save a file", "message", ("download", "save")),
    SlashCommand("reply", "[MESSAGE] [TEXT]", "Answer a message", "message", ("r",)),
    SlashCommand("edit", "[MESSAGE] [TEXT]", "Change what you said", "message"),
    SlashCommand("delete", "[MESSAGE]", "Take back what you said", "message", ("del",)),
    SlashCommand("undo", "", "Take back what you just sent, if it has not left this machine"),
    SlashCommand("react", "[MESSAGE] EMOJI", "React, or take a reaction back", "emoji"),
    SlashCommand("pin", "[MESSAGE]", "Pin or unpin a message", "message"),
    SlashCommand("hide", "[MESSAGE] [WHY]", "As an admin: hide a message, or no more", "message"),
    SlashCommand("open", "[MESSAGE]", "Show a message that is folded", "message"),
    SlashCommand("thread", "[MESSAGE]", "Open a thread", "message"),
    SlashCommand("bookmark", "[MESSAGE]", "Bookmark a message for yourself, or no more", "message"),
    SlashCommand("delivery", "[MESSAGE]", "Show who has a message", "message"),
    SlashCommand("notes", "", "Open this channel's shared notes"),
    SlashCommand("pins", "", "Show what is pinned here"),
    SlashCommand("pictures", "", "Show the pictures of this channel", aliases=("gallery",)),
    SlashCommand("bookmarks", "", "Show what you bookmarked"),
    SlashCommand("activity", "", "Show mentions, answers and late arrivals"),
    SlashCommand("alerts", "off|mentions|all [CHANNEL]", "What a channel may ring for", "alerts"),
    SlashCommand("dnd", "[30m|2h|1d|off]", "Do not disturb; nothing rings", aliases=("quiet",)),
    SlashCommand("ignore", "NICK [off]", "Hear nothing of a member, or hear them again", "member"),
    SlashCommand("away", "[WHY]", "Let the others see that you are away", "text"),
    SlashCommand("back", "", "You are not away any more; writing says so as well"),
    SlashCommand("lock", "", "Show nothing until the passphrase is given"),
    SlashCommand("invite", "[nearby|relay]", "Make an invite; nearby for somebody in the room"),
    SlashCommand("invites", "", "Show the invites there are, revoke one"),
    SlashCommand("members", "", "Show who is in, their devices", aliases=("names", "who")),
    SlashCommand("name", "NICK NAME|off", "Call a member something of your own", "member"),
    SlashCommand("devices", "[add|name|remove]", "Show your devices; add, name or remove one"),
    SlashCommand("promote", "NICK [admin|member|reader]", "Give a member a role", "member"),
    SlashCommand("remove", "NICK", "Take a member out of the workspace", "member"),
    SlashCommand("channel", "", "Show and change this channel's settings"),
    SlashCommand("add", "NICK [CHANNEL]", "Let a member into a private channel", "member"),
    SlashCommand("kick", "NICK [CHANNEL]", "Take a member out of a private channel", "member"),
    SlashCommand("part", "[CHANNEL]", "Leave a private channel", "channel"),
    SlashCommand(
        "workspace", "[NAME|new|join|nearby]", "Go to another workspace, or add one", "text"
    ),
    SlashCommand("settings", "", "Show and change settings", aliases=("set",)),
    SlashCommand("network", "", "Show who is linked, and how", aliases=("peers", "status")),
    SlashCommand("swarm", "", "Show files on their way, and who gives them"),
    SlashCommand(
        "search", "WORDS from:ANA in:CATS", "Search everything that is here", "text", ("find",)
    ),
    SlashCommand("me", "TEXT", "Say what you do", "text"),
    SlashCommand("nick", "NAME", "Change your name", "text"),
    SlashCommand("help", "", "Keys and commands", aliases=("h", "?")),
    SlashCommand("quit", "", "Leave; the workspace stays", aliases=("q", "exit")),
)

BY_NAME = {name: command for command in COMMANDS for name in (command.name, *command.aliases)}


@dataclass(frozen=True, slots=True)
class Said:
    """Text to be posted as it is."""

    text: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A command and everything after it."""

    command: SlashCommand
    argument: str


def parse(line: str) -> Said | Asked:
    """What a line of the composer means.

    Raises:
        InputError: it begins with a slash and is no command.
    """
    if not line.startswith("/"):
        return Said(line)
    if line.startswith("//"):
        return Said(line[1:])
    word, _, argument = line[1:].partition(" ")
    if "\n" in word:
        word, _, argument = line[1:].partition("\n")
    found = BY_NAME.get(word.lower())
    if found is not None:
        return Asked(found, argument.strip())
    near = get_close_matches(word.lower(), BY_NAME, 1, 0.5)
    hint = f" Did you mean /{near[0]}?" if near else " /help lists them."
    raise InputError(f"There is no command /{word}.{hint} Begin with // to say it as text.")
