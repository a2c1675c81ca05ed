"""Plain files of the user on their way into blocks and out again. Blocking; call through a thread.

A file is written out under a temporary name beside its destination and renamed only when its whole
hash was right, so a cut never leaves half a picture under the name that was asked for.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from chat.blocks.errors import Invalid, StoreFailure
from chat.blocks.limits import MIB
from chat.blocks.sealing import FileReader, FileRef, FileSeal, Read
from chat.blocks.store_files import BlockStore, sentence_of


def pieces_of(path: Path) -> Read:
    """Opens `path` anew at each call and reads it in pieces of 1 MiB. Raises OSError."""

    def read() -> Iterator[bytes]:
        with path.open("rb") as file:
            while piece := file.read(MIB):
                yield piece

    return read


def store_sealed(seal: FileSeal, store: BlockStore, root: bytes | None = None) -> FileRef:
    """Write every block of a sealed file; when this fails, the blocks it wrote are gone again.

    Raises:
        Changed: the file changed meanwhile. StoreFailure: the disk refuses. OSError: reading it.
        Invalid: the root is not the one that was expected.
    """
    written: list[bytes] = []
    done = False
    try:
        for cid, block in seal.blocks():
            if not store.has(cid):
                written.append(cid)
                store.put(cid, block)
        if root is not None and seal.ref.root != root:
            raise Invalid("the file does not have this root under this key")
        done = True
    finally:
        if not done:
            for cid in written:
                with suppress(StoreFailure):
                    store.delete(cid)
    return seal.ref


def save_as(reader: FileReader, path: Path) -> None:
    """Write the whole file to `path`, replacing what is there.

    Raises:
        Missing, Invalid: as `FileReader.pieces`; nothing is left behind.
        StoreFailure: the disk refuses; the text is a sentence for the user.
    """
    partial = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        try:
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            with os.fdopen(descriptor, "wb") as file:
                for piece in reader.pieces():
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
    except OSError as error:
        raise StoreFailure(sentence_of(error, path.parent)) from error
