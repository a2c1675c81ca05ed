"""Every bound of the shell around files and blocks, unit in the name, reason beside it."""

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

BLOCK_THREADS = 4  # blocks being read or written at once: fsync waits, so more than one helps
FILE_THREADS = 2  # files of the user being read or written at once; the others wait in line
RECENT_BYTES = 8 * MIB  # of blocks just stored stay in memory: others ask for them next
SENT_POLL_MS = 5.0  # how late the exchange may learn that a block has left a quick link
SENT_POLL_MAX_MS = 50.0  # and a slow one, where nothing left since we last looked

SHARES_REMEMBERED = 16_384  # files whose share on this disk is known without counting: 2 MB
TRANSFERS_KEPT = 256  # finished ones that are still listed

AUTO_FETCH_BYTES = 16 * MIB  # pictures up to here come by themselves
QUOTA_BYTES = 10 * GIB  # of files that a machine keeps, a relay or not, unless told otherwise
COPIES_WANTED = 3  # of each file in a workspace: two machines may fail at once
WATER_PARTS = 16  # of the quota: one part is left free for what comes, down to two it is made free
IN_USE_SECONDS = 600.0  # what was put, fetched or opened so recently is not dropped
REPLICATE_SECONDS = 120.0  # between looks for files with too few copies, half to one and a half
LOOK_AGAIN_SECONDS = (
    30.0  # after an attempt to make room, to three times that: others came, or went
)
REFUSED_AGAIN_SECONDS = 10.0  # and when others asked about the same files at the same time
CENSUS_SECONDS = 1.0  # who has not said by then what it holds is not waited for
TURNED_AWAY_MAX = 1_024  # files that a relay had no room for and takes when it has
RELAY_WANTS_MAX = 1_024  # files a relay is after at once; a peer that names more is not believed

FLOW_DEVICES_MAX = 256  # whose traffic is told; more links than a machine has
FLOW_FILES_MAX = 64  # files of each that are told: more than a screen shows
FLOW_ASKS_MAX = 512  # blocks asked for and not sent yet, each way; a window and its end game
SWARM_FILES_MAX = 32  # files that are told at once, those that moved last

PATH_SHOWN_CHARS = 300  # of the user's own path, in a sentence
