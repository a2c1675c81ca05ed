"""A bot of a few lines: it answers `!echo TEXT` with TEXT, in the thread of who asked.

    clowder node &
    python examples/echo_bot.py general

A bot is a member like any other: give it a profile and an invite of its own, with `--home`, or let
it speak as you. It knows what is new from `messages`, which gives each message once.
"""

import argparse
import sys

from chat.client import Clowder, ClowderError

CALL = "!echo "


def main() -> int:
    """Answer until the node stops."""
    parser = argparse.ArgumentParser(description="Answer !echo TEXT in a channel.")
    parser.add_argument("channel", nargs="?", default="", help="Only there; else everywhere.")
    parser.add_argument("--home", help="Folder of the profile to speak as.")
    options = parser.parse_args()
    try:
        with Clowder(options.home) as clowder:
            messages = clowder.messages(options.channel)
            sys.stderr.write(f"echo: I am {clowder.status()['nick']}\n")
            sys.stderr.flush()
            for message in messages:
                # Never to itself, or two bots talk to each other for ever.
                if message["text"].startswith(CALL) and not message["mine"]:
                    clowder.reply(message, message["text"].removeprefix(CALL))
    except ClowderError as error:
        sys.stderr.write(f"echo: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
