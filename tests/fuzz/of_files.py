"""Files and what is about them: blocks, manifests, folders, pictures, names, exports, archives."""

import hashlib
import io
import tempfile
import zipfile
import zlib
from pathlib import Path

import msgspec
from PIL import Image

from chat.blocks import cid, dagcbor, folder, manifest, messages, sealing
from chat.blocks import errors as blocks_errors
from chat.blocks.sealing import FileRef
from chat.errors import NotFound, UsageError
from chat.imports import slack
from chat.imports.archive import Archive
from chat.pictures import formats, metadata
from chat.pictures.errors import CannotClean
from chat.pictures.errors import Invalid as BadPicture
from chat.pictures.metadata import exif, gif, isobmff, jpeg, png, webp
from chat.proofs import checking, records
from crdt.errors import Invalid
from tests.fuzz.contract import Target, every, typed, vectors

_BLOCKS = vectors("blocks")
_ONE_BYTE = _BLOCKS["files"][1]
_REF = FileRef(
    cid.parse_cid(_ONE_BYTE["root"]),
    bytes.fromhex(_ONE_BYTE["file_key"]),
    bytes.fromhex(_ONE_BYTE["plaintext_sha256"]),
    _ONE_BYTE["size"],
)
_SUBS = 3
_EXPORTS = every(vectors("export")["files"], "bytes")
_EXIF = Image.Exif()
_EXIF[0x0112] = 6
_EXIF[0x010F] = "maker"


def _named(data: bytes) -> str:
    """A name that is shown and offered: no folder, no escape, and the same when named again."""
    shown = formats.display_name(typed(data))
    assert shown
    assert not set(shown) & set("/\\\x1b\n\0")
    assert len(shown.encode("utf-8")) <= 255
    return shown


def _sub_manifest(block: bytes) -> tuple[bytes, ...]:
    return manifest.read_sub_manifest(block, _SUBS)


def _placed(data: bytes) -> tuple[folder.FolderFile, ...]:
    """A listing, and places on a disk for its files: all of them below, no two of them one."""
    files = folder.decode(data)
    places = folder.Places()
    taken = [places.place_of(file.path) for file in files]
    assert len(set(taken)) == len(taken)
    assert all(part not in ("", ".", "..") and "/" not in part for path in taken for part in path)
    return files


def _cleaned(kind: str) -> Target:
    """A picture without metadata is one without metadata: cleaning it again changes nothing."""
    cleaner = {
        "jpeg": jpeg.clean_jpeg,
        "png": png.clean_png,
        "webp": webp.clean_webp,
        "gif": gif.clean_gif,
        "avif": isobmff.clean_isobmff,
    }[kind]
    return Target(
        (cleaner,),
        lambda data: metadata.remove(data, f"image/{kind}").data,
        (BadPicture, CannotClean),
        (_picture(kind), _picture(kind, frames=2)),
        again=lambda cleaned: cleaned,
    )


def _png_mended(data: bytes) -> bytes:
    """A PNG whose checksums are right whatever is in it: with others nothing would be read."""
    at, out = 8, [data[:8]]
    while at + 8 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4], "big")
        chunk, at = data[at:end], end + 4
        out += [chunk, zlib.crc32(chunk[4:]).to_bytes(4, "big")]
    return metadata.remove(b"".join(out), "image/png").data


def _picture(kind: str, frames: int = 1) -> bytes:
    mode = "P" if kind == "gif" else "RGB"
    first, *others = (Image.new(mode, (8, 6), number) for number in range(frames))
    out = io.BytesIO()
    options: dict[str, object] = {"comment": b"note"} if kind == "gif" else {"exif": _EXIF}
    if others and kind == "avif":
        options = {}  # Pillow 13.0.0 crashes when it writes an animated AVIF that is turned
    if others and kind != "jpeg":
        options |= {"save_all": True, "append_images": others, "duration": 90, "loop": 1}
    first.save(out, kind, **options)
    return out.getvalue()


def _judged(data: bytes) -> object:
    """An export as it came, read to its end and judged."""
    with checking.check(io.BytesIO(data), bytes) as checker:
        proof = checker.proof()
        for channel in proof.channels:
            list(checker.messages(bytes.fromhex(channel.id)))
    return proof


def _mended(data: bytes) -> object:
    """An export without its end, which is made for it: so what stands in it is judged."""
    digest = hashlib.blake2b(data, digest_size=32, person=b"x1.export").digest()
    at, count = len(records.MAGIC) + 1, 0
    while at + 5 <= len(data):
        at, count = at + 5 + int.from_bytes(data[at : at + 4], "big"), count + 1
    end = msgspec.msgpack.encode(records.End(count, digest))
    kind = bytes((records.Kind.END,))
    return _judged(data + len(end).to_bytes(4, "big") + kind + end)


def _without_end(export: bytes) -> bytes:
    at = last = len(records.MAGIC) + 1
    while at < len(export):
        last, at = at, at + 5 + int.from_bytes(export[at : at + 4], "big")
    return export[:last]


