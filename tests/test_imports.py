"""The layout's promises, kept at run time too.

The contracts in pyproject.toml are about what the source says (and are checked here as well).
These are about what a process really loads: somebody who sends one line must not wait for the
terminal workspace to be imported, and a relay has no use for a picture decoder or notes.
"""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = ("textual", "rich", "pycrdt", "PIL")


def loaded_by(statement: str) -> set[str]:
    """The modules in memory after a statement, in a fresh process."""
    ended = subprocess.run(
        [sys.executable, "-c", f"{statement}\nimport sys; print(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(ended.stdout.split())


def test_imports_point_down() -> None:
    ended = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout


def test_the_command_line_does_not_load_the_face() -> None:
    assert not loaded_by("import chat.cli") & {*HEAVY, "websockets", "zeroconf", "segno"}


@pytest.mark.parametrize("package", ["crdt", "transport.proto"])
def test_pure_packages_hold_no_door_to_the_world(package: str) -> None:
    every = (
        f"import importlib, pkgutil, {package} as pure\n"
        "for found in pkgutil.walk_packages(pure.__path__, pure.__name__ + '.'):\n"
        "    importlib.import_module(found.name)"
    )
    loaded = loaded_by(every)
    other = {"crdt": "transport", "transport.proto": "crdt"}[package]
    assert not loaded & {"transport.net", "chat", "tui", other, "websockets", "zeroconf", "apsw"}
    # Libraries may load what they like; our own modules hold no door in their namespaces.
    held = (
        f"{every}\nimport sys\n"
        "doors = {'asyncio', 'socket', 'time', 'random', 'secrets', 'os', 'pathlib', 'sqlite3'}\n"
        "for name, module in list(sys.modules.items()):\n"
        f"    if name.startswith('{package}'):\n"
        "        for value in vars(module).values():\n"
        "            assert getattr(value, '__name__', '') not in doors, (name, value)"
    )
    loaded_by(held)
