"""Every bound of the links' shell: unit in the name, reason beside it.

Those of one link (times to dial, to open, of silence; queues) are in `transport.proto.limits`.
"""

INTRODUCTION_VERSION = 1
INTRODUCTION_MAX_BYTES = 4 * 1024  # what a handshake carries
INTRODUCTION_URLS_MAX = 8  # as in an announcement: a laptop has two or three addresses
URL_MAX_BYTES = 512  # of one address; names of hosts end at 253

TARGETS_MAX = 256  # addresses being tried; what a person asked for comes on top
TARGET_URLS_MAX = 8  # addresses tried for one device
OWN_URLS_MAX = 64  # addresses found to be this device's, not to be dialled again
DIALS_MAX = 8  # targets being dialled at the same moment
DIAL_STAGGER_SECONDS = 0.25  # before the next address of a target is tried beside the first
ANNOUNCEMENTS_MAX = 128  # of others, kept for secrets to come: whoever joins knows whom to dial
FOUND_BURST = 64  # announcements followed at once: everybody in the room at the start
FOUND_EVERY_SECONDS = 0.5  # and one in so long after that: a rogue announcer keeps nobody busy
FOUND_FORGET_SECONDS = 2 * 60 * 60.0  # announcements are renewed hourly
HEARD_FORGET_SECONDS = 10 * 60.0  # an address known by hearsay that leads nowhere for so long
REMEMBERED_MAX = 64  # addresses of former times that are tried at the start
MESH_LINKS_MAX = 48  # with so many links none is dialled that nobody asked for; 32 make a full mesh
LET_GO_ABOVE = 40  # devices online; so a team of 32 or 33 does not link and unlink all day
LET_GO_AFTER_SECONDS = 60.0  # a link stood: what it was dialled for is done, and views agree
LET_GO_EVERY_SECONDS = 5.0  # one at a time, looking again each time
NEEDLESS_CODE = 64  # of a link that is let go
TOLD_SPREAD_SECONDS = 0.3  # before dialling whom others told of: not all at the same moment
TOLD_SECOND_SECONDS = 1.0  # more for the one with the larger id: usually the other's dial is enough

ACCEPTED_HEAD_START_SECONDS = 1.0  # whoever dialled a lost link dials again first
RESTLESS_SECONDS = 5.0  # a link that stood for less counts as a failure of dialling
COOL_DOWN_FIRST_SECONDS = 2.0  # after a fault or a refusal, doubled each time
COOL_DOWN_MAX_SECONDS = 60.0  # an update or a new admission helps within a minute

STRANGERS_MAX = 32  # links to devices outside the roster, which come to claim an invite
PARKED_MAX = 2  # links to one device that wait until an older one proves dead
PARKED_SECONDS = 5.0  # then the older one has proven alive and the newer is closed
PROBE_SURPLUS_SECONDS = 0.5  # without a sign of life beside a newer link the older one is dead
PROBE_NETWORK_SECONDS = 0.6  # likewise after the network changed; measured: back within 2.5 s
PROBE_ROUND_TRIPS = 3  # and never less than so many round trips

LISTEN_TRIES = 4  # a free port of one family may be taken in the other
END_TEXT_MAX_CHARS = 200  # what another device says when it hangs up
