"""Two real machines back to back: what the stories in these tests are told with."""

import random

from transport.proto.handshake import Established, Initiator, Responder
from transport.proto.hints import LinkSecret, matching_secret
from transport.proto.limits import FRAME_MAX_BYTES
from transport.proto.session import Event, MessageReceived, Session

TEAM = LinkSecret(b"K" * 32, b"W" * 32, "team")


def handshake_machines(
    ana_secret: LinkSecret = TEAM, ben_secrets: tuple[LinkSecret, ...] = (TEAM,), seed: int = 1
) -> tuple[Initiator, Responder]:
    """Ana who dials and Ben who answers."""
    draw = random.Random(seed).randbytes

    def lookup(nonce: bytes, hint: bytes) -> LinkSecret | None:
        return matching_secret(ben_secrets, nonce, hint)

    ana = Initiator(ana_secret, draw(32), draw, b"I am Ana")
    ben = Responder(lookup, draw(32), draw, lambda secret: b"I am Ben of " + secret.name.encode())
    return ana, ben


def shake_hands(ana: Initiator, ben: Responder) -> tuple[Established, Established]:
    """Carry the three messages over."""
    for source, target in ((ana, ben), (ben, ana), (ana, ben)):
        for message in source.data_to_send():
            target.receive(message)
    assert ana.result is not None
    assert ben.result is not None
    return ana.result, ben.result


class SessionPair:
    """Two sessions and the frames between them, which a test may hold back, drop or change.

    Attributes:
        frames: sealed and not yet delivered, by receiver.
        events: what each side was told.
    """

    def __init__(self, seed: int = 1) -> None:
        self.now = 100.0
        a, b = shake_hands(*handshake_machines(seed=seed))
        self.ana, self.ben = Session(a, self.now), Session(b, self.now)
        self.frames: dict[Session, list[bytes]] = {self.ana: [], self.ben: []}
        self.events: dict[Session, list[Event]] = {self.ana: [], self.ben: []}

    def other(self, side: Session) -> Session:
        return self.ben if side is self.ana else self.ana

    def drain(self, side: Session, budget: int = FRAME_MAX_BYTES) -> int:
        """Seal what `side` may send within the budget; how many frames that were."""
        frames = side.data_to_send(self.now, budget)
        self.frames[self.other(side)] += frames
        return len(frames)

    def deliver(self, side: Session) -> list[Event]:
        """Give `side` the oldest frame that is on its way to it."""
        events = side.receive(self.frames[side].pop(0), self.now)
        self.events[side] += events
        return events

    def settle(self, *, grant: bool = True) -> None:
        """Exchange frames until nothing moves, granting all bulk at once if asked to."""
        for _ in range(100_000):
            moved = self.drain(self.ana) + self.drain(self.ben)
            for side in (self.ana, self.ben):
                while self.frames[side]:
                    self.deliver(side)
                    moved += 1
                if grant and side.owed_bytes:
                    side.grant(side.owed_bytes, self.now)
                    moved += 1
            if not moved:
                return
        raise AssertionError("two sessions never came to rest")

    def messages(self, side: Session) -> list[MessageReceived]:
        return [event for event in self.events[side] if isinstance(event, MessageReceived)]
