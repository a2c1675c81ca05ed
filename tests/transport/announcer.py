"""A device in a process of its own, for test_discovery_lan.py.

Arguments: port, comma-separated interface addresses or `all`, comma-separated addresses to
announce. Prints one JSON line for each device found that holds the team's secret; stops when its
standard input closes.
"""

import asyncio
import json
import os
import sys

from transport.net.mdns import Discovery
from transport.proto.announcement import Announcement
from transport.proto.hints import LinkSecret, tagged_secrets

SECRET = LinkSecret(b"L" * 32, bytes(32), "lan")


def on_found(urls: list[str], announcement: Announcement) -> None:
    if tagged_secrets([SECRET], announcement.nonce, announcement.tags):
        print(json.dumps(urls), flush=True)


async def main(port: int, interfaces: str, addresses: str) -> None:
    discovery = Discovery(
        port=port,
        addresses=addresses.split(","),
        secrets=[SECRET],
        on_found=on_found,
        entropy=os.urandom,
        interfaces=None if interfaces == "all" else interfaces.split(","),
    )
    await discovery.start()
    closed = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, closed.set)
    await closed.wait()
    await discovery.aclose()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
