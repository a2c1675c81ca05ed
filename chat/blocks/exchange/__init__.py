"""The block exchange: a picture comes from the coworker next to you.

Theory of operation. Who wants a file tells every linked peer (WANT-ROOT). Who holds its root
answers with a bitmap of its pieces (HAVE) and goes on announcing what comes in (HAVE-MORE); who
does not says so (HAVE-NOT) and speaks up when that changes. The wanter fetches the root manifest,
then asks for pieces one by one (GET-BLOCK), the rarest first, rather from other wanters than from
the origin, a few at a time. A holder sends the block, or refuses: BUSY when its uplink's queue is
full, DEFERRED when it gave this very chunk to somebody who will hand it on, ABSENT. Each block is
checked against its id on its way to the disk, and announced only when it is on the disk. So a
file crosses the origin's uplink about once, however many want it, and no peer needs to be trusted
or to read what it serves.

    machine.py    the one door: handle(input, now) -> effects
    ports.py      inputs and effects
    wanting.py    all wanted files; download.py one of them; sources.py the peers they come from;
                  pace.py how many requests at a time
    serving.py    answers to peers; uploads.py who is given what, when
    library.py    what the disk holds; tree.py one file's pieces; news.py what is announced
"""

from chat.blocks.exchange.machine import Exchange

__all__ = ["Exchange"]
