"""What a machine keeps in memory, counted by where it is kept: to see what only ever grows.

    engine.replicator._core.links[].known   1,204

The walk begins at a machine's parts and goes through attributes and containers. Elements of one
container are counted together under its path; values (numbers, bytes, records) are leaves, and a
tuple is looked into, not counted.
"""

from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping
from types import FunctionType, MethodType, ModuleType

import msgspec

from chat.store.database import Database
from tests.sim.machine import Machine

_LEAVES = (
    str,
    bytes,
    bytearray,
    int,
    float,
    type,
    msgspec.Struct,
    ModuleType,
    FunctionType,
    MethodType,
    Database,
)
_CONTAINERS = (dict, list, set, frozenset, deque)

Census = Mapping[str, int]
"""Elements by path."""


def census(machine: Machine) -> Census:
    """How many elements the containers of a machine have, all of one path together."""
    counts: Counter[str] = Counter()
    seen: set[int] = set()
    parts = {"engine": machine.engine, "exchange": machine.shelf._exchange, "views": machine.views}
    upcoming = deque((name, part) for name, part in parts.items())
    while upcoming:
        path, thing = upcoming.popleft()
        if thing is None or isinstance(thing, _LEAVES) or id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, (*_CONTAINERS, tuple)):
            counts[path] += 0 if isinstance(thing, tuple) else len(thing)
            upcoming.extend((f"{path}[]", element) for element in _elements(thing))
        else:
            upcoming.extend((f"{path}.{name}", value) for name, value in _attributes(thing))
    return counts


def _elements(container: Collection[object]) -> Iterator[object]:
    yield from container
    if isinstance(container, dict):
        yield from container.values()


def _attributes(thing: object) -> Iterator[tuple[str, object]]:
    yield from getattr(thing, "__dict__", {}).items()
    for kind in type(thing).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if hasattr(thing, name):
                yield name, getattr(thing, name)
