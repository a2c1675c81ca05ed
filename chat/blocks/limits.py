"""Every bound of the block layer, unit in the name, reason beside it."""

KIB = 1024
MIB = 1024 * KIB

CID_BYTES = 36  # 0x01, codec, 0x12, 0x20 and a SHA-256
CHUNK_MIN_BYTES = 64 * KIB  # below this the swarm's messages outweigh the gain (notes: 1.17x bound)
CHUNK_MAX_BYTES = 1 * MIB  # IPFS nodes refuse blocks over 2 MiB; a chunk is lost whole on a cut
CHUNKS_FLAT_MAX = 128  # enough to spread over 20 peers, and the manifest stays under 6 KiB
SUB_LINKS_MAX = 1024  # links a sub-manifest: 42 KB, smaller than one chunk
SUBS_MAX = 64  # sub-manifests a root: the HAVE bitmap of a file fits one 16 KiB link frame
FILE_MAX_BYTES = SUBS_MAX * SUB_LINKS_MAX * CHUNK_MAX_BYTES  # 64 GiB
PIECES_MAX = SUBS_MAX * SUB_LINKS_MAX + SUBS_MAX  # bits in the largest HAVE bitmap
TAG_BYTES = 16  # Poly1305, at the end of every sealed chunk
BLOCK_MAX_BYTES = CHUNK_MAX_BYTES + TAG_BYTES  # the largest block there is
MANIFEST_MAX_BYTES = 64 * KIB  # 1,024 links of 41 bytes and the rest of the node, with room

CBOR_DEPTH_MAX = 8  # manifests need 2; a bound keeps hostile nesting off the Python stack
CBOR_ITEMS_MAX = 16 * 1024  # values in one node; a manifest has at most 1,028

FOLDER_FILES_MAX = 1_000  # files in a folder; with its depth at most 15 values each, one node
FOLDER_DEPTH_MAX = 8  # folders and name in a file's path
FOLDER_PART_MAX_CHARS = 255  # of one of these
FOLDER_TYPE_MAX_CHARS = 127  # RFC 6838 section 4.2
FOLDER_MAX_BYTES = 2 * MIB  # of a listing: 1,000 files with long paths, with room

MESSAGE_MAX_BYTES = BLOCK_MAX_BYTES + 256  # a block and its envelope
BITMAP_MAX_BYTES = (PIECES_MAX + 7) // 8
HAVE_PIECES_MAX = 4096  # piece numbers in one HAVE-MORE; more are split
RETRY_MAX_MS = 60_000  # a refusal never silences a holder for longer than this

PRIORITY_WANTED = 4  # on a link, of what somebody waits for: after everything of the chat itself
PRIORITY_PREFETCH = 5  # and of what nobody waits for
HAVE_BATCH_MS = 10  # finished pieces gather this long before they are announced
HAVE_PROMPT_PEERS = 2  # so many hear at once; telling all 20 would double all messages
HAVE_ALONG_PIECES = 8  # the others along with another message when so many are owed to them
HAVE_LATE_PIECES = 32  # or by themselves when so many are
HAVE_LATE_MS = 2_000  # or after this, should a rare piece be known to too few
OUTSTANDING_MAX = 8  # requests on their way to all holders together
OUTSTANDING_LEAST = 2  # in a swarm as many as each uplink has room for: more are only refused
PACE_REGAINED = 0.5  # requests more at a time for each block that comes, one less for each BUSY
OUTSTANDING_PER_HOLDER = 2  # one being sent, one queued behind it; more where the path is long
DEFERRED_REST_SHARE = 1 / 64  # of a DEFERRED's time its sender is not asked for anything else
STALE_MS = 2_000  # a request older than this does not keep us from asking other holders
STORING_MAX = 16  # blocks received and not yet on disk; a slow disk slows the requests
WINDOW_PIECES = 1024  # rarest-first looks at this many missing pieces, so a pick costs the same
IN_ORDER_PIECES = 16  # of a file that is used while it comes, so many go first: 1 to 16 MiB ahead
TRIES_PER_INPUT = 64  # files looked at for one input; more are looked at a millisecond later
LIVE_EXACT_MAX = 64  # with more files under way the next wake-up is not computed but
LIVE_POLL_MS = 50  # so far off
END_GAME_PIECES = 4  # so many pieces before the end, a slow one is asked for twice
END_GAME_PATIENCE_MS = 250  # a healthy answer on a LAN takes a tenth of this
LAST_RESORT_PATIENCES = 4  # and after so many times that of a holder of a later rank, too
REQUEST_BASE_MS = 5_000  # an answer later than this plus the transfer at the floor rate is lost
REQUEST_FLOOR_BYTES_PER_MS = 32  # 256 kbit/s, a poor mobile uplink
STRIKE_MS = 5_000  # a holder that let a request time out rests this long, doubled each time
STRIKE_MAX_MS = 120_000
RETRY_MIN_MS = 2  # a hostile hint of 0 does not make us ask in a loop
ANSWER_MS = 1_000  # a peer that has not answered WANT-ROOT by then is not waited for
LATE_MAX = 64  # blocks a holder, asked for and given up, that are still welcome

