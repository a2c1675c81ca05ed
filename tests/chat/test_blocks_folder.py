"""Listings of folders: fixed bytes, hostile bytes, and names that are nothing but names."""

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.blocks import dagcbor, folder
from chat.blocks.cid import cid_raw
from chat.blocks.errors import Invalid
from chat.blocks.folder import FolderFile, Places, safe_name
from chat.blocks.limits import (
    FILE_MAX_BYTES,
    FOLDER_DEPTH_MAX,
    FOLDER_FILES_MAX,
    FOLDER_MAX_BYTES,
    FOLDER_PART_MAX_CHARS,
)
from chat.blocks.sealing import FileRef

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors" / "blocks.json").read_text(encoding="utf-8")
)


def file(*path: str, size: int = 3, data: bytes = b"cat", kind: str = "text/plain") -> FolderFile:
    return FolderFile(path, FileRef(cid_raw(data), bytes(32), bytes(range(32)), size), kind)


EXAMPLE = (file("cats", "tom.txt"), file("read me", data=b"dog", size=5))


def test_the_vector() -> None:
    assert folder.encode(reversed(EXAMPLE)).hex() == VECTORS["folder"]["listing"]
    assert folder.decode(bytes.fromhex(VECTORS["folder"]["listing"])) == EXAMPLE
    assert {each: safe_name(each) for each in VECTORS["folder"]["names"]} == VECTORS["folder"][
        "names"
    ]


def test_the_largest_listing_is_read() -> None:
    deep = ("f" * 30,) * (FOLDER_DEPTH_MAX - 1)
    files = tuple(file(*deep, f"{number:04}") for number in range(FOLDER_FILES_MAX))
    listing = folder.encode(files)
    assert len(listing) < FOLDER_MAX_BYTES
    assert folder.decode(listing) == files


def row(**changes: object) -> dict[str, object]:
    fields: dict[str, object] = {
        "path": ["tom"],
        "size": 3,
        "link": dagcbor.Link(cid_raw(b"cat")),
        "key": bytes(32),
        "sha256": bytes(32),
        "type": "text/plain",
    }
    return fields | changes


def node(*rows: dict[str, object], **fields: object) -> bytes:
    listed: dict[str, object] = {"v": 1, "files": [list(each.values()) for each in rows]}
    return dagcbor.encode(listed | fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "listing",
    [
        b"",
        node(),
        node(row(), v=2),
        node(row(), more=1),
        node(row(path=[])),
        node(row(path=[""])),
        node(row(path=["a" * (FOLDER_PART_MAX_CHARS + 1)])),
        node(row(path=["a"] * (FOLDER_DEPTH_MAX + 1))),
        node(row(path=[7])),
        node(row(path="tom")),
        node(row(size=-1)),
        node(row(size=FILE_MAX_BYTES + 1)),
        node(row(size=1_000_000)),
        node(row(link=b"cat")),
        node(row(key=bytes(31))),
        node(row(sha256=bytes(33))),
        node(row(type="t" * 128)),
        node(row(type=b"t")),
        node(row(), row()),
        node(row(path=["b"]), row(path=["a"])),
        node(*(row(path=[f"{number:04}"]) for number in range(FOLDER_FILES_MAX + 1))),
        bytes(FOLDER_MAX_BYTES + 1),
    ],
)
def test_what_is_no_listing_is_refused(listing: bytes) -> None:
    with pytest.raises(Invalid):
        folder.decode(listing)


def test_a_folder_claims_no_more_than_the_largest_file() -> None:
    with pytest.raises(Invalid):
        folder.decode(
            node(
                row(
                    path=["a"], size=FILE_MAX_BYTES, link=dagcbor.Link(b"\1\x71" + cid_raw(b"")[2:])
                ),
                row(path=["b"], size=1),
            )
        )


@given(st.binary(max_size=200))
def test_any_bytes_are_a_listing_or_invalid(data: bytes) -> None:
    try:
        folder.decode(data)
    except Invalid:
        pass


@given(st.data())
def test_a_mutated_listing_is_a_listing_or_invalid(data: st.DataObject) -> None:
    raw = bytearray(folder.encode(EXAMPLE))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    try:
        files = folder.decode(bytes(raw))
    except Invalid:
        return
    assert folder.encode(files) == bytes(raw)


parts = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["..", ".", "/", "\\", "a/../../b", "C:", "CON", "con.txt", ".ssh", "a.", "~"]),
    st.text("\u202e\u200b\x1b\0\n. /\\é\u0301A", max_size=8),
)


@given(parts)
def test_a_safe_name_is_a_name(part: str) -> None:
    name = safe_name(part)
    assert name not in ("", ".", "..")
    assert not set(name) & set('/\\:*?"<>|\0\x1b\n')
    assert not name.startswith((".", " "))
    assert not name.endswith((".", " "))
    assert len(name.encode()) <= 255
    assert safe_name(name) == name
    assert all(unicodedata.category(each)[0] not in "C" for each in name)


@given(st.lists(st.lists(parts, min_size=1, max_size=4).map(tuple), unique=True, max_size=20))
def test_no_two_files_share_a_place_and_none_is_another_ones_folder(
    paths: list[tuple[str, ...]],
) -> None:
    places = Places()
    found = [tuple(map(str.casefold, places.place_of(path))) for path in sorted(paths)]
    assert len(set(found)) == len(found)
    folders = {place[:depth] for place in found for depth in range(1, len(place))}
    assert not folders & set(found)


def test_names_that_differ_in_case_only_stand_beside_each_other() -> None:
    places = Places()
    assert [places.place_of(path) for path in (("A.txt",), ("a.txt",), ("a.txt", "b"))] == [
        ("A.txt",),
        ("a (2).txt",),
        ("a (3).txt", "b"),
    ]
