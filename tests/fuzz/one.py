"""Runs one target in atheris until its time is over or something is found.

    python -m tests.fuzz.one NAME [argument of libFuzzer ...]

The product's modules are instrumented while they are imported, so they must come after atheris and
nothing here may import them before. libFuzzer ends the process itself; what it found is a file.
"""

import sys

import atheris

with atheris.instrument_imports(include=["chat", "crdt", "transport", "tui"]):
    from tests.fuzz.targets import TARGETS, named

from tests.fuzz.contract import hold


def main() -> None:
    name, *arguments = sys.argv[1:]
    target = TARGETS[named(name)]
    atheris.Setup([sys.argv[0], *arguments], lambda data: hold(target, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
