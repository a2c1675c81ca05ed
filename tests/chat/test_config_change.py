"""Changing one setting leaves everything else of config.toml as the user wrote it."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.config import Settings, load
from chat.config_change import change, changed
from chat.errors import StoreError, UsageError

WRITTEN = """# mine
[network]
mdns = true   # at home

[ui]   # the looks
theme = "clowder"        # calm
# bell = false, when the baby sleeps
mouse = false
[keys]
quick_switch = "ctrl+g"
"""


def test_only_the_value_changes() -> None:
    assert changed(WRITTEN, "ui", "theme", "ansi-dark") == WRITTEN.replace(
        'theme = "clowder"', 'theme = "ansi-dark"'
    )
    assert changed(WRITTEN, "ui", "bell", False) == WRITTEN.replace(
        "mouse = false\n", "mouse = false\nbell = false\n"
    )
    assert changed(WRITTEN, "pictures", "fetch_up_to_mb", 4).startswith(WRITTEN)
    assert changed("", "ui", "ascii", True) == "[ui]\nascii = true\n"
    assert changed("[ui]", "ui", "ascii", True) == "[ui]\nascii = true\n"


@pytest.mark.parametrize(
    ("text", "table", "name", "value"),
    [
        (WRITTEN, "ui", "colour", "red"),  # no such setting
        (WRITTEN, "ui", "bell", "loud"),  # no such value
        ("[ui]\ncolour = 1\n", "ui", "bell", True),  # not right already
        ('ui = {theme = "clowder"}\n', "ui", "theme", "x"),  # a way of writing we cannot change
        ('ui.theme = "clowder"\n', "ui", "bell", True),
        ('[ui]\ntheme = """\nclowder"""\n', "ui", "theme", "x"),
        ('[hooks]\nmessage = """\n[ui]\n"""\n[ui]\nbell = true\n', "ui", "bell", False),
    ],
)
def test_what_cannot_be_done_is_refused(text: str, table: str, name: str, value: str) -> None:
    with pytest.raises(UsageError):
        changed(text, table, name, value)


LINES = st.sampled_from(
    ["# a comment", "", "[ui]", "[keys]", "[network]", "theme = 'x' # why", "bell=true",
     'help = "f12"', "mdns = false", 'theme = """', '"""', "  title = false", '"theme" = "y"']
)  # fmt: skip
CHANGES = st.one_of(
    st.tuples(st.just("ui"), st.just("theme"), st.text(max_size=8)),
    st.tuples(st.just("ui"), st.sampled_from(["bell", "title", "ascii"]), st.booleans()),
    st.tuples(st.just("keys"), st.text(min_size=1, max_size=5), st.text(max_size=5)),
    st.tuples(st.just("pictures"), st.just("keep_up_to_mb"), st.integers(0, 99)),
)


@given(st.lists(LINES, max_size=9), CHANGES, st.sampled_from(["\n", "\r\n"]))
def test_any_file_says_the_same_but_for_the_setting(
    lines: list[str], wanted: tuple[str, str, str | bool | int], end: str
) -> None:
    text = end.join(lines)
    table, name, value = wanted
    try:
        made = changed(text, table, name, value)
    except UsageError:
        return
    before = tomllib.loads(text)
    before.setdefault(table, {})[name] = value
    assert tomllib.loads(made) == before
    assert made.count("# a comment") == text.count("# a comment")


def test_the_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    kept = tmp_path / "dotfiles" / "clowder.toml"
    kept.parent.mkdir()
    kept.write_text(WRITTEN)
    kept.chmod(0o640)
    path = tmp_path / "config.toml"
    path.symlink_to(kept)
    change(path, "ui", "bell", False)
    assert path.is_symlink()
    assert kept.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in kept.parent.iterdir()] == ["clowder.toml"]
    assert load(path, {}, {}).ui.bell is False
    change(tmp_path / "new.toml", "ui", "theme", "ansi-dark")
    assert load(tmp_path / "new.toml", {}, {}) == Settings(
        ui=type(Settings().ui)(theme="ansi-dark")
    )
    with pytest.raises(StoreError):
        change(tmp_path / "nowhere" / "config.toml", "ui", "bell", True)
