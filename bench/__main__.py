"""`python -m bench [NAME...]`: measure, print JSON lines, and write the table of the docs.

delivery    one message's way and the sustained rate
open        a profile with a long history
join        a newcomer in a workspace with a long history
swarm       a file to one over loopback, and to twenty over shaped lines (root; not by default)
tui         the terminal workspace: first paint, keys, typing in a flood (not by default)
blocks      a store of 100,000 blocks, messages beside a file, a fast line (not by default)
trust       a roster of 10,000 ops, keys for 500 members, a handshake
sync        meeting again in a large workspace and after a while, idle links (not by default)
"""

import argparse
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

from bench import blocks, delivery, join, swarm, sync, trust, tui
from bench import open as opening
from bench.report import Figure, table, tell

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- measured -->\n", "<!-- /measured -->\n"


def measure(names: list[str], messages: int, receivers: int) -> Iterator[Figure]:
    """The figures of the measurements that were asked for."""
    if "delivery" in names:
        yield from delivery.figures()
    if "open" in names:
        yield from opening.figures(messages)
    if "join" in names:
        yield from join.figures(messages)
    if "swarm" in names:
        yield from swarm.figures(receivers)
    if "tui" in names:
        yield from tui.figures(messages)
    if "blocks" in names:
        yield from blocks.figures()
    if "trust" in names:
        yield from trust.figures()
    if "sync" in names:
        yield from sync.figures()


def write_page(figures: list[Figure]) -> None:
    """Put the table into docs/performance.md."""
    text = PAGE.read_text("utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    python = f"Python {platform.python_version()}"
    where = f"Made by `make bench`, {python}, {platform.system()} {platform.machine()}.\n\n"
    PAGE.write_text(before + BEGIN + where + table(figures) + END + after, "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    names = ("delivery", "open", "join", "trust")
    others = ("swarm", "tui", "blocks", "sync")
    parser.add_argument("names", nargs="*", default=names, help=", ".join((*names, *others)))
    parser.add_argument("--messages", type=int, default=100_000, help="of a long history")
    parser.add_argument("--receivers", type=int, default=20, help="of a swarm")
    parser.add_argument("--no-page", action="store_true", help="leave docs/performance.md alone")
    given = parser.parse_args()
    figures = []
    for figure in measure(list(given.names), given.messages, given.receivers):
        tell(figure)
        figures.append(figure)
    sys.stdout.write("\n" + table(figures))
    if not given.no_page and set(given.names) == set(names):
        write_page(figures)
    return 0 if all(figure.held is not False for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
