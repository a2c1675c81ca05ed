"""docs/control.md and the man page tell of every command, event, value and option there is."""

import re
import subprocess
import sys
import typing
from pathlib import Path

import msgspec
import pytest

from chat import commands, control_lines, errors, events, model
from chat.control import REQUESTS_MAX
from chat.hub import MESSAGES_WAITING_MAX
from chat.profile_socket import SOCKET_NAME, SOCKET_PATH_MAX_BYTES

ROOT = Path(__file__).parent.parent.parent


def page() -> str:
    return (ROOT / "docs/control.md").read_text("utf-8")


def section(title: str) -> str:
    return page().partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def rows(text: str) -> dict[str, str]:
    """Rows of the tables by what stands in the first cell."""
    return {name: row for row, name in re.findall(r"^(\| `(\w+)` \|.*)$", text, re.M)}


def test_what_is_written_from_the_code_is_current() -> None:
    ended = subprocess.run(
        [sys.executable, "docs/reference.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, f"{ended.stderr}run `python docs/reference.py`"


def test_every_command_is_there_with_its_fields_and_nothing_else() -> None:
    found = rows(section("Commands"))
    known = {str(kind.__struct_config__.tag): kind for kind in commands.REPLIES}
    assert set(found) == set(known)
    for tag, kind in known.items():
        named = {field.encode_name for field in msgspec.structs.fields(kind)}
        fields = found[tag].split(" | ")[1]
        assert {*re.findall(r"(?:^|, )`(\w+)` ", fields)} == named, tag


def test_every_event_is_there_with_its_fields_and_nothing_else() -> None:
    found = rows(section("Events"))
    known = {str(kind.__struct_config__.tag): kind for kind in typing.get_args(events.AnyEvent)}
    assert set(found) == set(known)
    for tag, kind in known.items():
        for field in msgspec.structs.fields(kind):
            assert f"`{field.encode_name}`" in found[tag]


def test_every_code_of_an_error_is_there() -> None:
    assert set(rows(section("Error codes"))) == set(errors.BY_CODE)


@pytest.mark.parametrize("value", [model.Message, model.Channel, model.FileView, model.Status])
def test_every_field_of_a_value_is_there(value: type[msgspec.Struct]) -> None:
    table = page().partition(f"\n### {value.__name__}\n")[2].partition("\n### ")[0]
    assert set(rows(table)) == {field.encode_name for field in msgspec.structs.fields(value)}


def test_links_to_values_lead_somewhere() -> None:
    wanted = {name for name in re.findall(r"\]\(#(\w+)\)", page()) if name != "commands"}
    headings = {title.lower() for title in re.findall(r"^#+ (\w+)$", page(), re.M)}
    assert wanted - {"events"} <= headings


def test_the_limits_that_the_page_names_are_those_of_the_code() -> None:
    lines = section("Lines")
    assert f"{REQUESTS_MAX} at most" in lines
    assert f"{control_lines.LINE_MAX_BYTES >> 20} MiB" in lines
    assert f"{control_lines.REPLY_MAX_BYTES >> 20} MiB" in lines
    assert f"at most {control_lines.PAGE_MESSAGES} messages" in lines
    assert f"from {MESSAGES_WAITING_MAX} changed messages" in lines
    assert f"`v` is {control_lines.VERSION}" in section("Versions")
    assert f"`{SOCKET_NAME}`" in page()
    assert f"more than {SOCKET_PATH_MAX_BYTES} bytes" in page()


def test_the_lines_that_the_page_shows_are_lines() -> None:
    shown = re.findall(r"^(<-|->) (.*)$", section("Lines"), re.M)
    assert len(shown) > 8
    for way, line in shown:
        whole = line.replace(", …}", "}").replace("{…}", "null")
        if way == "->":
            assert control_lines.decode_request(whole.encode()).id
        else:
            assert control_lines.decode_answer(whole.encode()) != control_lines.Answer()
