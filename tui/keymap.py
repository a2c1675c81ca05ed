"""All keys in one table: what the bindings, the help screen and `[keys]` in config.toml read.

Letters act on messages only while the timeline has the focus; everything else works while
writing. A key with `priority` is taken before the focused widget sees it: Alt+letter carries its
letter, so a text area would type it.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

Scope = Literal["workspace", "timeline", "composer", "notes"]


class Key(NamedTuple):
    """One binding; `keys` are Textual's names, separated by commas."""

    id: str
    keys: str
    action: str
    text: str
    scope: Scope
    priority: bool = True


KEYS: tuple[Key, ...] = (
    Key("help", "f1", "show('help')", "Help", "workspace"),
    Key("activity", "f2", "show('activity')", "Mentions, answers, late arrivals", "workspace"),
    Key("network", "f3", "show('network')", "Who is linked, how in sync", "workspace"),
    Key("bookmarks", "f4", "show('bookmarks')", "Your bookmarks", "workspace"),
    Key("pins", "f6", "show('pins')", "What is pinned here", "workspace"),
    Key("this_channel", "f5", "show('channel')", "Topic, alerts, who is in", "workspace"),
    Key("settings", "f9", "show('settings')", "Settings", "workspace"),
    Key("people", "alt+m", "show('members')", "Members and their devices", "workspace"),
    Key("quick_switch", "ctrl+k", "quick_switch", "Go to a channel", "workspace"),
    Key("workspaces", "alt+w", "app.workspaces", "Go to another workspace", "workspace"),
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
    Key("gallery", "alt+g", "show('pictures')", "Pictures of this channel", "workspace"),
    Key("swarm", "alt+s", "show('swarm')", "Files on their way, who gives them", "workspace"),
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
    Key("undo", "ctrl+z", "", "Take back what was just sent (empty line)", "composer", False),
    Key("newline", "ctrl+j,alt+enter,shift+enter", "", "New line", "composer", False),
    Key("editor_too", "ctrl+x e", "", "Write in $EDITOR, as in a shell", "composer", False),
    Key("complete", "tab", "", "Complete names, commands, paths", "composer", False),
    Key("history", "up", "", "What you sent before (empty line)", "composer", False),
    Key("to_timeline", "escape", "", "To the messages", "composer", False),
    Key("notes_task", "alt+t", "toggle_task", "Make a task of this line, tick it", "notes"),
    Key("notes_authors", "alt+b", "toggle_authors", "By whom each line is", "notes"),
    Key("notes_past", "alt+v", "past", "As they were, what is set aside", "notes"),
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


def shown(name: str, chosen: Mapping[str, str]) -> str:
    """The first key of an action, as people call it: `Ctrl+K`."""
    return spoken(bound(chosen)[name].split(",")[0])


def bound(chosen: Mapping[str, str]) -> dict[str, str]:
    """Which keys each action has, by its id, when `[keys]` of config.toml says `chosen`.

    An entry that makes no sense or clashes counts for nothing: its action keeps its own keys.
    """
    good = _settled(chosen)[0]
    return {key.id: good.get(key.id, key.keys) for key in KEYS}


def overrides(chosen: Mapping[str, str]) -> dict[str, str]:
    """The entries of `[keys]` that count."""
    return _settled(chosen)[0]


def problems(chosen: Mapping[str, str]) -> list[str]:
    """What is wrong with `[keys]` of config.toml, as sentences."""
    return _settled(chosen)[1]


def _settled(chosen: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The entries that count, and a sentence for each that does not."""
    good: dict[str, str] = {}
    said: list[str] = []
    for name, keys in chosen.items():
        reason = _senseless(name, keys)
        if reason:
            said.append(reason)
        else:
            good[name] = ",".join(_normal(key) for key in keys.split(","))
    # All at once, so that two actions can change places; then without those that clash.
    while (clash := _clash(good)) is not None:
        name, other, key = clash
        said.append(
            f"{spoken(key)} would be “{name}” and “{other}” at once; “{name}” keeps its own key, "
            f"{spoken(_BY_ID[name].keys)}. Change [keys] in config.toml."
        )
        del good[name]
    return good, said


def _senseless(name: str, keys: str) -> str:
    key = _BY_ID.get(name)
    if key is None or not key.action:
        return f"There is no key named “{name}” to change; F1 lists them."
    for given in keys.split(","):
        *modifiers, last = _parts(given)
        if not last or set(modifiers) - _MODIFIERS or not _is_key(last):
            return f"“{given.strip()}” for “{name}” is no key; write ctrl+g, alt+x or f5."
        if key.scope == "workspace" and not modifiers and len(_character(last)) == 1:
            return (
                f"“{given.strip()}” for “{name}” would be taken while you write; add ctrl or alt."
            )
        if _normal(given) in _RESERVED:
            return f"{spoken(_normal(given))} is needed for other things; “{name}” cannot have it."
    return ""


def _clash(good: Mapping[str, str]) -> tuple[str, str, str] | None:
    """(a changed action, the one it clashes with, the key), None when there is none.

    Keys of the workspace are taken first everywhere; those of timeline, composer and notes never
    meet.
    """
    taken: dict[tuple[Scope, str], str] = {}
    for entry in sorted(KEYS, key=lambda entry: (entry.id in good, entry.scope != "workspace")):
        for key in good.get(entry.id, entry.keys).split(","):
            for place in _PLACES[entry.scope]:
                other = taken.setdefault((place, key), entry.id)
                if other == entry.id:
                    continue
                if entry.id in good:
                    return entry.id, other, key
                if other in good:
                    return other, entry.id, key
    return None


def _parts(key: str) -> list[str]:
    key = key.strip()
    if key.endswith("+"):
        return [*(part for part in key[:-1].split("+") if part), "+"]
    return key.split("+")


def _normal(key: str) -> str:
    """A key as Textual names it: `plus` for `+`."""
    *modifiers, last = _parts(key)
    if len(last) == 1 and not last.isalnum():
        last = unicodedata.name(last).lower().replace("-", "_").replace(" ", "_")
        last = _SHORTER.get(last, last)
    return "+".join([*modifiers, last])


def _character(last: str) -> str:
    """What a key types, "" when it types nothing."""
    if len(last) == 1:
        return last
    try:
        return unicodedata.lookup(_LONGER.get(last, last).replace("_", " "))
    except KeyError:
        return ""


def _is_key(last: str) -> bool:
    return last in _NAMED or bool(_character(last))


_BY_ID = {key.id: key for key in KEYS}
_MODIFIERS = {"ctrl", "alt", "shift", "super", "meta", "hyper"}
_RESERVED = {"ctrl+c", "ctrl+p", "tab", "enter", "escape", "backspace", "space"}
"""Copying, the command palette, and what every line needs."""
_PLACES: dict[Scope, tuple[Scope, ...]] = {
    "workspace": ("workspace", "timeline", "composer", "notes"),
    "timeline": ("timeline",),
    "composer": ("composer",),
    "notes": ("notes",),
}
_SHORTER = {"plus_sign": "plus", "hyphen_minus": "minus", "solidus": "slash"}
_LONGER = {"plus": "plus_sign", "minus": "hyphen-minus", "slash": "solidus"}
_NAMED = {
    *(f"f{n}" for n in range(1, 25)),
    *("up", "down", "left", "right", "home", "end", "pageup", "pagedown", "insert", "delete"),
    *("tab", "enter", "escape", "backspace", "space"),
}
