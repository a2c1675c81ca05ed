"""A zip that somebody else made, read within bounds and never unpacked.

A file in it is asked for by its whole name and comes as bytes. What the directory of the zip says
of sizes is not believed: a file is unpacked up to the limit and no further, and a counter bounds
all of them together. Only the two ways of packing that need little memory are read.
"""

import struct
import zipfile
import zlib
from pathlib import Path
from types import TracebackType

from chat.errors import NotFound, UsageError
from chat.imports import limits

_WAYS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,  # also what is no text
    OverflowError,
    MemoryError,
)


class Archive:
    """An open zip.

    Attributes:
        names: of the files in it, as the zip has them.
    """

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            NotFound: there is no such file. UsageError: it is no zip, or too large.
        """
        self._path = path
        self._left = limits.TOTAL_MAX_BYTES
        try:
            if path.stat().st_size > limits.ARCHIVE_MAX_BYTES:
                raise UsageError(f"{path} is larger than an export can be (2 GiB).")
            self._zip = zipfile.ZipFile(path)
        except OSError as error:
            raise NotFound(f"{path} cannot be read: {error.strerror or error}.") from None
        except _BROKEN as error:
            raise self._refusal(error) from None
        # A name that is empty, as in a damaged file, is no file's.
        named = (each for each in self._zip.infolist() if each.filename)
        self._files = {each.filename: each for each in named if not each.is_dir()}
        if len(self._files) > limits.ENTRIES_MAX:
            self._zip.close()
            raise UsageError(f"{path} holds more than {limits.ENTRIES_MAX} files.")
        self.names = frozenset(self._files)

    def __enter__(self) -> "Archive":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._zip.close()

    def read(self, name: str) -> bytes:
        """The bytes of a file.

        Raises:
            NotFound: it is not there. UsageError: it is broken, or larger than it may be.
        """
        info = self._files.get(name)
        if info is None:
            raise NotFound(f"{self._path} holds no {name}.")
        if info.flag_bits & _ENCRYPTED or info.compress_type not in _WAYS:
            raise UsageError(f"{name} in {self._path} is packed in a way that is not read.")
        most = min(limits.FILE_MAX_BYTES, self._left)
        try:
            with self._zip.open(info) as stream:
                data = stream.read(most + 1)
        except OSError as error:
            raise NotFound(f"{self._path} cannot be read: {error.strerror or error}.") from None
        except _BROKEN as error:
            raise self._refusal(error) from None
        if len(data) > most:
            raise UsageError(f"{name} in {self._path} unpacks to more than it may.")
        self._left -= len(data)
        return data

    def _refusal(self, error: BaseException) -> UsageError:
        return UsageError(f"{self._path} is no zip that can be read ({type(error).__name__}).")
