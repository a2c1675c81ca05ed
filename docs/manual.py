"""The man page of the command line, from its own commands; `python docs/reference.py` writes it."""

import re
from collections.abc import Iterator
from inspect import cleandoc

import click

from chat import errors
from chat.cli.context import global_options
from chat.cli.version import VERSION

_GLOBAL = frozenset(name for option in global_options() for name in option.opts)
_SAYS = """
Clowder is team chat with no server. A workspace is replicated between the machines of its members,
which find each other on the LAN or by address; everything works offline and merges later.

Without a command it opens the workspace in the terminal, and the first time asks whether to found
one or to join one. Commands work whether or not the workspace is open elsewhere: when a process
holds the profile, they go through it. Data goes to standard output, messages for people to standard
error.
"""
_VARIABLES = {
    "CLOWDER_HOME": "Folder of the profile, as \\-\\-home.",
    "CLOWDER_WORKSPACE": "Which workspace of the profile, as \\-\\-workspace.",
    "CLOWDER_LISTEN, CLOWDER_INTERFACE": "As the options of these names.",
    "CLOWDER_DIAL": "As \\-\\-dial; several are separated by spaces.",
    "CLOWDER_NO_MDNS": "1 is \\-\\-no\\-mdns.",
    "CLOWDER_PASSPHRASE_FILE": "A file whose first line is the passphrase of the profile.",
    "VISUAL, EDITOR": "The editor of clowder notes \\-\\-edit.",
}
_FILES = {
    "config.toml": "Settings, in the profile's folder.",
    "control.sock": "Where other processes of the same user reach the node that runs.",
}


def manual(group: click.Group) -> str:
    """The page, as roff."""
    return "\n".join(_page(group)) + "\n"


def _page(group: click.Group) -> Iterator[str]:
    yield '.\\" Written by docs/reference.py from the commands themselves.'
    yield f'.TH CLOWDER 1 "" "clowder {VERSION}" "User Commands"'
    yield ".SH NAME\nclowder \\- team chat with no server"
    yield ".SH SYNOPSIS\n.B clowder\n.RI [ options ]\n.RI [ command\n.RI [ arguments ]]"
    yield ".SH DESCRIPTION"
    yield from _text(_SAYS)
    yield ".SH OPTIONS"
    yield from _options(group, with_global=False)
    yield ".SH OPTIONS OF EVERY COMMAND"
    yield "They may stand before or after the command; the later one wins."
    yield from _options(click.Command("", params=[*global_options()]), with_global=True)
    yield ".SH COMMANDS"
    for path, command in commands_of(group, "clowder"):
        yield from _command(path, command)
    yield ".SH EXIT STATUS"
    for code, meaning in sorted(_codes().items()):
        yield f".TP\n.B {code}\n{_plain(meaning)}"
    yield ".SH ENVIRONMENT"
    for name, meaning in _VARIABLES.items():
        yield f".TP\n.B {_plain(name)}\n{meaning}"
    yield ".SH FILES"
    for name, meaning in _FILES.items():
        yield f".TP\n.I {_plain(name)}\n{_plain(meaning)}"


def commands_of(group: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Every command that is not hidden, with the words it is called by."""
    if not isinstance(group, click.Group):
        yield path, group
        return
    for name, command in group.commands.items():
        if not command.hidden:
            yield from commands_of(command, f"{path} {name}")


def _command(path: str, command: click.Command) -> Iterator[str]:
    ctx = click.Context(command, info_name=path)
    shown = [
        option.opts[-1]
        for option in command.params
        if isinstance(option, click.Option) and option.required
    ]
    pieces = command.collect_usage_pieces(ctx)
    needed = " ".join(f"{name} {name.strip('-').upper()}" for name in shown)
    yield f".SS {_plain(path)}"
    yield f".B {_plain(path)}\n{_plain(' '.join(filter(None, (needed, *pieces))))}\n.PP"
    yield from _text(command.help or "")
    yield from _options(command, with_global=False)


def _options(command: click.Command, *, with_global: bool) -> Iterator[str]:
    ctx = click.Context(command)
    for param in command.params:
        if isinstance(param, click.Option) and (with_global or not _GLOBAL & set(param.opts)):
            record = param.get_help_record(ctx)
            if record is not None:
                names, meaning = record
                yield f".TP\n.B {_plain(names)}\n{_plain(meaning) or _plain(names)}"


def _codes() -> dict[int, str]:
    """Meanings by exit code; of errors with one code the root has the word."""
    found = {0: "It worked.", 130: "Interrupted by Ctrl+C."}
    for kind in errors.BY_CODE.values():
        found.setdefault(kind.exit_code, (kind.__doc__ or "").partition("\n")[0])
    found[errors.ChatError.exit_code] = "It did not work; the text on standard error says why."
    return found


def _text(given: str) -> Iterator[str]:
    """Paragraphs; what no line break may touch (`\\b` before it) stays as it is."""
    for number, paragraph in enumerate(re.split(r"\n\s*\n", cleandoc(given))):
        if number:
            yield ".PP"
        if paragraph.startswith("\b"):
            yield f".nf\n{_plain(paragraph[1:].strip(), wrap=False)}\n.fi"
        else:
            yield _plain(paragraph)


def _plain(text: str, *, wrap: bool = True) -> str:
    """Text that roff takes for text."""
    if wrap:
        text = " ".join(text.split())
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga")
    return re.sub(r"^(?=[.'])", r"\\&", text, flags=re.M)
