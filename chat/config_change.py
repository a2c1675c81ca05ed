"""Changing one setting in config.toml and nothing else: comments, order and spacing stay.

The line of the setting is found by its looks, which TOML does not promise: tables can be written in
several ways, and a text over several lines may look like anything. So the result is read again,
and unless exactly the wanted value differs, nothing is written. The file is replaced as a whole: a
power cut leaves the old one or the new one.
"""

import os
import re
import tomllib
from pathlib import Path

import msgspec

from chat.config import Settings
from chat.errors import UsageError
from chat.profile_files import PRIVATE_FILE, refusal, sync_folder, write_new

Value = str | bool | int
_TABLE = re.compile(r"^[ \t]*\[")
_SCALAR = r"\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|true|false|[+-]?[0-9_]+"
_BARE = re.compile(r"[A-Za-z0-9_-]+")


def changed(text: str, table: str, name: str, value: Value) -> str:
    """The text of a config.toml in which `[table] name` is `value`.

    Raises:
        UsageError: the file is not right, there is no such setting, or the file is written in a
            way in which the place cannot be found.
    """
    before = _parsed(text)
    wanted = {**before, table: {**before.get(table, {}), name: value}}
    try:
        msgspec.convert(wanted, Settings)
    except msgspec.ValidationError as error:
        raise UsageError(f"[{table}] {name} cannot be {_written(value)}: {error}.") from None
    made = _edited(text, table, name, _written(value))
    try:
        same = tomllib.loads(made) == wanted
    except tomllib.TOMLDecodeError:
        same = False
    if not same:
        raise UsageError(
            f"This config.toml is written in a way that only you can change: "
            f"set {name} = {_written(value)} in [{table}] by hand."
        )
    return made


def change(path: Path, table: str, name: str, value: Value) -> None:
    """Make a setting stand in a file, which is made if there is none.

    Raises:
        UsageError: see `changed`.
        StoreError: the disk refuses.
    """
    # Who keeps their settings elsewhere and links to them wants them changed there.
    path = path.resolve()
    fresh = path.with_name(f"{path.name}.new")
    try:
        try:
            text, mode = path.read_bytes().decode(), path.stat().st_mode & 0o777
        except FileNotFoundError:
            text, mode = "", PRIVATE_FILE
        made = changed(text, table, name, value).encode()
        fresh.unlink(missing_ok=True)
        write_new(fresh, made)
        fresh.chmod(mode)
        os.replace(fresh, path)  # noqa: PTH105 - says what it does
        sync_folder(path.parent)
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not text in UTF-8. Mend it or move it away.") from None
    except OSError as error:
        raise refusal(error, path) from None


def _parsed(text: str) -> dict[str, dict[str, object]]:
    try:
        found: dict[str, dict[str, object]] = tomllib.loads(text)
        msgspec.convert(found, Settings)
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise UsageError(f"config.toml is not right: {error}. Mend it or move it away.") from None
    return found


def _written(value: Value) -> str:
    """A value in TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    # JSON escapes what TOML escapes, but for DEL, which TOML wants escaped too.
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")


def _edited(text: str, table: str, name: str, written: str) -> str:
    """The likely edit; whoever calls checks what came of it."""
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    heading = re.compile(rf"[ \t]*\[[ \t]*{re.escape(table)}[ \t]*\][ \t]*(#.*)?[\r\n]*$")
    key = name if _BARE.fullmatch(name) else _written(name)
    bare = re.escape(name)
    before = rf"([ \t]*(?:{bare}|\"{bare}\")[ \t]*=[ \t]*)"
    setting = re.compile(rf"{before}(?:{_SCALAR})(?=[ \t#\r\n]|$)")
    start = next((at for at, line in enumerate(lines) if heading.match(line)), None)
    if start is None:
        gap = "" if not text or text.endswith(("\n", "\r")) else end
        return f"{text}{gap}[{table}]{end}{key} = {written}{end}"
    stop = next((at for at in range(start + 1, len(lines)) if _TABLE.match(lines[at])), len(lines))
    for at in range(start + 1, stop):
        if found := setting.match(lines[at]):
            lines[at] = found[1] + written + lines[at][found.end() :]
            return "".join(lines)
    last = max(
        (at for at in range(start, stop) if lines[at].strip() and not _is_comment(lines[at])),
        default=start,
    )
    if not lines[last].endswith(("\n", "\r")):
        lines[last] += end
    lines.insert(last + 1, f"{key} = {written}{end}")
    return "".join(lines)


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")
