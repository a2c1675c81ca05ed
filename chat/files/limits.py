"""Every bound of the shell around files and blocks, unit in the name, reason beside it."""

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

BLOCK_THREADS = 4  # blocks being read or written at once: fsync waits, so more than one helps
FILE_THREADS = 2  # files of the user being read or written at once; the others wait in line
SENT_POLL_MS = 2.0  # how late the exchange may learn that a block has left a quick link
SENT_POLL_MAX_MS = 50.0  # and a slow one, where nothing left since we last looked

SHARES_REMEMBERED = 16_384  # files whose share on this disk is known without counting: 2 MB
TRANSFERS_KEPT = 256  # finished ones that are still listed

AUTO_FETCH_BYTES = 16 * MIB  # pictures up to here come by themselves
RELAY_QUOTA_BYTES = 10 * GIB  # what a relay keeps of everybody's files unless told otherwise
RELAY_WANTS_MAX = 1_024  # files a relay is after at once; a peer that names more is not believed

PATH_SHOWN_CHARS = 300  # of the user's own path, in a sentence
