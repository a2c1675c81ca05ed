"""Who keeps which file, and which copies may go.

Theory of operation. Machines ask each other which files they hold whole (ASK-HOLDING, HOLDING).
What is answered is remembered for as long as the link lasts and never counted afterwards: a copy
is known while its holder is there to say so.

A machine whose disk is full drops files, the one used longest ago first, but no file of which it
holds the last known copy. To know is not enough for that: two machines that know of each other's
copy could both drop theirs at once. So whoever wants to drop a file first asks for promises to keep
it, and

    nobody drops what he promised to keep, until the promise ends;
    nobody promises a file that he has asked others to promise, until he has dropped it or not;
    nobody drops without a promise that was asked for within half of its time.

Therefore, when a copy goes, the machine that promised still has its own, whatever went on at the
same time; and as the promise is counted from when it was given, and the drop from when it was asked
for, clocks need not agree. Two that ask each other refuse each other and try again after a time
by lot.

    machine.py    the one door: handle(input, now) -> effects
    ports.py      inputs and effects
    promises.py   what others were promised
    shedding.py   one attempt to make room
    replicas.py   which files to take a copy of, because there are too few
"""

from chat.blocks.keeping.machine import Keeping

__all__ = ["Keeping"]
