"""What the face reads of files: on their way, shared, and passing between machines."""

from typing import Literal

import msgspec


class Transfer(msgspec.Struct, frozen=True):
    """A file on its way here.

    Attributes:
        sources: (nick, bytes) a holder gave so far.
        state: "wanted" no holder linked, "moving", "done", "failed".
    """

    id: str
    name: str
    done: int
    total: int
    state: Literal["wanted", "moving", "done", "failed"]
    sources: tuple[tuple[str, int], ...] = ()
    seconds: float = 0.0
    holders: int = 0

    @property
    def provenance(self) -> str:
        """Where it came from: `from ana 61%, bo 39%, 0.4 s, 3 holders`; what is not known is left
        out, so nothing is said of a file that was here already."""
        said = []
        given = sum(count for _, count in self.sources)
        if given:
            shares = sorted(self.sources, key=lambda source: -source[1])
            told = (f"{nick} {count / given:.0%}" for nick, count in shares)
            said.append(f"from {', '.join(told)}")
        if self.seconds:
            said.append(f"{self.seconds:.1f} s")
        if self.holders:
            said.append("1 holder" if self.holders == 1 else f"{self.holders:,} holders")
        return ", ".join(said)


class SwarmPeer(msgspec.Struct, frozen=True):
    """Somebody with whom blocks of a file pass.

    Attributes:
        nick: of the member, "relay" for relays; devices of one nick are counted together.
        received, sent: bytes of ciphertext that this machine got from them and gave to them.
        share: how much of the file they said that they hold, 0.0 to 1.0.
        quiet_ms: how long ago a block passed last; None when none did.
    """

    nick: str
    received: int = 0
    sent: int = 0
    share: float = 0.0
    quiet_ms: int | None = None


class Swarm(msgspec.Struct, frozen=True):
    """A file and who gives what of it to whom, as far as this machine takes part.

    `have` is the share of its blocks that is here, 0.0 to 1.0.
    """

    id: str
    name: str
    size: int
    have: float
    peers: tuple[SwarmPeer, ...] = ()


class SharedFile(msgspec.Struct, frozen=True):
    """A file that a message carries, and where it is.

    Attributes:
        channel, message: of the newest message that carries it.
        here, blocks: blocks of it on this machine, of so many.
        kept: it stays on this machine whatever happens.
        holders: who is linked and holds all of it, each nick once; "relay" for relays.
        copies: devices known to hold all of it now, this one too.
    """

    id: str
    name: str
    size: int
    type: str
    channel: str
    message: str
    here: int
    blocks: int
    kept: bool
    holders: tuple[str, ...] = ()
    copies: int = 0
