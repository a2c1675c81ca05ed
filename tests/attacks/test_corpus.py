"""The list of attacks in docs/security.md and the tests are the same, in both directions."""

import ast
import re
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "security.md"
NUMBERS = range(1, 51)
NOT_YET: frozenset[int] = frozenset()
"""Attacks on what is not built yet. Take a number out with its first test; none comes in."""


def numbered() -> dict[int, set[str]]:
    """Every numbered test of this folder, also those that are methods or misplaced."""
    found: dict[int, set[str]] = defaultdict(set)
    for path in HERE.glob("**/*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                number = re.match(r"test_(\d+)_", node.name)
                if number:
                    assert path.name.startswith("test_"), "pytest does not look there"
                    found[int(number[1])].add(node.name)
    return dict(found)


def rows() -> dict[int, str]:
    """The last cell of each row of the list."""
    section = PAGE.read_text("utf-8").partition("## The attacks")[2]
    found = re.findall(r"^\| (\d+) \|.*\| (.*) \|$", section, re.MULTILINE)
    numbers = [int(number) for number, _ in found]
    assert numbers == list(NUMBERS), "each number once, in order"
    return {int(number): cell for number, cell in found}


def test_the_list_names_the_tests_that_there_are_and_no_others() -> None:
    named = {number: set(re.findall(r"`(test_\w+)`", cell)) for number, cell in rows().items()}
    assert {number: some for number, some in named.items() if some} == numbered()


def test_what_is_not_built_yet_is_said_and_known() -> None:
    said = {number for number, cell in rows().items() if cell.startswith("*not yet*: ")}
    assert said == NOT_YET
    assert said == set(NUMBERS) - numbered().keys()


def test_every_test_of_the_corpus_has_a_number() -> None:
    for path in HERE.glob("test_*.py"):
        if path != Path(__file__):
            names = re.findall(r"^(?:async )?def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
            assert names
            assert not [name for name in names if not re.match(r"test_\d\d_", name)], path.name
