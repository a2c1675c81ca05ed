"""The command line: `clowder`.

Data goes to stdout, messages for people to stderr; `--json` prints one object a line with
`"v": 1`. Exit codes: 0 ok, 1 error, 2 usage, 3 not found, 4 no peer, 5 trust, 130 interrupted.
"""

from chat.cli.main import main

__all__ = ["main"]
