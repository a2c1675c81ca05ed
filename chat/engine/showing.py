"""What the face is told of changed messages and registers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from chat import effects
from chat.workspace import NAME_REGISTER, Workspace
from crdt.registers import KEEP_REGISTERS

if TYPE_CHECKING:
    from chat.store.projection import ProjectedChange


def shown(workspace: Workspace, changes: Iterable[ProjectedChange]) -> Iterator[effects.Effect]:
    """Effects for what looks different now; names that may have changed are forgotten."""
    seen = False
    for change in changes:
        seen = seen or change.changed
        if change.message is not None:
            yield effects.MessageTouched(change.channel, change.message, change.is_new)
        if change.parent is not None:
            yield effects.MessageTouched(change.channel, change.parent, False)
        if change.registers and change.channel == workspace.directory:
            workspace.forget_views()
            yield effects.ViewChanged("members")
        elif NAME_REGISTER in change.registers:
            workspace.forget_views()
        if any(key.startswith(KEEP_REGISTERS) for key in change.registers):
            yield effects.ViewChanged("status")
    if seen:
        yield effects.ViewChanged("channels")
