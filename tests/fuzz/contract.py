"""What every decoder of bytes from elsewhere promises, as one function over one row of a table.

For any bytes at all: a value, or the one class of error that the decoder names. Where there is an
encoder, the value is the same after it was written and read again; where a value has one form,
what is written is what was read. `targets` has the rows; Hypothesis (tests/attacks), atheris
(`python -m tests.fuzz`) and the inputs that were once found hold them all to it.
"""

import json
from base64 import b32encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from crdt.keys import digest
from tests.fuzz.trees import Shape

VECTORS = Path(__file__).parent.parent / "vectors"


class Broken(AssertionError):
    """A value that is not the same after it was written and read again."""


class Target(NamedTuple):
    """One decoder, or several in the order in which bytes meet them.

    Attributes:
        of: the functions that `read` is made of; a test finds those that no target has.
        read: a value, or `error`.
        error: the one class, or those that the documentation of the function names.
        seeds: genuine inputs; the first one is accepted.
        again: writes what was read.
        canonical: a value has one form, so `again` gives back exactly what was read.
        signed: whether any change must be refused, since signatures or hashes cover all of it.
        shape: what inputs are written as, where they may be changed as the values that they are.
    """

    of: tuple[Callable[..., Any], ...]
    read: Callable[[bytes], Any]
    error: type[Exception] | tuple[type[Exception], ...]
    seeds: tuple[bytes, ...]
    again: Callable[[Any], bytes] | None = None
    canonical: bool = False
    signed: bool = False
    shape: Shape = "bytes"


def hold(target: Target, data: bytes) -> bool:
    """Hold a target to the contract with one input; whether the input was accepted.

    Raises:
        Broken: the value is another one after it was written and read again.
        Exception: whatever the decoder raised against its promise.
    """
    try:
        value = target.read(data)
    except target.error:
        return False
    if target.again is None:
        return True
    written = target.again(value)
    if target.canonical and written != data:
        raise Broken(f"{data.hex()} was read, and is written as {written.hex()}")
    try:
        same = target.read(written) == value
    except target.error as error:
        raise Broken(f"{data.hex()} was read; {written.hex()} is refused: {error}") from error
    if not same:
        raise Broken(f"{data.hex()} was read; {written.hex()} means something else")
    return True


def vectors(name: str) -> Any:
    """The values of a file of vectors."""
    return json.loads((VECTORS / f"{name}.json").read_text("utf-8"))


def every(found: Any, *fields: str) -> tuple[bytes, ...]:
    """All bytes that stand in hexadecimal under fields of these names, at any depth."""
    return tuple(dict.fromkeys(_every(found, fields)))


def _every(found: Any, fields: tuple[str, ...]) -> Iterator[bytes]:
    if isinstance(found, dict):
        for name, value in found.items():
            if name in fields and isinstance(value, str):
                yield bytes.fromhex(value)
            else:
                yield from _every(value, fields)
    elif isinstance(found, list | tuple):
        for value in found:
            yield from _every(value, fields)


def typed(data: bytes) -> str:
    """What a person typed or pasted, as Python hands it over: any text, with lone surrogates."""
    return data.decode("utf-8", "surrogateescape")


def untyped(text: str) -> bytes:
    """The bytes of such a text."""
    return text.encode("utf-8", "surrogateescape")


def with_check(scheme: str, label: bytes, check_bytes: int, payload: bytes) -> str:
    """A link or code of any payload, whose check is right: without it none would be read."""
    whole = payload + digest(label, payload)[:check_bytes]
    return scheme + b32encode(whole).decode().rstrip("=").lower()
