"""Reading files whose blocks are here: put together, opened, checked."""

from collections.abc import Callable
from typing import TypeVar

from chat.blocks.errors import Invalid, Missing, StoreFailure
from chat.blocks.exchange.ports import FileGone
from chat.blocks.sealing import FileReader, FileRef, check_ref
from chat.blocks.store_files import BlockStore
from chat.errors import ChatError, NotFound, StoreError
from chat.files.disk import Disk, KeepOn
from chat.files.sentences import named, sentence
from chat.files.shelf import Shelf
from crdt.ops import FileInfo

T = TypeVar("T")


def ref_of(info: FileInfo) -> FileRef:
    """What the blocks need of a message's file.

    Raises:
        Invalid: the message contradicts itself.
    """
    return check_ref(FileRef(info.root, info.key, info.sha256, info.size))


class Reading:
    """Gives files to jobs on threads, and turns what goes wrong into sentences."""

    def __init__(
        self, store: BlockStore, disk: Disk, shelf: Shelf, give: Callable[[FileGone], None]
    ) -> None:
        """`give` tells the exchange that blocks are gone."""
        self._store = store
        self._disk = disk
        self._shelf = shelf
        self._give = give

    async def file(self, info: FileInfo, ref: FileRef, job: Callable[[FileReader], T]) -> T:
        """Let a job read a file that is whole here.

        Raises:
            NotFound: part of it is not here. StoreError: the disk refuses. Unavailable: this
            machine stops. ChatError: not the file that the message names.
        """

        def work(keep_on: KeepOn) -> T:
            def get(cid: bytes) -> bytes:
                keep_on()
                return self._store.get(cid)

            return job(FileReader(ref, get))

        try:
            return await self._disk.file(work)
        except Missing:
            # Counted as here and is not: a damaged block was set aside. The next fetch mends it.
            self._shelf.count_anew()
            self._give(FileGone(ref.root))
            raise NotFound(f"Not all of {named(info)} is on this machine; get it again.") from None
        except Invalid as reason:
            raise ChatError(
                f"{named(info)} is not what its message says and was not written: {reason}."
            ) from None
        except StoreFailure as failure:
            raise StoreError(sentence(failure)) from failure
