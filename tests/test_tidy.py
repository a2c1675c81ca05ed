"""Small promises about the source that no other tool keeps.

Budgets only tighten: a room that is over budget stands in a list with its size, may not grow, and
leaves the list when it has shrunk.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("chat", "crdt", "transport", "tui")
MODULE_LINES = 400
COMPOSER_LINES = {"tui/app.py": 250}
FUNCTION_LINES = 70

LARGE_MODULES = {
    "crdt/sync.py": 420,
}
"""Modules over budget, with the lines they may have and no more."""

LARGE_FUNCTIONS: dict[str, int] = {}
"""Functions over budget, as `path::name`."""

VAGUE = {"util", "utils", "helpers", "common", "misc", "tools"}
MARKERS = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X\\b")))
LEAKS = re.compile(
    "|".join(
        (
            "--(extra-)?index" + "-url",
            "--find" + "-links",
            "registry = " + '"http',
            "file:///" + "opt",
            "/" + r"root/\w",
            r"pypi\.org/" + "simple",
        )
    )
)
SPEAKERS = ("chat/cli/", "chat/demo", "tui/plain", "chat/pictures/worker.py")
"""Where writing to stdout is the job."""


def modules() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def sources() -> Iterator[Path]:
    """Every text file of the project."""
    kinds = {".py", ".md", ".toml", ".txt", ".json", ".tcss", ".svg", ""}
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        hidden = any(part.startswith(".") and part != ".ci" for part in parts)
        hidden = hidden or parts[0] in {"build", "dist"}
        if path.is_file() and not hidden and path.suffix in kinds and "__pycache__" not in parts:
            yield path


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            yield f"{name(path)}::{node.name}", node.end_lineno - node.lineno + 1


def within(found: dict[str, int], budget: dict[str, int], allowed: dict[str, int]) -> list[str]:
    """Sentences about what is over budget, or listed without need."""
    wrong = []
    for what, lines in found.items():
        normal = budget.get(what, budget[""])
        limit = allowed.get(what, normal)
        if lines > limit:
            wrong.append(f"{what} has {lines} lines, {limit} are allowed")
        elif what in allowed and lines <= normal:
            wrong.append(f"{what} has shrunk to {lines} lines: drop it from the list")
    wrong += [f"{what} is listed and does not exist" for what in allowed if what not in found]
    return wrong


def test_modules_are_rooms_not_halls() -> None:
    lines = {name(path): len(path.read_text("utf-8").splitlines()) for path in modules()}
    assert not within(lines, {"": MODULE_LINES, **COMPOSER_LINES}, LARGE_MODULES)


def test_functions_fit_on_a_screen() -> None:
    lines: dict[str, int] = {}
    for path in modules():
        for function, count in functions(path):
            lines[function] = max(count, lines.get(function, 0))
    assert not within(lines, {"": FUNCTION_LINES}, LARGE_FUNCTIONS)


def test_modules_are_named_after_what_they_hold() -> None:
    assert not [name(path) for path in modules() if path.stem in VAGUE]


def test_every_module_says_what_it_is_about() -> None:
    silent = [name(p) for p in modules() if not ast.get_docstring(ast.parse(p.read_text("utf-8")))]
    assert not silent


def test_nothing_is_left_for_later() -> None:
    assert not [
        f"{name(path)}:{number}"
        for path in sources()
        if path.suffix in (".py", ".md") and path.name != "CONTRIBUTING.md"
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if MARKERS.search(line)
    ]


def test_no_error_is_swallowed_whole() -> None:
    wide = []
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ExceptHandler) and (
                node.type is None
                or (isinstance(node.type, ast.Name) and node.type.id in ("Exception",))
            ):
                wide.append(f"{name(path)}:{node.lineno}")
    assert not wide


def test_only_the_command_line_prints() -> None:
    prints = []
    for path in modules():
        if name(path).startswith(SPEAKERS):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "print"
            ):
                prints.append(f"{name(path)}:{node.lineno}")
    assert not prints


def test_no_address_of_a_registry_and_no_path_of_a_machine() -> None:
    assert not [
        f"{name(path)}:{number}: {line.strip()[:80]}"
        for path in sources()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if LEAKS.search(line) or str(ROOT) in line
    ]


@pytest.mark.parametrize("wanted", ["base", "dev"])
def test_every_requirement_is_pinned_with_its_hashes(wanted: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    named = list(project["project"]["dependencies"])
    if wanted == "dev":
        named += project["dependency-groups"]["dev"]
    text = (ROOT / "requirements" / f"{wanted}.txt").read_text("utf-8")
    pins = dict(re.findall(r"^([\w.-]+)==(\S+) \\\n(?=    --hash=sha256:)", text, re.MULTILINE))
    assert len(pins) == len(re.findall(r"^[\w.-]+", text, re.MULTILINE))
    missing = [line for line in named if re.split(r"[<>=\[]", line)[0] not in pins]
    assert not missing
