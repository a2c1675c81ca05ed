"""Bounds of what is shown and never kept: unit in the name, reason beside it."""

EPHEMERAL_MAX_BYTES = 512  # a signed message with everything in it is under 500
PLACE_MAX_BYTES = 128  # of a cursor; one is under 64
SAID_MAX_BYTES = 384  # what a signed message says: eight short addresses, or a place
AWAY_MAX_CHARS = 80  # why somebody is away: one row beside a list, and at most 320 bytes
URLS_MAX = 8  # as in an introduction
URL_MAX_CHARS = 128  # an address that goes round; longer ones are told first-hand only
URLS_MAX_BYTES = 336  # of all of them, so that they fit into SAID_MAX_BYTES

HOPS_MAX = 10  # two devices of 500 are five hops apart, and one in the corner of a building more
STAMP_WINDOW_MS = 10 * 60_000  # clocks differ by less; what is older was recorded and is replayed
RECENT_MAX = 32  # stamps of one device that are recognised when they come another way, too
BURST_MAX = 20  # messages of one device passed on at once: somebody types, and moves a cursor
EVERY_MS = 300  # and then one in so long: three a second, whatever a device floods its peers with

HERE_EVERY_MS = 2 * 60_000  # how often a device says that it is online
HERE_PER_DEVICE_MS = 6_000  # and not oftener than this times the team: 200 make 60 bytes/s a link
HERE_KEPT = 2.5  # times that long it is believed: one may be lost
HERE_MAX_SECONDS = 3 * 60 * 60  # whatever is said; a team of 500 needs two of these hours
HERE_AGAIN_MS = 3_000  # between two, when others believe that this one is gone
LOST_AFTER_MS = 2_000  # from the end of a link to saying so; a flapping one is back by then
LOST_SPREAD_MS = 4_000  # more, drawn, so that of a dozen neighbours one says it
SUSPECT_MS = 10_000  # for a device to say that it is not gone
CARDS_MAX = 1_024  # devices known to be online
CARDS_AT_ONCE = 64  # told to whoever links: 12 KiB, and more come with the time
PURGE_AFTER_MS = 1_000  # between two steps of taking erased words from the search index
