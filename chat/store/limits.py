"""Every bound of the store, unit in the name, reason beside it."""

PAGE_CACHE_KIB = 8 * 1024  # holds the inner pages of 100,000 messages' indexes; memory stays small
WAL_KEPT_BYTES = 16 * 1024 * 1024  # a big sync's write-ahead log is cut back to this
STATEMENTS_CACHED = 256  # more than there are, so none is compiled twice
NAMES_CACHED = 16_384  # devices, members, epochs, roster hashes: 1.5 MB; beyond it they are re-read
RECEIPTS_CACHED_LOGS = 1_024  # the logs of what is on screen, and more
WORKSPACES_MAX = 2**20  # an arrival is 40 bits below the workspace's number in one row id
ARRIVAL_BITS = 40  # a thousand entries a second for 34 years

CLAIMS_MAX = 256  # of people waiting to be admitted; the oldest makes room
ADDRESSES_MAX = 64  # where peers were last met; the oldest makes room
CURSORS_MAX = 1_024  # stores met; a peer that changes its name each time costs no more than this
TOUCHED_BY_ENTRIES_MAX = 20_000  # after a cursor; beyond so many looking at every log is quicker
SPENT_CACHED = 1_024  # days of devices; beyond it they are read again
UNHELD_LOGS_MAX = 20_000  # logs known only from receipts: a newcomer's, not an inventor's

PROJECTED_AT_ONCE = 512  # operations: few statements, and little memory whatever was asked for
PURGE_PAGES = 500  # of the search index merged at once: 2 MB, some 20 ms
READ_AT_ONCE_ENTRIES = 1_000  # of those that waited for a key: half a megabyte
LATE_AFTER_MS = 2 * 60 * 1000  # a message this far above what was read is shown as late
UNREAD_COUNTED_MAX = 1_000  # shown as "999+"; counting stops here
REACTIONS_SHOWN_MAX = 1_000  # rows read for one message, whatever its readers did to it
FOUND_BY_PREFIX_MAX = 16  # ids given for an ambiguous beginning; two would do to say so
FILES_FOUND_MAX = 16  # messages with one plaintext; one would do to post it again
REASON_MAX_CHARS = 200  # why an entry was set aside; a sentence
COLOUR_MAX_CHARS = 32  # what crdt.ops accepts, as the next two
SETTING_NAME_MAX_CHARS = 64
SETTING_VALUE_MAX_CHARS = 1_024

QUERY_MAX_CHARS = 256  # of a search; what a person types
QUERY_WORDS_MAX = 16  # words that must all occur
FOUND_AT_ONCE = 200  # messages read for a search before it is looked whether they are enough
SNIPPET_CHARS = 120  # two terminal lines around the first word found
