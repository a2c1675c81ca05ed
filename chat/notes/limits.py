"""Every bound of the notes code, unit in the name, reason beside it."""

MIB = 1024 * 1024

WORKER_MEMORY_BYTES = 512 * MIB  # address space: the interpreter takes 100, a long text 10 to 50
WORKER_FILES_MAX = 32  # open files: the pipes and what Python imports
WORKER_START_SECONDS = 20.0  # Python and pycrdt from a cold disk
WORKER_END_SECONDS = 5.0  # until a killed process has gone
REQUEST_SECONDS = 2  # CPU time of one request; a usual one takes milliseconds
STEPS_PER_SECOND = 2_000  # more for each so many updates; measured: over 12,000
CAREFUL_FACTOR = 4  # as much again for trying each update with edits in between
WALL_CLOCK_FACTOR = 3  # how much longer than its CPU time a request may take on a busy machine
ANSWER_MAX_BYTES = 64 * MIB  # one answer: the text and its runs of authors

CRASHES_MAX = 8  # updates of one channel that killed the process, until its notes stay closed
AUTHORS_MAX = 65_535  # of one channel; further ones share the last number
SITTING_PAUSE_MS = 10 * 60 * 1000  # longer pauses part what one member wrote in one go
SITTING_REMOVAL_UNITS = 16  # removed by one update: Backspace held for one batch removes 10
VERSIONS_KEPT = 512  # against which a splice may be made: minutes of writing by many
SPLICES_MAX = 4_096  # of one edit
EDIT_MAX_BYTES = 24 * 1024  # UTF-8 inserted by one change; leaves room in an update of 32 KiB
EDIT_MAX_HUNKS = 256  # places changed by one change; crdt allows 1,024 items in an update
SMALL_EDIT_CHARS = 2_000  # deleted by a part of a change that was too much at once
PROBES_MAX = 512  # questions after places, until the document that is asked is made anew
