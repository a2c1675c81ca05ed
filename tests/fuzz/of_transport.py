"""Decoders of a link: announcements, addresses, the handshake, frames and what they carry."""

from copy import copy
from dataclasses import replace

from chat.links import introduction
from crdt.errors import Invalid
from tests.fuzz.contract import Target, every, typed, vectors
from tests.transport.link_pair import handshake_machines, shake_hands
from transport.net import addresses
from transport.proto import announcement, preamble, records
from transport.proto.errors import AddressFault, RemoteFault
from transport.proto.handshake import Initiator, Responder
from transport.proto.session import Event, Session

_LINK = vectors("link")
_PAYLOADS = vectors("link_payload")
_FRAMES = (*every(_LINK["frames"], "plaintext"), *every(_LINK["records"], "plaintext"))
_ANA, _BEN = shake_hands(*handshake_machines())


def _in_session(data: bytes) -> list[Event]:
    """Frames by a device that holds the keys, each with two bytes of length, to a session."""
    ana = Session(replace(_ANA, send=copy(_ANA.send), receive=copy(_ANA.receive)), 100.0)
    seal = copy(_BEN.send)
    events: list[Event] = []
    at, now = 0, 100.0
    while at < len(data) and not ana.closed:
        size = int.from_bytes(data[at : at + 2], "big")
        plaintext, at, now = data[at + 2 : at + 2 + size], at + 2 + size, now + 0.01
        events += ana.receive(seal.encrypt(b"", plaintext), now)
        assert ana.held_bytes <= len(data)
        if not ana.closed and ana.owed_bytes:
            ana.grant(ana.owed_bytes, now)
        ana.data_to_send(now, 1 << 20)
    return events


def _framed(*plaintexts: bytes) -> bytes:
    return b"".join(len(each).to_bytes(2, "big") + each for each in plaintexts)


def _first(data: bytes) -> object:
    """The first message of a link, at the side that answers."""
    _, ben = handshake_machines()
    ben.receive(data)
    return ben.data_to_send()


def _second(data: bytes) -> object:
    """The answer, at the side that dialled."""
    ana, _ = handshake_machines()
    ana.receive(data)
    return ana.result


def _third(data: bytes) -> object:
    """The last message, at the side that answered."""
    ana, ben = handshake_machines()
    for message in ana.data_to_send():
        ben.receive(message)
    ben.data_to_send()
    ben.receive(data)
    return ben.result


def _handshake() -> tuple[bytes, bytes, bytes]:
    ana, ben = handshake_machines()
    said: list[bytes] = []
    sides: tuple[tuple[Initiator | Responder, Initiator | Responder], ...] = (
        (ana, ben),
        (ben, ana),
        (ana, ben),
    )
    for source, target in sides:
        (message,) = source.data_to_send()
        said.append(message)
        target.receive(message)
    first, second, third = said
    return first, second, third


_FIRST, _SECOND, _THIRD = _handshake()

TARGETS = {
    "announcement": Target(
        (announcement.parse_announcement,),
        announcement.parse_announcement,
        RemoteFault,
        every((_LINK["announcement"], vectors("nearby")["announcement"]), "txt"),
        again=announcement.Announcement.encode,
    ),
    "address of a link": Target(
        (addresses.parse_url,),
        lambda data: addresses.parse_url(typed(data)),
        AddressFault,
        (
            b"ws://192.168.1.20:4000/",
            b"wss://relay.example/a?b=c",
            b"ws://[fe80::1%25eth0]:4000/",
            b"ws://[::1]/",
        ),
    ),
    "preamble": Target(
        (preamble.split_preamble,),
        preamble.split_preamble,
        RemoteFault,
        (_FIRST,),
        again=lambda split: split[0].encode() + split[1],
        canonical=True,
    ),
    "first message of a link": Target(
        (preamble.split_preamble,), _first, RemoteFault, (_FIRST,), signed=True
    ),
    "second message of a link": Target((), _second, RemoteFault, (_SECOND,), signed=True),
    "third message of a link": Target((), _third, RemoteFault, (_THIRD,), signed=True),
    "introduction": Target(
        (introduction.decode,),
        introduction.decode,
        Invalid,
        every((_PAYLOADS["accepted"], _PAYLOADS["refused"]), "payload"),
        again=introduction.encode,
        shape="msgpack",
    ),
    "frame": Target(
        (records.decode_frame,),
        records.decode_frame,
        RemoteFault,
        (*_FRAMES, *every(_LINK["refused"], "plaintext")),
    ),
    "frames in a session": Target(
        (records.decode_frame,),
        _in_session,
        RemoteFault,
        (_framed(_FRAMES[0]), _framed(*_FRAMES), *map(_framed, _FRAMES)),
    ),
}
