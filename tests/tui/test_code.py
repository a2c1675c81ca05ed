"""Code in messages: colours change no character, and take a time that grows with the line."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.text import code, markup
from tui.text.runs import Look, Run

LINES = st.text(
    st.sampled_from("ab if for 0x1f 1_2.5e-3 \"'\\/*#-+@; return 漢🐈"), max_size=80
) | st.text(max_size=60)


@given(LINES, st.sampled_from([*code.languages(), "", "Klingon", "PY"]))
def test_the_runs_of_a_line_are_the_line(line: str, language: str) -> None:
    runs = code.line_runs(line, language)
    assert "".join(run.text for run in runs) == line
    assert all(run.text for run in runs) or line == ""


@pytest.mark.parametrize(
    ("language", "line", "looks"),
    [
        ("py", "def f(x): # go", {"def": Look.CODE_WORD, "# go": Look.CODE_COMMENT}),
        ("py", "x = 'a # b' + 0x1F", {"'a # b'": Look.CODE_STRING, "0x1F": Look.CODE_NUMBER}),
        ("go", "func f() { // x", {"func": Look.CODE_WORD, "// x": Look.CODE_COMMENT}),
        ("sql", "SELECT 1 -- one", {"SELECT": Look.CODE_WORD, "-- one": Look.CODE_COMMENT}),
        ("sh", "echo a#b # c", {"echo": Look.CODE_WORD, "# c": Look.CODE_COMMENT}),
        ("json", '{"a": true}', {'"a"': Look.CODE_STRING, "true": Look.CODE_WORD}),
        ("diff", "+ new", {"+ new": Look.CODE_ADDED}),
        ("diff", "- old", {"- old": Look.CODE_REMOVED}),
        ("", "def f", {"def f": Look.CODE_BLOCK}),
    ],
)
def test_pieces_have_their_looks(language: str, line: str, looks: dict[str, Look]) -> None:
    found = {run.text: run.look for run in code.line_runs(line, language)}
    assert looks.items() <= found.items()


def test_the_language_stands_behind_the_fence() -> None:
    (line,) = markup.parse("```python\nreturn 1\n```")
    assert line.runs[0] == Run("return", Look.CODE_WORD)
    (line,) = markup.parse("```\nreturn 1\n```")
    assert line.runs == (Run("return 1", Look.CODE_BLOCK),)


@pytest.mark.parametrize("piece", ['"', "'\\", "/*", "1_", "0x", "a", "# ", "-", "\\"])
def test_no_line_takes_long(piece: str) -> None:
    for language in code.languages():
        line = (piece * code.LINE_CHARS_MAX)[: code.LINE_CHARS_MAX]
        start = time.perf_counter()
        code.line_runs(line, language)
        assert time.perf_counter() - start < 0.1
