"""Names of one's own for members: what is said when one was given.

A petname makes way for itself: whose nick looks like it is shown with the beginning of their id
from then on. Whoever gave the name hears of that at once, and not by wondering later.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from chat import commands
from chat.model import Member
from tui.world import World

if TYPE_CHECKING:
    from tui.asking import Asker


def shown(world: World) -> dict[str, str]:
    """How everybody is shown, by their ids."""
    return {member.member: member.name for member in world.members.values()}


def renamed(before: Mapping[str, str], after: Iterable[Member], named: str) -> Iterator[str]:
    """A sentence for each who is shown otherwise since the member `named` got their name."""
    for member in after:
        known = before.get(member.member, member.name)
        if member.member != named and known != member.name:
            yield f"{known} is shown as {member.name} now."


def give(asker: "Asker", world: World, command: commands.NameMember, said: str = "") -> None:
    """Name a member in the background; then `said`, and who is shown otherwise for it."""
    before = shown(world)

    def given(changed: Member) -> None:
        def listed(after: list[Member]) -> None:
            sentences = [said, *renamed(before, after, changed.member)]
            if told := " ".join(filter(None, sentences)):
                asker.say(told)

        asker.send(commands.ListMembers(), listed, lambda: asker.say(said) if said else None)

    asker.send(command, given)
