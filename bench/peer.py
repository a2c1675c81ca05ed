"""A node inside a measured process, as the terminal workspace has one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from chat import commands, model
from chat.config import load
from chat.node import Node
from chat.profile import Profile


@asynccontextmanager
async def opened(home: str, *dial: str, create: bool = False) -> AsyncIterator[Node]:
    """The node of a profile, listening on a free port of loopback."""
    profile = Profile(Path(home))
    chosen = {"listen": "127.0.0.1:0", "interface": "127.0.0.1", "dial": dial, "mdns": False}
    settings = load(profile.config_path, chosen, {})
    node = await Node.open(profile, settings, network=True, create=create)
    try:
        yield node
    finally:
        await node.aclose()


async def address(node: Node) -> str:
    """Where it listens."""
    status: model.Status = await node.call(commands.GetStatus())
    return status.listening[0]


def memory_mib(pid: int | str = "self") -> float:
    """Resident memory of a process, MiB."""
    for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(f"no process {pid}")
