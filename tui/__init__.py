"""The face: a Textual workspace that speaks commands and events, nothing else.

Textual paints at most 60 times a second, so that a key waits for up to 17 ms until what it did is
shown. At 240 it is 4 ms, less than the painting itself takes, and as nothing is painted that has
not changed it costs nothing: what others send is painted at a pace of its own (`tui.bridge`).
"""

import os

os.environ.setdefault("TEXTUAL_FPS", "240")
