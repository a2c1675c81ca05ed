"""Bugs that are planted into the production code, each of which the simulator must catch.

A test that cannot fail shows nothing, and an oracle nobody ever saw fail may be one. Each bug here
is one that somebody could make: a line forgotten, a condition left out, a step too early.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from chat.engine import machine
from chat.engine.machine import Engine
from chat.reader import Reading
from chat.store import WorkspaceStore
from chat.store.database import Database
from chat.workspace import Workspace
from crdt import sync_take
from crdt.clock import HybridClock
from crdt.ingest import Append
from crdt.roster import Roster
from crdt.sync_serve import Serve


@dataclass(frozen=True, slots=True)
class Bug:
    """What stands in place of `owner.name`: `make` is given the honest function.

    Attributes:
        seed: the first one that catches it; `python -m tests.sim --bugs --seeds 40` finds it again.
    """

    owner: Any
    name: str
    make: Callable[[Callable[..., Any]], Callable[..., Any]]
    seed: int = 0


def _tail_forgotten(judge: Callable[..., Any]) -> Callable[..., Any]:
    def forgetful(*arguments: Any) -> Any:
        verdict = judge(*arguments)
        if isinstance(verdict, Append) and len(verdict.entries) > 1:
            return replace(verdict, entries=verdict.entries[:-1])
        return verdict

    return forgetful


def _first_prepend_dropped(prepend: Callable[..., Any]) -> Callable[..., Any]:
    def dropping(self: Any, link: Any, log: Any, entries: Any) -> None:
        if entries[0].seq == 0:
            self._core.gaps.pop(log, None)  # as if it were stored, and the log whole
        else:
            prepend(self, link, log, entries)

    return dropping


def _kept_in_part(rollback: Callable[..., Any]) -> Callable[..., Any]:
    def keeping(self: Any) -> None:
        self._failed = False
        self.commit()
        rollback(self)

    return keeping


def _counted_ahead(add_receipt: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, device, log, seq: add_receipt(self, device, log, seq + 1)


def _nothing(result: Any = None) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return lambda honest: lambda *arguments, **named: result


BUGS: dict[str, Bug] = {
    "the last entry of a run is not stored": Bug(sync_take, "judge", _tail_forgotten, 1),
    "the beginning of a log is dropped": Bug(
        sync_take.Take, "_prepend", _first_prepend_dropped, 20
    ),
    "half a turn is kept when a write fails": Bug(Database, "rollback", _kept_in_part, 24),
    "receipts count one entry too many": Bug(WorkspaceStore, "add_receipt", _counted_ahead, 2),
    "everybody is shown private channels": Bug(
        Workspace, "visible", lambda honest: lambda self, channel, device: True, 6
    ),
    "what waited for a key is not read": Bug(
        machine, "read_waiting", _nothing(Reading([], set(), [])), 6
    ),
    "the clock follows nobody": Bug(HybridClock, "merge", _nothing(), 3),
    "roster ops are not stored": Bug(WorkspaceStore, "add_op", _nothing()),
    "live entries are not passed on": Bug(Serve, "publish", _nothing(), 11),
    "keys are not handed on": Bug(Engine, "_mend_keys", _nothing()),
    "roster heads of stored entries are unknown": Bug(Roster, "register_heads", _nothing(), 6),
}


@contextmanager
def planted(name: str) -> Iterator[None]:
    """While this lasts, the production code has the bug."""
    bug = BUGS[name]
    with patch.object(bug.owner, bug.name, bug.make(getattr(bug.owner, bug.name))):
        yield
