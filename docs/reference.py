"""Write what the reference pages say about the code: `python docs/reference.py`.

The tables of docs/control.md, between its two marks, come from the types of commands, events and
values; docs/clowder.1 comes from the commands of the command line. Tests tell when either is not
current. With `--check` nothing is written, and what is out of date is the exit code.
"""

import inspect
import re
import sys
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from chat import commands, errors, events, model  # noqa: E402
from chat.cli.main import clowder  # noqa: E402
from docs.manual import manual  # noqa: E402

CONTROL = ROOT / "docs/control.md"
MANUAL = ROOT / "docs/clowder.1"
BEGIN = "<!-- written by docs/reference.py: begin -->\n"
END = "<!-- written by docs/reference.py: end -->\n"
_PLAIN = {str: "text", int: "integer", float: "number", bool: "true or false", bytes: "base64"}


def kind(given: Any) -> str:
    """A type in words; one of our own as a link to its table."""
    if given in _PLAIN:
        return _PLAIN[given]
    if given is None or given is types.NoneType:
        return "null"
    origin, parts = typing.get_origin(given), typing.get_args(given)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in parts)
    if origin in (types.UnionType, typing.Union):
        return " or ".join(kind(part) for part in parts)
    if origin is dict:
        return f"object, by text: {kind(parts[1])}"
    if origin is list or (origin is tuple and parts[-1] is Ellipsis):
        return f"list of {kind(parts[0])}"
    if origin is tuple:
        return f"[{', '.join(kind(part) for part in parts)}]"
    assert issubclass(given, msgspec.Struct), f"no word for {given}"
    return f"[{given.__name__}](#{given.__name__.lower()})"


def default(field: msgspec.structs.FieldInfo) -> str:
    """What a field is when it is left out, as JSON; empty when it may not be."""
    if field.required:
        return ""
    made = field.default
    if made is msgspec.NODEFAULT:
        assert field.default_factory is not msgspec.NODEFAULT
        made = field.default_factory()
    return f" = `{msgspec.json.encode(made).decode()}`"


def fields(of: type[msgspec.Struct]) -> str:
    """All fields in one cell."""
    return ", ".join(
        f"`{field.encode_name}` {kind(field.type)}{default(field)}"
        for field in msgspec.structs.fields(of)
    )


def said(of: type) -> tuple[str, dict[str, str]]:
    """What a docstring says: its sentences, and what it says of each attribute."""
    text, _, attributes = (inspect.getdoc(of) or "").partition("\nAttributes:\n")
    about: dict[str, str] = {}
    for entry in re.findall(r"^ {4}(\S[^:]*): (.*(?:\n {8}.*)*)", attributes, re.M):
        for name in entry[0].split(", "):
            about[name] = flat(entry[1])
    return flat(text), about


def deed(command: type) -> str:
    """What a command does: its docstring without the reply's type, which has its own column."""
    text = re.sub(r" ?Reply: (null|list\[str\]|(list\[)?model\.\w+\]?)\.", "", said(command)[0])
    text = re.sub(r"Reply: (list\[str\]|(list\[)?model\.\w+\]?), ", "Reply: ", text)
    if text and not text.startswith("Reply:"):
        return text
    # Where the name says it all, the docstring has no other word.
    words = " ".join(re.findall("[A-Z][a-z]+", command.__name__)).capitalize()
    return f"{words}. {text}".strip()


def flat(text: str) -> str:
    """Text that fits into a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def reached() -> list[type[msgspec.Struct]]:
    """The values that replies and events consist of, each before those it consists of."""
    found: dict[type[msgspec.Struct], None] = {}

    def look(given: Any) -> None:
        for part in typing.get_args(given):
            look(part)
        if isinstance(given, type) and issubclass(given, msgspec.Struct) and given not in found:
            if given.__module__.startswith(model.__name__):
                found[given] = None
            for field in msgspec.structs.fields(given):
                look(field.type)

    for reply in commands.REPLIES.values():
        look(reply)
    for event in typing.get_args(events.AnyEvent):
        look(event)
    return list(found)


def tables() -> Iterator[str]:
    """The written part of docs/control.md."""
    yield "## Commands\n"
    yield "| do | fields | reply | meaning |\n|---|---|---|---|"
    for command, reply in commands.REPLIES.items():
        row = (f"`{command.__struct_config__.tag}`", fields(command), kind(reply), deed(command))
        yield f"| {' | '.join(row)} |"
    yield "\n## Events\n"
    yield "| event | fields | meaning |\n|---|---|---|"
    for event in typing.get_args(events.AnyEvent):
        row = (f"`{event.__struct_config__.tag}`", fields(event), said(event)[0])
        yield f"| {' | '.join(row)} |"
    yield "\n## Error codes\n"
    yield "| code | meaning |\n|---|---|"
    for code, error in errors.BY_CODE.items():
        yield f"| `{code}` | {said(error)[0]} |"
    yield "\n## Values\n"
    yield "Fields with a default may be left out, and then have it.\n"
    for value in reached():
        text, about = said(value)
        yield f"### {value.__name__}\n\n{text}\n\n| field | type | |\n|---|---|---|"
        for field in msgspec.structs.fields(value):
            told = about.get(field.encode_name, "")
            yield f"| `{field.encode_name}` | {kind(field.type)}{default(field)} | {told} |"
        yield ""


def pages() -> dict[Path, str]:
    """What each page should be."""
    before, _, rest = CONTROL.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    written = "\n".join(tables()).rstrip()
    return {
        CONTROL: f"{before}{BEGIN}\n{written}\n\n{END}{after}",
        MANUAL: manual(clowder),
    }


def main() -> int:
    """Write the pages, or only look at them; gives how many are not current."""
    stale = 0
    for path, text in pages().items():
        if not path.exists() or path.read_text("utf-8") != text:
            stale += 1
            if "--check" not in sys.argv:
                path.write_text(text, "utf-8")
            sys.stderr.write(f"{path.relative_to(ROOT)} is not current\n")
    return stale if "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
