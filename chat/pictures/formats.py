"""What kind of file this is, by its first bytes, and what to call it.

Names and types that a peer claims are display text only; what is done with a file depends on what
its bytes say.
"""

import unicodedata
from functools import lru_cache
from importlib.util import find_spec

from chat.pictures.limits import EXTENSION_MAX_CHARS, FILE_NAME_MAX_BYTES

SNIFF_BYTES = 64
"""How much of a file `media_type` looks at."""

DECODABLE = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
    "image/avif": "AVIF",
}
"""Media type to the decoder's name, for the kinds that are shown."""

HEIF = {"image/heic": "HEIF", "image/heif": "HEIF"}
"""The same for what telephones make, which is shown where pillow-heif is installed (`[heic]`)."""

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"\0\0\x01\0", "image/x-icon"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"\x1aE\xdf\xa3", "video/webm"),
)
_BRANDS = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"heim": "image/heic",
    b"heis": "image/heic",
    b"hevc": "image/heic",
    b"hevx": "image/heic",
    b"mif1": "image/heif",
    b"msf1": "image/heif",
    b"qt  ": "video/quicktime",
}


def media_type(head: bytes) -> str:
    """The media type of a file that begins with `head` (`SNIFF_BYTES` are enough).

    Text that is UTF-8 is `text/plain`; what is not known is `application/octet-stream`.
    """
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        return _brand(head)
    return "text/plain" if _is_text(head[:SNIFF_BYTES]) else "application/octet-stream"


def _brand(head: bytes) -> str:
    """Of an ISO media file: the major brand, else the first compatible one that is a picture."""
    kind = _BRANDS.get(head[8:12])
    end = min(int.from_bytes(head[:4], "big"), SNIFF_BYTES)
    if kind in (None, "image/heif"):
        for at in range(16, end, 4):
            better = _BRANDS.get(head[at : at + 4])
            if better in ("image/avif", "image/heic"):
                return better
    return kind or "video/mp4"


def _is_text(head: bytes) -> bool:
    if not head or any(byte < 9 or 13 < byte < 32 or byte == 127 for byte in head):
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.end == len(head) and error.reason == "unexpected end of data"
    return True


def is_picture(kind: str) -> bool:
    """Whether files of this media type are shown as pictures."""
    return kind in DECODABLE or (kind in HEIF and has_heif())


@lru_cache(maxsize=1)
def has_heif() -> bool:
    """Whether pillow-heif is installed. It is not loaded: only the decoder's process does that."""
    return find_spec("pillow_heif") is not None


def why_not_shown(kind: str) -> str:
    """Why a picture of this media type is not shown here, as a clause; "" when it is, or is none.

    What can be decoded with what is not installed is told with what to install.
    """
    if is_picture(kind) or not kind.startswith("image/"):
        return ""
    if kind in HEIF:
        return "HEIC pictures are shown where pillow-heif is: pipx install 'clowder-chat[heic]'"
    return "this is no picture of a kind that is shown here"


def display_name(name: str, fallback: str = "file") -> str:
    """A name that is safe to show and to offer for saving.

    Folders are dropped (both slashes), control, bidirectional and invisible characters removed,
    whitespace made single spaces, the text composed (NFC) and cut to 255 UTF-8 bytes with its
    extension kept.
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(" " if char.isspace() else char for char in last if _is_shown(char))
    shown = unicodedata.normalize("NFC", " ".join(shown.split()))
    if not shown.strip(". "):
        return fallback
    return _cut(shown)


_JOINERS = "\u200c\u200d"  # meaningful inside emoji and in several scripts


def _is_shown(char: str) -> bool:
    if char in _JOINERS or char in "\t\n\r":
        return True
    return unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _cut(name: str) -> str:
    if len(name.encode("utf-8")) <= FILE_NAME_MAX_BYTES:
        return name
    stem, dot, extension = name.rpartition(".")
    if not dot or not stem or len(extension) > EXTENSION_MAX_CHARS:
        stem, dot, extension = name, "", ""
    room = FILE_NAME_MAX_BYTES - len((dot + extension).encode("utf-8"))
    return stem.encode("utf-8")[:room].decode("utf-8", "ignore").rstrip() + dot + extension
