"""From rows of named runs to strips of coloured segments.

Each look is a component class of the timeline, so a theme or a style sheet decides how it looks.
Every segment carries a background: a row with holes would show the terminal's own.
"""

from collections.abc import Callable

from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.strip import Strip
from textual.widget import Widget

from tui.inert import inert
from tui.terminal import linked
from tui.text.cells import width_of
from tui.text.runs import Emphasis, Look, Row, Run

SELECTED = "selected"
SELECTION_BAR = "▌"
COMPONENTS = frozenset({*(f"timeline--{look.value}" for look in Look), f"timeline--{SELECTED}"})


class Painter:
    """The colours of one theme. Make a new one when the theme changes.

    `hue` gives a member's colour as `#rrggbb`.
    """

    def __init__(self, widget: Widget, hue: Callable[[str], str]) -> None:
        self._hue = hue
        _, _, background, self._colour = widget.colors
        chosen = widget.get_component_styles(f"timeline--{SELECTED}")
        self._grounds = (background, background + chosen.background)
        self._bar = chosen.color
        # Without colours behind rows, the chosen one is turned round (styles/plain.tcss).
        self._marks = (Style.null(), chosen.text_style)
        self._looks = {
            look: widget.get_component_styles(f"timeline--{look.value}") for look in Look
        }
        self._styles: dict[tuple[Look, Emphasis, str, str, bool], Style] = {}

    @property
    def background(self) -> tuple[int, int, int]:
        """The colour behind pictures."""
        return self._grounds[0].rgb

    def base(self, selected: bool = False) -> Style:
        """The style of empty cells."""
        return Style.from_color(None, self._grounds[selected].rich_color) + self._marks[selected]

    def style(self, run: Run, selected: bool) -> Style:
        """The style of a run."""
        key = (run.look, run.emphasis, run.hue, run.link, selected)
        made = self._styles.get(key)
        if made is None:
            made = self._styles[key] = self._make(run, selected)
        return made

    def _make(self, run: Run, selected: bool) -> Style:
        rules = self._looks[run.look]
        ground = self._grounds[selected]
        if rules.has_rule("background"):
            ground = ground + rules.background
        colour = self._colour
        if run.hue:
            colour = Color.parse(self._hue(run.hue))
        elif rules.has_rule("color"):
            colour = rules.color
        style = Style.from_color((ground + colour).rich_color, ground.rich_color)
        style += rules.text_style + self._marks[selected]
        if run.emphasis:
            style += Style(
                bold=True if Emphasis.BOLD in run.emphasis else None,
                italic=True if Emphasis.ITALIC in run.emphasis else None,
                strike=True if Emphasis.STRIKE in run.emphasis else None,
            )
        return linked(style, run.link) if run.link else style

    def strip(self, runs: tuple[Run, ...], width: int, selected: bool = False) -> Strip:
        """A row of exactly `width` cells; a selected one has a bar in its first."""
        segments: list[Segment] = []
        used = 0
        for run in runs:
            text = inert(run.text)
            if text:
                segments.append(Segment(text, self.style(run, selected)))
                used += width_of(text)
        if used < width:
            segments.append(Segment(" " * (width - used), self.base(selected)))
        strip = Strip(segments, max(used, width)).crop(0, width)
        return self._with_bar(strip) if selected else strip

    def picture(
        self, slice_of: list[Segment] | None, indent: int, width: int, selected: bool
    ) -> Strip:
        """A row of a preview; an undecoded one is blank."""
        base = self.base(selected)
        segments = [Segment(" " * indent, base), *(slice_of or [])]
        used = sum(width_of(segment.text) for segment in segments)
        if used < width:
            segments.append(Segment(" " * (width - used), base))
        strip = Strip(segments, max(used, width)).crop(0, width)
        return self._with_bar(strip) if selected else strip

    def _with_bar(self, strip: Strip) -> Strip:
        ground = self._grounds[True]
        bar = Style.from_color((ground + self._bar).rich_color, ground.rich_color)
        bar += self._marks[True]
        return Strip([Segment(SELECTION_BAR, bar), *strip.crop(1)], strip.cell_length)


def text_of(row: Row) -> str:
    """What a row says, for copying."""
    return "".join(run.text for run in row if isinstance(run, Run))
