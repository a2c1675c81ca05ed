"""Bounds of the face, each with its unit in the name and its reason beside it."""

HISTORY_PAGE_MESSAGES = 200
"""One read of history: three screens of a tall terminal, so that scrolling never waits. (Reading
80 at a time instead, scrolling takes half as much again: each page is laid out anew.)"""

FIRST_PAGE_MESSAGES = 80
"""What is read before anything is shown: a tall terminal of short messages. The rest of a page
comes as the user scrolls; reading 200 takes two thirds of the time of opening a channel."""

STRIP_CACHE_MESSAGES = 500
"""Painted messages kept: several screens in both directions, about 2 MiB."""

THUMBNAIL_CACHE_PICTURES = 64
"""Decoded previews kept; one is 4.6 kB of RGB, its painted rows about ten times that."""

STYLES_KEPT = 16_384
"""Pairs of colours in pictures, kept: a GIF has 256 colours, and they come again in each frame."""

ZOOM_MAX = 16
"""Times larger than the terminal: a camera's picture then has all its pixels."""

FILM_COLUMNS = 120
FILM_ROWS = 40
"""A moving picture in half blocks is at most so large: one frame is painted in a few ms."""

FILM_PAINTED_FRAMES = 24
"""Painted frames kept, about 1 MiB each at most; a short loop is painted once."""

FRAME_LEAST_MS = 50
FRAME_UNTOLD_MS = 100
"""Twenty frames a second are what a terminal follows; browsers take 100 ms for 0 as well."""

ALTS_ASKED = 8
"""Pictures shared at once that are asked about; who shares more does not want to be asked."""

ALT_CHARS = 1000
"""Longest description of a picture (the protocol's bound)."""

TILE_COLUMNS = 24
TILE_ROWS = 8
"""A preview in the gallery: a cat is told from a dog at this size, and three fit on 80 columns."""

GALLERY_PICTURES = 200
"""Newest pictures of a channel in its gallery; search finds older ones by their words."""

GALLERY_LOOK_SECONDS = 5.0
"""How often it is asked who holds the pictures while the gallery is open."""

SWARM_LOOK_SECONDS = 0.5
"""How often it is asked what passes while the swarm is looked at."""

SWARM_QUIET_MS = 1500
"""A link counts as giving for so long after a block: at 8 Mbit/s 1 MiB takes about that long."""

TEXT_MEASURE_COLUMNS = 100
"""Longest line of running text; longer ones tire the eye."""

GROUP_GAP_MS = 10 * 60 * 1000
"""A pause after which a message opens a new group, with its author's name again."""

PREVIEW_COLUMNS = 48
PREVIEW_ROWS = 14
"""A preview is recognisable at this size and leaves room for talk on 40 rows."""

SMALL_SCREEN_ROWS = 30
SMALL_PREVIEW_COLUMNS = 32
SMALL_PREVIEW_ROWS = 8
"""On a terminal of fewer rows than this, previews are smaller: a screen is for talk."""

MARKUP_NESTING_MAX = 4
"""Emphasis inside emphasis; more is a peer playing with the parser."""

MARKUP_TEXT_CHARS = 16_384
"""Longer texts are shown without markup: they are pasted logs."""

COMBINING_MAX = 4
"""Marks painted on one letter; no orthography stacks more than a few."""

EVENTS_WAITING = 512
"""Changed messages held for the next repaint; beyond that the timeline reads history anew."""

PASTE_LINES = 10
PASTE_BYTES = 2048
"""A longer paste is asked about: as text or as a file."""

COMPLETIONS_SHOWN = 8
"""Rows of the completion popup: it must not hide what is being answered."""

COMPOSER_ROWS = 8
"""The composer grows to this height, then scrolls."""

INPUT_HISTORY_LINES = 100
"""Sent lines that Up brings back."""

NOTES_BATCH_SECONDS = 0.3
"""Local edits of notes wait this long for each other (DESIGN 4: batched >= 300 ms)."""

NOTES_UNDO_STEPS = 200
"""Undo steps kept in a notes pane."""

TYPING_SHOWN_SECONDS = 5.0
"""How long "is writing" stays without news (chat.events.TypingShown)."""

TYPING_SENT_SECONDS = 3.0
"""Least time between two announcements that this member is writing."""

DRAFT_KEPT_SECONDS = 0.8
"""After the last key a draft is kept: a commit for every pause, not for every letter."""

CONTEXT_MESSAGES = 2
"""Shown on each side of a message that was found: enough to know what it was about."""

CONTEXT_PAUSE_SECONDS = 0.1
"""A search is gone through faster than its context can be read."""

NETWORK_LOOK_SECONDS = 2.0
"""How often the network screen looks around while it is open."""

TITLE_CHARS = 80
"""Longer titles of terminals are cut by whoever shows them."""

NAME_CHARS = 64
"""Profile, workspace and channel names (DESIGN 4, limits)."""

AWAY_CHARS = 80
"""Why somebody is away: a row beside the members' list (`chat.commands.SetAway`)."""

SEARCH_HITS = 100
"""Hits shown at once; who needs more narrows the search."""

LISTED_FILES = 2000
"""Entries of one folder in the file picker and in path completion."""

FLOOD_READ_SECONDS = 0.3
"""Between two readings of the visible page while a sync goes on; typing is worth more."""

OPENING_SECONDS = 0.05
"""A channel that is read within so long is painted with its messages at once, else without them."""

EVENT_READ_RETRY_SECONDS = 1.0
"""Pause before the event stream is opened again after it broke."""

TYPING_SECONDS = 0.5
"""After a key somebody counts as typing for so long: the pause between two slow letters."""

TYPING_FRAME_SECONDS = 0.1
"""Between two paintings for events while somebody types: still followed by the eye."""

IDLE_LOOK_SECONDS = 5.0
"""How often it is looked whether somebody is still here; settings count minutes."""

TURN_SECONDS = 1.0
"""A key that is not done with after so long holds up the next one no more: typing never stops."""

TURN_LOOK_SECONDS = 0.05
"""So soon it is noticed that what a key was handed to is gone: between two letters."""

SWEEP_START_SECONDS = 1.5
"""After this the first page is on the screen, and what is in memory stays there."""

SWEEP_EVERY_SECONDS = 5.0
"""How often it is looked whether memory wants sweeping and nobody waits."""

SWEEP_IDLE_SECONDS = 2.0
"""Whoever has not touched a key for so long hardly touches one in the next few milliseconds."""

SWEEP_AFTER_ROUNDS = 10
"""Rounds through young objects before the old ones are looked through (Python's own number)."""

SWEEP_AT_LAST_ROUNDS = 300
"""So many rounds are a million objects that stayed: then even somebody who types waits once."""

TOASTS = 3
"""Sentences that stand over the messages at once; each goes by itself after seconds."""
FEW_ROWS = 20
TOASTS_IN_FEW_ROWS = 2
"""Below so many rows a third one would reach what is being written."""
