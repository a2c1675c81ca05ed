"""Messages: the documented bytes, bounds on every field, and a value or `Invalid` from anything."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crdt import keys, limits
from crdt.entry import (
    check_signatures,
    decode_run,
    encode_run,
    from_run,
    header,
    open_payload,
)
from crdt.errors import Invalid, TooNew
from crdt.sync_messages import (
    Author,
    ChannelHeads,
    HeadRow,
    Hello,
    Message,
    channel_set,
    decode,
    encode,
    log_fingerprint,
    log_rows,
    state_bytes,
)
from crdt.sync_receipt_body import ReceiptBody, decode_receipt, receipt_digest

VECTORS = Path(__file__).parent.parent / "vectors"
ENTRIES: dict[str, Any] = json.loads((VECTORS / "entries.json").read_text())
SYNC: dict[str, Any] = json.loads((VECTORS / "sync.json").read_text())


def raw(text: str) -> bytes:
    return bytes.fromhex(text)


@pytest.mark.parametrize("vector", ENTRIES["runs"], ids=lambda vector: vector["about"])
def test_runs_are_as_documented(vector: dict[str, Any]) -> None:
    workspace = raw(ENTRIES["workspace"])
    run = decode_run(raw(vector["run"]))
    assert encode_run(run) == raw(vector["run"])
    entries = from_run(workspace, run)
    assert [entry.id.hex() for entry in entries] == vector["ids"]
    assert check_signatures(entries) == len(entries)
    for entry in entries:
        said = ENTRIES["entries"][entry.seq]
        assert header(workspace, entry) == raw(said["header"])
        assert entry.prev == raw(said["prev"])
        assert entry.ct_hash == raw(said["ct_hash"])
        payload = open_payload(workspace, entry, raw(ENTRIES["channel_key"]))
        assert payload == raw(said["payload"])
        device, signature = raw(ENTRIES["device"]), raw(said["signature"])
        keys.verify(device, keys.SIGN_ENTRY, entry.id, signature)


@pytest.mark.parametrize("vector", ENTRIES["refused"], ids=lambda vector: vector["about"])
def test_changed_runs_are_refused(vector: dict[str, Any]) -> None:
    run = decode_run(raw(vector["run"]))
    if vector["by"] == "fields":
        with pytest.raises(Invalid):
            from_run(raw(ENTRIES["workspace"]), run)
    else:
        entries = from_run(raw(ENTRIES["workspace"]), run)
        with pytest.raises(Invalid, match="signature"):
            check_signatures(entries)


def plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


@pytest.mark.parametrize("vector", SYNC["messages"], ids=lambda vector: vector["about"])
def test_messages_are_as_documented(vector: dict[str, Any]) -> None:
    payload = raw(vector["payload"])
    message = decode(payload)
    assert type(message).__name__ == vector["kind"]
    assert encode(message) == payload
    assert plain(msgspec.msgpack.decode(payload)) == vector["fields"]


def test_every_kind_has_a_vector() -> None:
    kinds = {vector["kind"] for vector in SYNC["messages"]}
    assert kinds == {kind.__name__ for kind in Message.__args__}


@pytest.mark.parametrize("vector", SYNC["refused"], ids=lambda vector: vector["about"])
def test_what_breaks_the_schema_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as caught:
        decode(raw(vector["payload"]))
    assert not isinstance(caught.value, TooNew)


def test_a_later_kind_is_told_apart_from_garbage() -> None:
    with pytest.raises(TooNew):
        decode(raw(SYNC["passed_over"][0]["payload"]))


def test_fingerprints_and_receipts_are_as_documented() -> None:
    head_id = raw(SYNC["fingerprint"]["head_id"])
    assert state_bytes(log_fingerprint(head_id)).hex() == SYNC["fingerprint"]["state"]
    channels = [raw(channel) for channel in SYNC["channel_set"]["channels"]]
    assert channel_set(channels).hex() == SYNC["channel_set"]["hash"]
    body, signature = raw(SYNC["receipt"]["body"]), raw(SYNC["receipt"]["signature"])
    covered = receipt_digest(raw(SYNC["workspace"]), body)
    assert covered.hex() == SYNC["receipt"]["covered"]
    said = decode_receipt(body)
    keys.verify(said.device, keys.SIGN_HAVE, covered, signature)
    assert encode(said) == body


def test_the_longest_hello_fits_its_bound() -> None:
    most = 2**63 - 1
    longest = Hello(255, bytes(8), most, bytes(8), None, *(bytes(16),) * 3, 255)
    read = msgspec.structs.replace(longest)
    cursor = decode(raw(SYNC["messages"][1]["payload"]))
    assert isinstance(cursor, Hello)
    assert cursor.read is not None
    full = msgspec.structs.replace(read, read=msgspec.structs.replace(cursor.read, arrival=most))
    assert len(encode(full)) <= limits.HELLO_MAX_BYTES


@given(st.binary(max_size=400))
def test_any_bytes_give_a_message_or_invalid(payload: bytes) -> None:
    try:
        message = decode(payload)
    except Invalid:
        return
    assert decode(encode(message)) == message


@settings(max_examples=300)
@given(st.sampled_from(SYNC["messages"]), st.data())
def test_a_changed_message_is_a_message_or_invalid(vector: dict[str, Any], data: Any) -> None:
    payload = bytearray(raw(vector["payload"]))
    position = data.draw(st.integers(0, len(payload) - 1))
    payload[position] = data.draw(st.integers(0, 255))
    try:
        message = decode(bytes(payload))
    except Invalid:
        return
    assert decode(encode(message)) == message


@given(st.binary(max_size=200))
def test_any_bytes_give_a_receipt_or_invalid(body: bytes) -> None:
    with pytest.raises(Invalid):
        decode_receipt(body)


def test_rows_that_name_no_log_are_refused() -> None:
    author = Author(bytes(32), bytes(8))
    for row in (HeadRow(1, 1, 0, 5, bytes(8), 1), HeadRow(0, 1, 6, 5, bytes(8), 1)):
        with pytest.raises(Invalid):
            log_rows((author,), (ChannelHeads(bytes(16), (row,)),))
    with pytest.raises(Invalid):
        decode_receipt(
            encode(ReceiptBody(bytes(32), 0, (), ()))  # a receipt says something
        )
