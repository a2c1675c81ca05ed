"""From a search as it was typed to what the store is asked: names become ids."""

from typing import TYPE_CHECKING

from chat import search_filter
from chat.errors import NotFound
from chat.search_filter import Filter
from crdt.clock import READING_MAX, reading

if TYPE_CHECKING:
    from chat.store.finding import Wanted
    from chat.workspace import Workspace

MYSELF = "me"
"""What `from:` takes for this member, whatever they are called."""


def wanted(
    sought: Filter,
    workspace: "Workspace",
    channel: bytes | None,
    ignored: frozenset[bytes] = frozenset(),
) -> "Wanted":
    """What the store is to find; `channel` narrows it further, and `ignored` mention nobody.

    Raises:
        NotFound: nobody, or no channel, is called as a filter says.
    """
    from chat.store.finding import Wanted

    channels: frozenset[bytes] | None = None
    if sought.channels:
        channels = frozenset(
            each for name in sought.channels for each in _channels(name, workspace)
        )
    if channel is not None:
        channels = frozenset((channel,)) if channels is None else channels & {channel}
    members: frozenset[bytes] | None = None
    if sought.senders:
        members = frozenset(each for name in sought.senders for each in _members(name, workspace))
    return Wanted(
        words=sought.words,
        channels=channels,
        members=members,
        marks=frozenset(sought.marks),
        carries=frozenset(sought.has),
        since=reading(sought.since_ms) if sought.since_ms < search_filter.LAST_MS else READING_MAX,
        until=reading(sought.until_ms) if sought.until_ms < search_filter.LAST_MS else READING_MAX,
        ignored=ignored,
    )


def _channels(name: str, workspace: "Workspace") -> list[bytes]:
    names = workspace.channel_names()
    fitting = search_filter.named(name, names.values())
    found = [channel for channel, known in names.items() if known in fitting]
    if not found:
        raise NotFound(f"There is no channel {name} here; `clowder channels` lists them.")
    return found


def _members(name: str, workspace: "Workspace") -> list[bytes]:
    """Members by petname or nick, or by the beginning of one; those who were removed wrote things,
    too."""
    if name.casefold() == MYSELF:
        return [workspace.me]
    state = workspace.roster.state
    former = (device.member for device in state.former_devices.values())
    everybody = {*state.members, *former}
    for called in (workspace.shown, workspace.nick):
        names = {member: called(member) for member in everybody}
        fitting = search_filter.named(name, names.values())
        found = [member for member, known in names.items() if known in fitting]
        if found:
            return found
    raise NotFound(f"There is nobody called {name} here; `clowder members` lists them.")
