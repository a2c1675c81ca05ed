"""The vectors of docs/protocol/link.md: another implementation can be checked against them."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from transport.proto.announcement import Announcement, parse_announcement
from transport.proto.closing import CloseCode
from transport.proto.errors import Reason, RemoteFault
from transport.proto.handshake import Initiator, Responder
from transport.proto.hints import LinkSecret, discovery_tag, link_hint, link_psk
from transport.proto.preamble import split_preamble
from transport.proto.records import Fragment, decode_frame
from transport.proto.session import Closed, MessageReceived, Session

ROOT = Path(__file__).parent.parent.parent
VECTORS: dict[str, Any] = json.loads((ROOT / "tests" / "vectors" / "link.json").read_text())
PAGE = (ROOT / "docs" / "protocol" / "link.md").read_text()


def unhex(text: str) -> bytes:
    return bytes.fromhex(text)


def scripted(*values: str) -> Callable[[int], bytes]:
    """Entropy that gives these values, each asked for at its length."""
    waiting = [unhex(value) for value in values]

    def entropy(count: int) -> bytes:
        value = waiting.pop(0)
        assert len(value) == count
        return value

    return entropy


SECRET = LinkSecret(unhex(VECTORS["secret"]["key"]), unhex(VECTORS["secret"]["context"]), "vectors")


def established() -> tuple[Session, Session, list[bytes]]:
    """Both sessions and the three messages that led to them."""
    given = VECTORS["handshake"]
    initiator = Initiator(
        SECRET,
        unhex(given["initiator_static"]),
        scripted(given["nonce"], given["initiator_ephemeral"]),
        unhex(given["initiator_payload"]),
    )
    responder = Responder(
        lambda nonce, hint: SECRET,
        unhex(given["responder_static"]),
        scripted(given["responder_ephemeral"]),
        lambda secret: unhex(given["responder_payload"]),
    )
    messages = []
    for source, target in ((initiator, responder), (responder, initiator), (initiator, responder)):
        (message,) = source.data_to_send()
        target.receive(message)
        messages.append(message)
    assert initiator.result is not None
    assert responder.result is not None
    return Session(initiator.result, 0.0), Session(responder.result, 0.0), messages


def test_hints_and_keys() -> None:
    given = VECTORS["secret"]
    nonce = unhex(given["nonce"])
    assert link_psk(SECRET.key).hex() == given["psk"]
    assert link_hint(SECRET.key, nonce).hex() == given["hint"]
    assert discovery_tag(SECRET.key, nonce).hex() == given["discovery_tag"]


def test_handshake() -> None:
    given = VECTORS["handshake"]
    initiator, responder, messages = established()
    assert [message.hex() for message in messages] == given["messages"]
    preamble, _ = split_preamble(messages[0])
    assert preamble.prologue(SECRET.context).hex() == given["prologue"]
    for side in (initiator, responder):
        assert side.established.handshake_hash.hex() == given["handshake_hash"]
    assert initiator.established.remote_static.hex() == given["responder_public"]
    assert responder.established.remote_static.hex() == given["initiator_public"]
    keys = [cipher.key for cipher in (initiator.established.send, initiator.established.receive)]
    assert keys == [unhex(given["initiator_key"]), unhex(given["responder_key"])]


def test_first_frames() -> None:
    initiator, responder, _ = established()
    for step in VECTORS["frames"]:
        sender, receiver = (
            (initiator, responder) if step["from"] == "initiator" else (responder, initiator)
        )
        for message in step.get("messages", ()):
            sender.send(message["kind"], message["priority"], unhex(message["payload"]))
        if step.get("ping"):
            sender.ping(0.0)
        if "close" in step:
            sender.close(step["close"]["code"], step["close"]["text"])
        cipher = replace(sender.established.send)
        (frame,) = sender.data_to_send(0.0, 1)
        assert frame.hex() == step["frame"], step["about"]
        assert cipher.encrypt(b"", unhex(step["plaintext"])) == frame
        events = receiver.receive(frame, 0.0)
        got = [
            {"kind": event.kind, "priority": event.priority, "payload": event.payload.hex()}
            for event in events
            if isinstance(event, MessageReceived)
        ]
        assert got == step.get("messages", []), step["about"]
        ends = [event for event in events if isinstance(event, Closed)]
        assert [end._asdict() for end in ends] == ([step["close"]] if "close" in step else [])


@pytest.mark.parametrize("vector", VECTORS["records"], ids=lambda vector: vector["about"])
def test_records(vector: dict[str, Any]) -> None:
    decoded = []
    for record in decode_frame(unhex(vector["plaintext"])):
        fields: dict[str, Any] = dict(record._asdict(), record=type(record).__name__.lower())
        if isinstance(record, Fragment):
            fields["data"] = record.data.hex()
        decoded.append(fields)
    assert decoded == vector["records"]


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: vector["about"])
def test_refused_records(vector: dict[str, Any]) -> None:
    with pytest.raises(RemoteFault) as caught:
        decode_frame(unhex(vector["plaintext"]))
    assert caught.value.reason == vector["reason"]


def test_announcement() -> None:
    given = VECTORS["announcement"]
    announcement = Announcement.of_secrets([SECRET], unhex(given["nonce"]))
    assert announcement.encode().hex() == given["txt"]
    assert parse_announcement(unhex(given["txt"])) == announcement


def test_page_quotes_the_vectors() -> None:
    """Hex of some length in the page is from the vectors, so neither can move alone."""
    known = json.dumps(VECTORS)
    quoted = re.findall(r"`([0-9a-f]{16,})`", PAGE)
    assert quoted
    for text in quoted:
        assert text in known, text


def test_page_names_every_reason_and_close_code() -> None:
    for reason in Reason:
        assert f"`{reason.value}`" in PAGE, reason
    for code in CloseCode:
        assert f"| {code.value} | `{code.name}` |" in PAGE, code
