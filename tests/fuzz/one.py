"""Runs one target in atheris until its time is over or something is found.

    python -m tests.fuzz.one NAME [argument of libFuzzer ...]

The product's modules are instrumented while they are imported, so they must come after atheris and
nothing here may import them before. libFuzzer ends the process itself; what it found is a file.
"""

import random
import sys

import atheris

with atheris.instrument_imports(include=["chat", "crdt", "transport", "tui"]):
    from tests.fuzz.targets import TARGETS, named

from tests.fuzz.contract import hold
from tests.fuzz.trees import changed


def main() -> None:
    name, *arguments = sys.argv[1:]
    target = TARGETS[named(name)]

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        draw = random.Random(seed)
        value = changed(data, target.shape, draw) if draw.random() < 0.5 else None
        if value is not None and len(value) <= most:
            return value
        return bytes(atheris.Mutate(data, most))

    mutator = {} if target.shape == "bytes" else {"custom_mutator": mutate}
    atheris.Setup([sys.argv[0], *arguments], lambda data: hold(target, data), **mutator)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
