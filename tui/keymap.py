"""All keys in one table: what the bindings, the help screen and `[keys]` in config.toml read.

Letters act on messages only while the timeline has the focus; everything else works while
writing. A key with `priority` is taken before the focused widget sees it: Alt+letter carries its
letter, so a text area would type it.
"""

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

Scope = Literal["workspace", "timeline", "composer"]


class Key(NamedTuple):
    """One binding; `keys` are Textual's names, separated by commas."""

    id: str
    keys: str
    action: str
    text: str
    scope: Scope
    priority: bool = True


KEYS: tuple[Key, ...] = (
    Key("help", "f1", "help", "Help", "workspace"),
    Key("activity", "f2", "show('activity')", "Mentions, answers, late arrivals", "workspace"),
    Key("network", "f3", "show('network')", "Who is linked, how in sync", "workspace"),
    Key("bookmarks", "f4", "show('bookmarks')", "Your bookmarks", "workspace"),
    Key("pins", "f6", "show('pins')", "What is pinned here", "workspace"),
    Key("quick_switch", "ctrl+k", "quick_switch", "Go to a channel", "workspace"),
    Key("next_unread", "alt+a", "next_unread", "Next unread channel", "workspace"),
    Key("previous_channel", "alt+up", "step_channel(-1)", "Channel above", "workspace"),
    Key("next_channel", "alt+down", "step_channel(1)", "Channel below", "workspace"),
    *(
        Key(f"channel_{n}", f"alt+{n}", f"nth_channel({n})", f"Channel {n}", "workspace")
        for n in range(1, 10)
    ),
    Key("previous_mention", "alt+p", "step_mention(-1)", "Mention above", "workspace"),
    Key("next_mention", "alt+n", "step_mention(1)", "Mention below", "workspace"),
    Key("unread_line", "alt+u", "first_unread", "First unread message", "workspace"),
    Key("late", "alt+l", "step_late", "Late arrival above", "workspace"),
    Key("page_up", "pageup", "scroll_timeline(-1)", "Scroll up", "workspace"),
    Key("page_down", "pagedown", "scroll_timeline(1)", "Scroll down", "workspace"),
    Key("newest", "alt+end", "newest", "Newest message", "workspace"),
    Key("search", "ctrl+f", "search", "Search everything", "workspace"),
    Key("notes", "ctrl+n", "notes", "Notes of this channel", "workspace"),
    Key("put", "ctrl+o", "pick_file", "Share a file", "workspace"),
    Key("channels", "f7", "toggle_channels", "Show or hide channels", "workspace"),
    Key("members", "f8", "toggle_members", "Show or hide members", "workspace"),
    Key("editor", "alt+e", "editor", "Write in $EDITOR", "workspace"),
    Key("edit_last", "ctrl+up", "edit_last", "Change your last message", "workspace"),
    Key("quit", "ctrl+q", "quit", "Leave", "workspace"),
    Key("leave", "escape,i", "leave", "Back to writing", "timeline", False),
    Key("next", "j,down", "next", "Message below", "timeline", False),
    Key("previous", "k,up", "previous", "Message above", "timeline", False),
    Key("oldest", "g,home", "oldest", "Oldest loaded message", "timeline", False),
    Key("newest_here", "G,end", "newest", "Newest message", "timeline", False),
    Key("reply", "r", "choose('reply')", "Reply", "timeline", False),
    Key("open", "enter,o", "choose('open')", "Picture, link or thread", "timeline", False),
    Key("thread", "t", "choose('thread')", "Thread", "timeline", False),
    Key("react", "plus_sign,plus", "choose('react')", "React", "timeline", False),
    Key("copy", "y", "choose('copy')", "Copy the text", "timeline", False),
    Key("pin", "p", "choose('pin')", "Pin or unpin", "timeline", False),
    Key("bookmark", "b", "choose('bookmark')", "Bookmark for yourself", "timeline", False),
    Key("delivery", "w", "choose('delivery')", "Who has it", "timeline", False),
    Key("edit", "e", "choose('edit')", "Edit your message", "timeline", False),
    Key("delete", "d,delete", "choose('delete')", "Delete your message", "timeline", False),
    Key("save", "s", "choose('save')", "Save its file", "timeline", False),
    Key("send", "enter", "", "Send", "composer", False),
    Key("newline", "ctrl+j,alt+enter,shift+enter", "", "New line", "composer", False),
    Key("editor_too", "ctrl+x e", "", "Write in $EDITOR, as in a shell", "composer", False),
    Key("complete", "tab", "", "Complete names, commands, paths", "composer", False),
    Key("history", "up", "", "What you sent before (empty line)", "composer", False),
    Key("to_timeline", "escape", "", "To the messages", "composer", False),
)


def scope(name: Scope) -> Iterator[Key]:
    """The keys of one scope, in the order they are explained."""
    return (key for key in KEYS if key.scope == name)


_NAMES = {
    "plus_sign": "+",
    "plus": "+",
    "enter": "Enter",
    "escape": "Esc",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "delete": "Del",
}


def spoken(keys: str) -> str:
    """Key names for people: `Ctrl+K`, `Esc or i`."""
    names: list[str] = []
    for key in keys.split(","):
        *modifiers, last = key.split("+")
        last = _NAMES.get(last, last if len(last) == 1 and not modifiers else last.capitalize())
        name = "+".join([*(m.capitalize() for m in modifiers), last])
        if name not in names:
            names.append(name)
    return " or ".join(names)


def problems(chosen: Mapping[str, str]) -> list[str]:
    """What is wrong with `[keys]` of config.toml, as sentences."""
    known = {key.id for key in KEYS if key.action}
    return [
        f"There is no key named “{name}” to change; F1 lists them."
        for name in chosen
        if name not in known
    ]
