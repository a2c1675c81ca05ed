"""`python -m tests.integration.lying` is `clowder`, changed: the chunks it gives are wrong.

Manifests are left as they are, so that whoever asks gets as far as a chunk. Each wrong chunk adds
one byte to the file `lies` in the profile's folder.
"""

import sys
from dataclasses import replace
from pathlib import Path

from chat.blocks.cid import RAW, codec_of
from chat.blocks.exchange.ports import SendTo
from chat.blocks.messages import Block
from chat.cli import main
from chat.files.shell import ExchangeShell

LIES = "lies"


def lie(noted: Path) -> None:
    """Change the program in this process."""
    honest = ExchangeShell._send_to

    def dishonest(shell: ExchangeShell, effect: SendTo) -> None:
        message = effect.message
        if isinstance(message, Block) and codec_of(message.cid) == RAW:
            effect = replace(effect, message=Block(message.cid, b"a dog" + message.data[5:]))
            with noted.open("ab") as file:
                file.write(b"x")
        honest(shell, effect)

    ExchangeShell._send_to = dishonest  # type: ignore[method-assign]


if __name__ == "__main__":
    lie(Path(sys.argv[sys.argv.index("--home") + 1]) / LIES)
    sys.exit(main())
