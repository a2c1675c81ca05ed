"""Files and pictures of a node: from the user's disk into messages' blocks, and back.

Theory of operation. The rules of fetching and serving are a pure machine, `chat.blocks.exchange`;
this package is the asyncio shell around it and decides nothing about them. `Files` is the one door
for the node, which tells it of links and payloads and is told of transfers:

    prepare   a file of the user: metadata out, hash, seal, blocks on disk  ->  FileInfo to post
    want      a FileInfo of a message: its blocks come from whoever has them
    get       wait until they are here, put the file together, check it, write it where asked

    files.py        Files, the door
    fetching.py     what is wanted here; transfers.py: how far it is; quota.py: a relay's limit
    housekeeping.py what is kept, what goes when room is short, and who else holds what
    shell.py        carries out the effects of the exchange; departures.py: when a block has left;
                    flows.py: who gives what to whom, for people
    recent.py       blocks that came in lately, in memory
    reading.py      files put together again; folders.py: many of them as one
    arriving.py     waiting for a file, or for each part of it; pipes.py: where the parts go
    disk.py         threads for what blocks
    replicating.py  copies of what too few machines hold
    sharing.py      prepare; user_files.py: the user's own files; sentences.py: what errors say
    shelf.py        how much of each file is here

Files know devices, not members, and roots, not messages: nothing here reads a roster or a channel.
"""

from chat.files.files import Files
from chat.files.sharing import Prepared
from chat.files.shelf import Stats
from chat.files.transfers import TransferState

__all__ = ["Files", "Prepared", "Stats", "TransferState"]
