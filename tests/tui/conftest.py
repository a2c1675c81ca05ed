"""The face is tested as in a terminal of many colours, wherever the tests run."""

import os

os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
for name in ("NO_COLOR", "TEXTUAL_ANIMATIONS", "TEXTUAL_COLOR_SYSTEM", "TMUX"):
    os.environ.pop(name, None)
