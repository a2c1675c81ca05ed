"""What a user or a peer can meet is named in the documentation.

Everything here is found in the code, so that a new command, variable, message or error without a
word about it fails.
"""

import importlib
import pkgutil
import re
import shlex
import typing
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import msgspec
import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("chat", "crdt", "transport", "tui")
MANUAL = ("README.md", "docs/commands.md")


def text(*names: str) -> str:
    return "\n".join((ROOT / name).read_text("utf-8") for name in names)


def everything() -> str:
    return text("README.md", *(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md")))


def protocol() -> str:
    return text(*(str(p.relative_to(ROOT)) for p in (ROOT / "docs/protocol").glob("*.md")))


def modules() -> Iterator[ModuleType]:
    for package in PACKAGES:
        found = importlib.import_module(package)
        yield found
        for module in pkgutil.walk_packages(found.__path__, f"{package}."):
            if not module.name.endswith("__main__"):
                yield importlib.import_module(module.name)


def every_command(group: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(group, click.Group):
        for name, command in group.commands.items():
            if not command.hidden:
                yield from every_command(command, f"{path} {name}")
    else:
        yield path, group


GLOBAL = {
    "--home",
    "--workspace",
    "--json",
    "--listen",
    "--interface",
    "--dial",
    "--no-mdns",
    "--passphrase-fd",
}
"""Options of every command; they have a table of their own."""


def entries_of_commands(manual: str) -> dict[str, str]:
    """What the manual says of each command, by its words: `clowder channel new`."""
    found: dict[str, str] = {}
    for entry in re.split(r"\n(?=`clowder)|\n(?=#)", manual):
        head, _, body = entry.partition("\n: ")
        if body and head.startswith("`"):
            for usage in re.findall(r"`([^`]+)`", head):
                words = [word for word in usage.split() if re.fullmatch("[a-z]+", word)]
                found[" ".join(words)] = entry
    return found


def options_of(command: click.Command) -> Iterator[str]:
    for option in command.params:
        if isinstance(option, click.Option) and not GLOBAL & set(option.opts):
            yield from option.opts


def test_every_command_and_every_option_has_its_place() -> None:
    from chat.cli.main import clowder

    manual = text("docs/commands.md")
    described = entries_of_commands(manual)
    known = dict(every_command(clowder, "clowder"))
    assert set(described) == set(known)
    missing = [
        f"{path} {option}"
        for path, command in known.items()
        for option in options_of(command)
        if f"`{option}" not in described[path]
    ]
    assert not missing
    assert not [option for option in GLOBAL if f"| `{option}" not in manual]


def test_the_manual_names_no_option_that_is_not_there() -> None:
    from chat.cli.main import clowder

    described = entries_of_commands(text("docs/commands.md"))
    for path, command in every_command(clowder, "clowder"):
        named = set(re.findall(r"`(--?[a-z][a-z-]*)", described[path]))
        assert not named - set(options_of(command)) - GLOBAL, path


def shell_lines(page: str) -> Iterator[str]:
    """Commands in the fenced blocks of a page, without what stands behind `#`."""
    for block in re.findall(r"^```\n(.*?)^```", page, re.M | re.S):
        for line in block.splitlines():
            yield from re.findall(r"(?:^|\| )(clowder\b[^|#]*)", line)


def test_every_command_line_of_the_readme_is_understood() -> None:
    from chat.cli.main import clowder

    lines = list(shell_lines(text("README.md")))
    assert len(lines) > 10
    for line in lines:
        words = shlex.split(line)[1:]
        context = clowder.make_context("clowder", list(words), resilient_parsing=False)
        rest = [*context._protected_args, *context.args]
        if rest:
            name, command, arguments = clowder.resolve_command(context, rest)
            assert command is not None
            command.make_context(name, arguments, parent=context)


def test_exit_codes_are_those_of_the_errors() -> None:
    errors = importlib.import_module("chat.errors")
    rows = re.findall(r"^\| (\d+) \| [^|]* \| (.*) \|$", text("docs/commands.md"), re.M)
    told = {name: int(code) for code, kinds in rows for name in re.findall(r"`(\w+)`", kinds)}
    assert told == {kind.__name__: kind.exit_code for kind in errors.BY_CODE.values()}


def test_every_environment_variable_is_documented() -> None:
    manual = text(*MANUAL)
    found = {
        name
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for name in re.findall(r"\bCLOWDER_[A-Z_]+", path.read_text("utf-8"))
    }
    assert found
    assert not [name for name in sorted(found) if f"`{name}" not in manual]


def subclasses(root: type) -> Iterator[type]:
    for kind in root.__subclasses__():
        yield kind
        yield from subclasses(kind)


def wire_messages() -> Iterator[type[msgspec.Struct]]:
    """Tagged arrays are what travels between machines; tagged objects stay on one."""
    for kind in subclasses(msgspec.Struct):
        config = kind.__struct_config__
        if kind.__module__.split(".")[0] in PACKAGES and config.tag is not None:
            if config.array_like:
                yield kind


def test_every_message_between_peers_is_in_the_protocol() -> None:
    list(modules())
    found = {kind.__name__ for kind in wire_messages()}
    records = importlib.import_module("transport.proto.records")
    found |= {kind.__name__ for kind in typing.get_args(records.Record)}
    assert len(found) > 30
    described = protocol()
    assert not [
        name for name in sorted(found) if not re.search(rf"\b{name}\b", described, re.IGNORECASE)
    ]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_error_is_explained(package: str) -> None:
    list(modules())
    known = everything()
    errors = [
        kind
        for kind in subclasses(Exception)
        if kind.__module__.startswith(f"{package}.") and kind.__module__.endswith(".errors")
    ]
    assert errors
    assert not [kind.__qualname__ for kind in errors if not re.search(rf"`{kind.__name__}`", known)]


def test_every_vector_has_a_page_and_a_test() -> None:
    pages = protocol()
    tests = text(*(str(p.relative_to(ROOT)) for p in (ROOT / "tests").rglob("test_*.py")))
    vectors = {path.name for path in (ROOT / "tests/vectors").glob("*.json")}
    assert not [name for name in sorted(vectors) if f"`tests/vectors/{name}`" not in pages]
    assert not [name for name in sorted(vectors) if f'{name}"' not in tests]


def test_the_page_of_pages_has_every_page_and_every_vector() -> None:
    index = text("docs/protocol/README.md")
    pages = {path.name for path in (ROOT / "docs/protocol").glob("*.md")} - {"README.md"}
    assert not [page for page in sorted(pages) if f"]({page})" not in index]
    vectors = {path.name for path in (ROOT / "tests/vectors").glob("*.json")}
    assert not [name for name in sorted(vectors) if f"`{name}`" not in index]


def test_every_kind_of_payload_is_in_the_page_of_pages() -> None:
    effects = importlib.import_module("chat.effects")
    index = text("docs/protocol/README.md")
    kinds = {name: number for name, number in vars(effects).items() if name.startswith("KIND_")}
    assert len(kinds) == 6
    for name, number in kinds.items():
        assert f"| {number} | {name.removeprefix('KIND_').lower()} |" in index


def test_every_key_and_default_of_the_settings_is_documented() -> None:
    config = importlib.import_module("chat.config")
    manual = text("docs/commands.md")
    for table in msgspec.structs.fields(config.Settings):
        assert f"[{table.name}]" in manual
        if isinstance(table.default, msgspec.Struct):
            for setting in msgspec.structs.fields(type(table.default)):
                assert re.search(rf"\b{setting.name}\b", manual)


def test_every_module_is_on_the_map() -> None:
    """The layout table names each module, or the folder or the family that it belongs to."""
    table = text("docs/ARCHITECTURE.md").partition("## Layout")[2].partition("\n## ")[0]
    places = re.findall(r"^\| (`[^|]+) \|", table, re.M)
    named = re.findall(r"`([^`]+)`", " ".join(places))
    assert not [pattern for pattern in named if not list(ROOT.glob(pattern))]
    covered = {path for pattern in named for path in ROOT.glob(pattern)}
    missing = [
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if path.name not in {"__init__.py", "__main__.py", "errors.py", "limits.py"}
        and not covered & {path, *path.parents}
    ]
    assert not missing


def test_every_command_of_the_control_socket_is_listed() -> None:
    commands = importlib.import_module("chat.commands")
    manual = text("docs/commands.md")
    tags = [kind.__struct_config__.tag for kind in commands.REPLIES]
    assert not [tag for tag in tags if f"`{tag}`" not in manual]


def test_links_between_pages_lead_somewhere() -> None:
    broken = []
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target, place in re.findall(
            r"\]\(([^)#:\s]*)(?:#([^)\s]*))?\)", page.read_text("utf-8")
        ):
            to = page.parent / target if target else page
            if not to.exists() or (place and place not in anchors(to)):
                broken.append(f"{page.relative_to(ROOT)}: {target}#{place}")
    assert not broken


def anchors(page: Path) -> set[str]:
    """The names by which a page's headings are linked to."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.M)
    plain = (re.sub(r"[^\w\s-]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


def test_programs_that_the_pages_name_are_there() -> None:
    """Paths into the project, in any page, lead to a file."""
    missing = []
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for path in re.findall(
            r"`((?:chat|crdt|transport|tui|tests|docs|bench)/[\w/.*]*)", page.read_text("utf-8")
        ):
            if not list(ROOT.glob(path.rstrip("/."))):
                missing.append(f"{page.relative_to(ROOT)}: {path}")
    assert not missing