UPLOADS_QUEUED_MAX = 2  # chunks waiting for the uplink; more become BUSY (notes: 2.1x against 1.2x)
UPLOADS_PREFETCH_MAX = 1  # of these, for peers that only prefetch, while people ask, too:
UPLOADS_PEOPLE_MS = 2_000  # which is when a person asked so recently; a chunk's time on a slow line
UPLOADS_ALONE_MAX = 8  # for one peer that can ask nobody else: nothing is lost by a longer queue
UPLOADS_OPEN_MAX = 16  # with those that stalled on a slow link and no longer count
BUSY_LINE_SHARE = 0.5  # of a chunk's time between two refused peers' turns: some come in vain
BUSY_LINE_MAX_MS = 1_000  # nobody is sent further back than this
UPLOAD_STALL_MS = 1_000  # longer in the queue than this: the far end is slow, not our uplink
UPLOAD_STALL_LENGTHS = 4  # and than so many times its own time on the uplink
UPLOAD_FORGET_MS = 60_000  # an upload nobody reported as sent stops being counted
UPLINK_GUESS_BYTES_PER_MS = 12 * KIB  # 100 Mbit/s, before anything was measured
NODE_READS_PER_PEER_MAX = 16  # manifests being read for one peer
ONCE_MIN_MS = 1_000  # the origin gives a chunk to a second peer after this at the earliest
ONCE_MAX_MS = 15_000  # and after this at the latest
ONCE_SPREADS = 3  # in between: so many times the file's time on the uplink
ONCE_MARKS_MAX = 65_536  # remembered first servings

TREES_MAX = 256  # files whose layout is kept in memory although nothing is wanted of them
TREE_PIECES_MAX = 262_144  # and pieces of these together, 36 bytes each
WAITING_PER_FILE_MAX = 256  # messages kept while a file's layout is read from disk
SUBSCRIPTIONS_PER_PEER_MAX = 1_024  # roots a peer may be told about
OFFERS_MAX = 256  # own roots repeated to a relay that appears later

HOLDING_ROOTS_MAX = 256  # files in one ASK-HOLDING or HOLDING: 10 KB, one frame
HOLDINGS_PER_PEER_MAX = 16_384  # files of which is remembered whether a peer holds them, 1 MB
WATCHED_PER_PEER_MAX = 16_384  # files of which a peer is told when we hold them, or no longer do
PROMISE_MAX_MS = 600_000  # nobody binds another for longer
PROMISE_MS = 60_000  # what we ask for; drops happen in the first half of it (clocks may drift)
PROMISES_PER_PEER_MAX = 1_024  # files that one peer can bind here at a time
SHED_ASK_MS = 3_000  # who has not answered by then is not waited for
SHED_ASKED_MAX = 64  # files asked about at a time: whoever asks promises nothing meanwhile
REPLICA_SPREAD_MS = 60_000  # who could take a copy waits up to so long, to see whether others do
REPLICA_PLANNED_MAX = 1_024  # files for which that is planned at a time
REPLICA_FETCHES_MAX = 2  # copies taken at a time: what people ask for is never far behind

assert CHUNK_MAX_BYTES // CHUNK_MIN_BYTES == 2**4
assert FOLDER_FILES_MAX * (FOLDER_DEPTH_MAX + 7) + 6 <= CBOR_ITEMS_MAX
assert BITMAP_MAX_BYTES < 16 * KIB
assert SUB_LINKS_MAX * 41 + 64 <= MANIFEST_MAX_BYTES
