"""The face: a Textual workspace that speaks commands and events, nothing else.

Textual paints at most 60 times a second, so that a key waits for up to 17 ms until what it did is
shown. At 120 it is half of that, and as nothing is painted that has not changed it costs nothing.
"""

import os

os.environ.setdefault("TEXTUAL_FPS", "120")
