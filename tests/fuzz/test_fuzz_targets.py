"""The table of decoders is whole, its seeds are good, and what was once found stays repaired."""

import ast
import json
import re
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from tests.fuzz.contract import Broken, Target, hold
from tests.fuzz.targets import TABLES, TARGETS, folder_of, named
from tests.fuzz.trees import changed

ROOT = Path(__file__).parents[2]
FOUND = json.loads((Path(__file__).parent / "found.json").read_text("utf-8"))
READERS = re.compile(r"(decode|parse|read|clean|split|open)(_|$)")
INSIDE = {
    "chat.cli.verifying.read": "asks on the terminal; its text goes to parse_code",
    "chat.notes.pipe.read_request": "comes from our own process",
    "chat.pictures.pipe.read_draw": "comes from our own process",
    "crdt.entry.open_payload": "opens what is sealed; what it gives goes to ops.decode",
    "crdt.erasure.open_key": "derives a key, reads nothing",
    "crdt.keys.open_sealed": "tests/attacks/test_decoders.py has odd sizes and all errors",
    "transport.proto.crypto.open_sealed": "every frame of a target in a session goes through it",
}
"""Functions that are named like a decoder and have no target, with the reason."""


def readers() -> set[str]:
    """Public functions that read a string or bytes, by their names."""
    found = set()
    for package in ("chat", "crdt", "transport", "tui"):
        for path in sorted((ROOT / package).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            for node in ast.parse(path.read_text("utf-8")).body:
                if isinstance(node, ast.FunctionDef) and READERS.match(node.name):
                    first = node.args.args[0].annotation if node.args.args else None
                    if isinstance(first, ast.Name) and first.id in ("bytes", "str"):
                        found.add(f"{module}.{node.name}")
    return found


def test_every_decoder_has_a_target() -> None:
    reached = {
        f"{function.__module__}.{function.__qualname__}"
        for target in TARGETS.values()
        for function in target.of
    }
    assert not sorted(readers() - reached - set(INSIDE)), "give each a row in tests/fuzz/of_*.py"
    assert not sorted(set(INSIDE) - readers()), "listed, and not there any more"
    assert not sorted(reached & set(INSIDE)), "listed, and has a target"


def test_names_of_targets_are_told_apart_without_blanks() -> None:
    assert len({folder_of(name) for name in TARGETS}) == len(TARGETS)
    assert len(TARGETS) == sum(len(table.TARGETS) for table in TABLES)
    assert all(named(folder_of(name)) == name for name in TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_are_read_and_hold(name: str) -> None:
    target = TARGETS[name]
    accepted = [hold(target, seed) for seed in target.seeds]
    assert any(accepted)


@pytest.mark.parametrize("found", FOUND, ids=lambda found: str(found["about"]))
def test_what_was_found_stays_repaired(found: dict[str, Any]) -> None:
    """`accepted` says whether the input gives a value today, or the error."""
    accepted = hold(TARGETS[found["target"]], bytes.fromhex(found["bytes"]))
    assert accepted == found["accepted"]


def test_a_broken_promise_is_noticed() -> None:
    def read(data: bytes) -> int:
        return int({b"one": 1, b"uno": 1}[data])

    good = Target((), read, KeyError, (b"one",), again=lambda value: b"one")
    assert hold(good, b"one")
    assert hold(good, b"uno")
    assert not hold(good, b"two")
    with pytest.raises(KeyError):
        hold(good._replace(error=ValueError), b"two")
    with pytest.raises(Broken, match="is written as"):
        hold(good._replace(canonical=True), b"uno")
    with pytest.raises(Broken, match="is refused"):
        hold(good._replace(again=lambda value: b"two"), b"one")
    with pytest.raises(Broken, match="means something else"):
        hold(good._replace(read=len, again=lambda value: b""), b"one")


@pytest.mark.parametrize("name", [name for name in TARGETS if TARGETS[name].shape != "bytes"])
def test_changed_values_are_values_and_reach_the_decoder(name: str) -> None:
    target, draw = TARGETS[name], Random(1)
    codec: Any = msgspec.msgpack if target.shape == "msgpack" else msgspec.json
    seen: set[bytes] = set()
    for _ in range(200):
        data = changed(draw.choice(target.seeds), target.shape, draw)
        if data is not None:
            codec.decode(data)
            hold(target, data)
            seen.add(data)
    assert len(seen) > 50


def test_what_is_no_value_is_not_changed_as_one() -> None:
    assert changed(b"\xc1", "msgpack", Random(1)) is None
    assert changed(b"{", "json", Random(1)) is None


def test_what_fuzzing_needs_is_pinned_with_hashes() -> None:
    text = (ROOT / "requirements" / "fuzz.txt").read_text("utf-8")
    pins = re.findall(r"^([\w.-]+)==\S+ \\\n(?=    --hash=sha256:)", text, re.MULTILINE)
    assert pins == re.findall(r"^([\w.-]+)", text, re.MULTILINE)
    assert "atheris" in pins
