"""Content identifiers: CIDv1, SHA-256, binary and base32 text.

Binary (36 bytes): version 0x01, codec (0x55 raw or 0x71 dag-cbor), multihash 0x12 0x20 and the
digest. Text: multibase `b`, RFC 4648 base32 in lower case without padding, 59 characters.
Source: multiformats/cid and multiformats/multicodec. Other codecs, hashes, versions and bases are
refused: one block has one name.
"""

import hashlib
from base64 import b32encode

from chat.blocks.errors import Invalid
from chat.blocks.limits import CID_BYTES

RAW = 0x55
DAG_CBOR = 0x71

_HEADS = {bytes([0x01, codec, 0x12, 0x20]) for codec in (RAW, DAG_CBOR)}
_TEXT_CHARS = 59
_SPARE_BITS = 2
"""58 characters of 5 bits hold 36 bytes and these, which are 0."""
_ALPHABET = b"abcdefghijklmnopqrstuvwxyz234567"
_DIGITS = b"0123456789abcdefghijklmnopqrstuv"
_TO_DIGITS = bytes(
    _DIGITS[_ALPHABET.index(each)] if each in _ALPHABET else ord("!") for each in range(256)
)
"""From RFC 4648's alphabet to that of `int`, which is ten times as fast as `b32decode`."""


def cid_raw(block: bytes) -> bytes:
    """The id of a block of plain bytes: a sealed chunk."""
    return bytes([0x01, RAW, 0x12, 0x20]) + hashlib.sha256(block).digest()


def cid_dag(block: bytes) -> bytes:
    """The id of a dag-cbor node: a manifest."""
    return bytes([0x01, DAG_CBOR, 0x12, 0x20]) + hashlib.sha256(block).digest()


def codec_of(cid: bytes) -> int:
    """`RAW` or `DAG_CBOR` of a valid id."""
    return cid[1]


def matches(cid: bytes, block: bytes) -> bool:
    """Whether `block` is the block that the valid id `cid` names."""
    return hashlib.sha256(block).digest() == cid[4:]


def check_cid(cid: bytes) -> bytes:
    """`cid` itself, when it is a well-formed binary id.

    Raises:
        Invalid: wrong length, version, codec or hash.
    """
    if len(cid) != CID_BYTES or cid[:4] not in _HEADS:
        raise Invalid("not a CIDv1 of a raw or dag-cbor block with SHA-256")
    return cid


def format_cid(cid: bytes) -> str:
    """The text of a valid binary id: `bafk...` raw, `bafy...` dag-cbor."""
    return "b" + b32encode(cid).decode("ascii").rstrip("=").lower()


def parse_cid(text: str) -> bytes:
    """The binary id of its one text form.

    Raises:
        Invalid: another base, upper case, padding, stray bits, or not an id of ours.
    """
    if len(text) != _TEXT_CHARS or not text.startswith("b") or not text.isascii():
        raise Invalid("not the text of a CIDv1 in lower-case base32")
    try:
        number = int(text[1:].encode("ascii").translate(_TO_DIGITS), 32)
    except ValueError:
        raise Invalid("not the text of a CIDv1 in lower-case base32") from None
    if number & ((1 << _SPARE_BITS) - 1):
        raise Invalid("a content id has one text form, and this is another")
    return check_cid((number >> _SPARE_BITS).to_bytes(CID_BYTES, "big"))
