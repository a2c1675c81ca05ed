"""What a user or a peer can meet is named in the documentation.

Everything here is found in the code, so that a new command, variable, message or error without a
word about it fails.
"""

import importlib
import pkgutil
import re
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


def test_every_command_and_every_option_has_its_place() -> None:
    from chat.cli.main import clowder

    manual = text("docs/commands.md")
    missing = []
    for path, command in every_command(clowder, "clowder"):
        start = manual.find(f"`{path}")
        if start < 0:
            missing.append(path)
            continue
        for option in command.params:
            # Arguments are named in the usage line; the global options have a chapter of their own.
            if isinstance(option, click.Option) and not any(o in manual for o in option.opts):
                missing.append(f"{path} {option.opts[0]}")
    assert not missing


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


def test_every_command_of_the_control_socket_is_listed() -> None:
    commands = importlib.import_module("chat.commands")
    manual = text("docs/commands.md")
    tags = [kind.__struct_config__.tag for kind in commands.REPLIES]
    assert not [tag for tag in tags if f"`{tag}`" not in manual]


def test_links_between_pages_lead_somewhere() -> None:
    broken = []
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            if not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert not broken
