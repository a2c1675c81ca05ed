"""Bugs that are planted into the production code, each of which the simulator must catch.

A test that cannot fail shows nothing, and an oracle nobody ever saw fail may be one. Each bug here
is one that somebody could make: a line forgotten, a condition left out, a step too early.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

import msgspec

from chat import erasing, reader, voiding
from chat.blocks import store_files
from chat.blocks.exchange.wanting import Wanting
from chat.engine import machine
from chat.engine.machine import Engine
from chat.reader import Reading
from chat.retention import Retention
from chat.store import WorkspaceStore, projection, registers
from chat.store.database import Database
from chat.workspace import Workspace
from crdt import ops, roster_ops, sync, sync_take
from crdt.clock import HybridClock, reading
from crdt.errors import Invalid, TooNew
from crdt.ingest import Append
from crdt.ops import Delete, Edit, Post
from crdt.retention import DAY_MS
from crdt.roster import Roster
from crdt.sync_forks import ForkExchange
from crdt.sync_roster import RosterExchange
from crdt.sync_serve import Serve
from tests.sim.schedule import Fault, Schedule, alone, draw


@dataclass(frozen=True, slots=True)
class Bug:
    """What stands in place of `owner.name`: `make` is given the honest function.

    Attributes:
        fault: it is looked for in runs of this fault alone; None for runs of any kind.
        seed: one that catches it; `python -m tests.sim --bugs --seeds 40` finds another.
    """

    owner: Any
    name: str
    make: Callable[[Callable[..., Any]], Callable[..., Any]]
    seed: int = 0
    fault: Fault | None = None

    def schedule(self, seed: int) -> Schedule:
        """A run that may catch it."""
        return draw(seed) if self.fault is None else alone(self.fault, seed)


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


def _never_replaced(newer: Callable[..., Any]) -> Callable[..., Any]:
    return lambda known, write: known is None


def _last_come_wins(newer: Callable[..., Any]) -> Callable[..., Any]:
    return lambda known, write: True


def _deletes_nothing(apply: Callable[..., Any]) -> Callable[..., Any]:
    def deaf(state: Any, op: Any, *rest: Any) -> Any:
        return apply(state, Edit(op.salt, "", ()) if isinstance(op, Delete) else op, *rest)

    return deaf


def _broken_instead_of_new(decode: Callable[..., Any]) -> Callable[..., Any]:
    def strict(*arguments: Any) -> Any:
        try:
            return decode(*arguments)
        except TooNew as error:
            raise Invalid(str(error)) from None

    return strict


def _known_kinds_only(on_ops: Callable[..., Any]) -> Callable[..., Any]:
    def strict(self: Any, link: Any, message: Any) -> Any:
        known = tuple(wire for wire in message.ops if roster_ops.decode(wire).args is not None)
        return on_ops(self, link, msgspec.structs.replace(message, ops=known))

    return strict


def _untranslated(read: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, sql, values=(): self._connection.execute(sql, values).fetchall()


def _silently(peer_up: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, source, now: self._sources.update({source.peer: source})


def _only_on_time(tick: Callable[..., Any]) -> Callable[..., Any]:
    def punctual(self: Any, now: Any) -> Any:
        self._wakes = {name: at for name, at in self._wakes.items() if at >= now.mono}
        return tick(self, now)

    return punctual


def _erased_stay(left: Callable[..., Any]) -> Callable[..., Any]:
    def staying(workspace: Any, entry: Any) -> Any:
        salt = workspace.store.erased_post(entry.log, entry.seq)
        return () if salt is None else (Delete(salt), Post(salt, ""))

    return staying


def _days_early(forget: Callable[..., Any]) -> Callable[..., Any]:
    def hasty(self: Any, log: Any, hlc: int, *rest: Any, **named: Any) -> Any:
        return forget(self, log, hlc + 2 * reading(DAY_MS), *rest, **named)

    return hasty


BUGS: dict[str, Bug] = {
    "the last entry of a run is not stored": Bug(sync_take, "judge", _tail_forgotten, 18),
    "the beginning of a log is dropped": Bug(sync_take.Take, "_prepend", _first_prepend_dropped, 6),
    "half a turn is kept when a write fails": Bug(Database, "rollback", _kept_in_part, 38),
    "receipts count one entry too many": Bug(WorkspaceStore, "add_receipt", _counted_ahead, 35),
    "everybody is shown private channels": Bug(
        Workspace, "visible", lambda honest: lambda self, channel, device: True, 18
    ),
    "what waited for a key is not read": Bug(
        machine, "read_waiting", _nothing(Reading([], set(), [])), 131
    ),
    "the clock follows nobody": Bug(HybridClock, "merge", _nothing(), 8),
    "roster ops are not stored": Bug(WorkspaceStore, "add_op", _nothing(), 18),
    "live entries are not passed on": Bug(Serve, "publish", _nothing(), 27),
    "keys are not handed on": Bug(Engine, "_mend_keys", _nothing(), 18),
    "roster heads of stored entries are unknown": Bug(Roster, "register_heads", _nothing(), 18),
    "a register is never replaced": Bug(registers, "newer", _never_replaced, 18),
    "a register holds what came last": Bug(registers, "newer", _last_come_wins, 6),
    "what is taken back is only made empty": Bug(projection, "apply", _deletes_nothing, 6),
    "nobody obeys what is stated of erasing": Bug(
        erasing, "_stands", lambda honest: lambda *arguments: False, 6
    ),
    "timers that are late are lost": Bug(Engine, "tick", _only_on_time, 4, Fault.SLEEP),
    "evidence of a fork is not kept": Bug(
        WorkspaceStore, "add_fork", _nothing(), 2, Fault.EQUIVOCATE
    ),
    "proofs of a fork stay where they were found": Bug(
        ForkExchange, "tell", _nothing(), 2, Fault.EQUIVOCATE
    ),
    "readers do not go by proofs of a fork": Bug(
        voiding, "closed_from", _nothing(voiding.NEVER), 2, Fault.EQUIVOCATE
    ),
    "the place where branches part is not looked for": Bug(
        ForkExchange, "_step", _nothing(), 2, Fault.EQUIVOCATE
    ),
    "an operation of a newer build is broken": Bug(ops, "decode", _broken_instead_of_new, 35),
    "a message of a newer build is broken": Bug(
        sync, "decode", _broken_instead_of_new, 0, Fault.MIXED_VERSIONS
    ),
    "roster ops of a newer build are refused": Bug(
        RosterExchange, "on_ops", _known_kinds_only, 1, Fault.MIXED_VERSIONS
    ),
    "damage in the database is an error of SQLite": Bug(
        Database, "read", _untranslated, 1, Fault.BIT_ROT
    ),
    "damage in a block is not looked for": Bug(
        store_files, "matches", lambda honest: lambda cid, data: True, 2, Fault.BIT_ROT
    ),
    "new links are not asked for pictures": Bug(Wanting, "peer_up", _silently, 39),
    "what is too old is kept": Bug(
        WorkspaceStore, "forget_before", _nothing((0, False)), 0, Fault.RETENTION
    ),
    "messages are forgotten two days early": Bug(
        WorkspaceStore, "forget_before", _days_early, 0, Fault.RETENTION
    ),
    "entries are refused that were forgotten": Bug(
        Retention, "forgets", _nothing(False), 0, Fault.RETENTION
    ),
    "what was taken back and is forgotten returns": Bug(reader, "_left", _erased_stay, 196),
}


@contextmanager
def planted(name: str) -> Iterator[None]:
    """While this lasts, the production code has the bug."""
    bug = BUGS[name]
    with patch.object(bug.owner, bug.name, bug.make(getattr(bug.owner, bug.name))):
        yield