def _slack(data: bytes) -> object:
    """A zip of another program: its people, its channels, and all their days."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "export.zip"
        path.write_bytes(data)
        with Archive(path) as archive:
            names = slack.people(archive.read("users.json"))
            found = slack.channels(archive.read("channels.json"))
            return [
                slack.posts(archive.read(day), day, names)
                for channel in found
                for day in slack.days(archive.names, channel)
            ]


def _slack_day(data: bytes) -> slack.Day:
    day = slack.posts(data, "a day", {"U1": "ana"})
    for post in day.posts:
        assert post.text
        assert "\x1b" not in post.text
    return day


def _slack_lists(data: bytes) -> object:
    names = slack.people(data)
    assert all(name and not set(name) & set("\n\x1b") for name in names.values())
    return names, slack.channels(data)


def _zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo("users.json"), _USERS)
        archive.writestr(zipfile.ZipInfo("channels.json"), _CHANNELS)
        archive.writestr(zipfile.ZipInfo("cats/2019-03-04.json"), _DAY)
    return out.getvalue()


_USERS = b'[{"id":"U1","name":"ana","profile":{"display_name":"Ana","real_name":""}}]'
_CHANNELS = b'[{"name":"cats","id":"C1"}]'
_DAY = (
    b'[{"ts":"1551694500.000200","user":"U1","text":"hi <@U1|ana> &amp; <https://a.b|b> <!here>",'
    b'"thread_ts":"1551694500.000100","files":[{"name":"a.png","title":null}],"subtype":null},'
    b'{"ts":"1551694501.1","username":"bot","text":"<#C1|cats>"}]'
)

TARGETS = {
    "dag-cbor": Target(
        (dagcbor.decode,),
        dagcbor.decode,
        blocks_errors.Invalid,
        every((_BLOCKS["dagcbor"], _BLOCKS["dagcbor_refused"]), "block"),
        again=dagcbor.encode,
        canonical=True,
    ),
    "manifest": Target(
        (manifest.read_manifest,),
        manifest.read_manifest,
        blocks_errors.Invalid,
        tuple(
            bytes.fromhex(file["blocks"][-1]["block"] if "blocks" in file else file["root_block"])
            for file in (*_BLOCKS["files"][-2:], *_BLOCKS["nested"])
            if "root_block" in file or "block" in file["blocks"][-1]
        ),
    ),
    "part of a manifest": Target(
        (manifest.read_sub_manifest,),
        _sub_manifest,
        blocks_errors.Invalid,
        (
            dagcbor.encode(
                {"v": 1, "links": [dagcbor.Link(cid.cid_raw(bytes((n,)))) for n in range(_SUBS)]}
            ),
        ),
        again=lambda links: dagcbor.encode(
            {"v": 1, "links": [dagcbor.Link(link) for link in links]}
        ),
        canonical=True,
    ),
    "listing of a folder": Target(
        (folder.decode,),
        _placed,
        blocks_errors.Invalid,
        every(_BLOCKS["folder"], "listing"),
        again=folder.encode,
        canonical=True,
    ),
    "block message": Target(
        (messages.decode,),
        messages.decode,
        blocks_errors.Invalid,
        every(_BLOCKS["messages"], "bytes"),
        again=messages.encode,
        shape="msgpack",
    ),
    "block of a file": Target(
        (),
        lambda data: sealing.open_chunk(_REF, 0, data),
        blocks_errors.Invalid,
        every(_ONE_BYTE["blocks"], "block"),
        signed=True,
    ),
    "text of a content id": Target(
        (cid.parse_cid,),
        lambda data: cid.parse_cid(typed(data)),
        blocks_errors.Invalid,
        tuple(case["cid"].encode() for case in _BLOCKS["cid"]),
        again=lambda found: cid.format_cid(found).encode(),
        canonical=True,
    ),
    "jpeg": _cleaned("jpeg"),
    "png": _cleaned("png"),
    "chunks of a png": _cleaned("png")._replace(read=_png_mended),
    "webp": _cleaned("webp"),
    "gif": _cleaned("gif"),
    "avif": _cleaned("avif"),
    "orientation": Target((), exif.orientation_of, (), (_EXIF.tobytes(), exif.tiff_with(3))),
    "kind of a file": Target(
        (),
        formats.media_type,
        (),
        (*(_picture(kind)[:64] for kind in ("jpeg", "png", "gif", "webp", "avif")), b"text"),
    ),
    "name of a file": Target(
        (),
        _named,
        (),
        tuple(name.encode() for name in _BLOCKS["folder"]["names"]),
        again=str.encode,
    ),
    "signed export": Target((), _judged, Invalid, _EXPORTS),
    "contents of a signed export": Target((), _mended, Invalid, tuple(map(_without_end, _EXPORTS))),
    "zip of Slack": Target((), _slack, (UsageError, NotFound), (_zipped(),)),
    "day of Slack": Target((), _slack_day, UsageError, (_DAY,), shape="json"),
    "lists of Slack": Target((), _slack_lists, UsageError, (_USERS, _CHANNELS), shape="json"),
}
"""Names of targets, as `make fuzz TARGET=...` takes them."""
