"""A device with links in a process of its own, for test_links_lan.py.

Arguments: its rank (1 or 2). Finds the other by multicast on every interface, and prints a JSON
line for each link that comes up or goes down, with a name that both ends give it; stops when its
standard input closes.
"""

import asyncio
import json
import sys
from typing import Any

from chat.config import Network
from chat.links import LinkHandle
from tests.chat.link_devices import Device
from transport.proto.crypto import public_key

STATICS = {bytes([rank]) * 32: bytes([rank + 100]) * 32 for rank in (1, 2)}


class Teller(Device):
    def hear(self, *what: Any) -> None:
        handle: LinkHandle = what[1]
        name = handle.link.handshake_hash.hex()[:16]
        print(json.dumps([what[0], name, handle.url]), flush=True)


async def main(rank: int) -> None:
    device = Teller(rank)
    device.static = STATICS[device.id]
    device.roster = {each: public_key(static) for each, static in STATICS.items()}
    links = device.make(Network())
    await links.start()
    closed = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, closed.set)
    await closed.wait()
    await links.aclose()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
