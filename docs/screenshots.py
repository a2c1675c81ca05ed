"""Draw the pictures of the README: `python docs/screenshots.py`.

The workspace is the lively one of the tests, shown by the real face, and saved as SVG.
"""

import asyncio
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.tui.lively import InlineDecoder, lively  # noqa: E402
from tui.app import ClowderApp  # noqa: E402
from tui.config import UiConfig  # noqa: E402

SIZE = (128, 37)
"""Columns and rows: wide enough for the members, and what a reader sees without scrolling."""
NOT_YET = ("reading",)
"""Channels of the lively workspace that nobody can make yet."""


async def draw(theme: str) -> str:
    """A picture of the workspace, as SVG."""
    workspace = lively()
    for channel in NOT_YET:
        del workspace.channels[channel]
    app = ClowderApp(workspace, UiConfig(theme=theme), InlineDecoder())
    async with app.run_test(size=SIZE) as pilot:
        while "▀▀▀" not in app.export_screenshot():
            await pilot.pause(0.05)
        # The font of the picture would be fetched from elsewhere; every reader has a fixed one.
        return re.sub(
            r"@font-face {.*?}\s*", "", app.export_screenshot(title="clowder"), flags=re.S
        )


def main() -> None:
    """All pictures."""
    images = ROOT / "docs" / "images"
    images.mkdir(exist_ok=True)
    for name, theme in (("workspace", "clowder"), ("workspace-light", "clowder-light")):
        (images / f"{name}.svg").write_text(asyncio.run(draw(theme)), "utf-8")


if __name__ == "__main__":
    main()
