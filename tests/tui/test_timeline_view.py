"""The timeline as it is seen: what is read stays where it is."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC

from textual.app import App, ComposeResult
from textual.geometry import Offset
from textual.pilot import Pilot
from textual.selection import Selection

from chat.model import Author, FileView, Message
from tests.tui.face import rows_of, story, until
from tests.tui.lively import InlineDecoder, cat_picture
from tests.tui.made import BO, HOSTILE, ME, START_MS, message
from tui.pictures import Gallery
from tui.text.frame import Frame
from tui.text.moments import Calendar
from tui.timeline.widget import Timeline


class Bench(App[None]):
    """A timeline and nothing else."""

    CSS_PATH = ["../../tui/styles/timeline.tcss"]  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        frame = Frame(80, Calendar(UTC), me=ME.member, now=START_MS)
        self.timeline = Timeline(frame, lambda _: "#e8a87c", Gallery(InlineDecoder()))
        self.pages: list[bool] = []
        self.moves: list[tuple[int, bool]] = []
        self.chosen: list[tuple[str, str]] = []

    def get_css_variables(self) -> dict[str, str]:
        return super().get_css_variables() | {"muted": "#999999", "faint": "#666666"}

    def compose(self) -> ComposeResult:
        yield self.timeline

    def on_timeline_page_wanted(self, event: Timeline.PageWanted) -> None:
        self.pages.append(event.older)

    def on_timeline_moved(self, event: Timeline.Moved) -> None:
        self.moves.append((event.below, event.at_end))

    def on_timeline_chosen(self, event: Timeline.Chosen) -> None:
        self.chosen.append((event.action, event.message.id))


def shown(app: App[None]) -> list[str]:
    """The rows in view, without the scroll bar."""
    return [row[:-1].rstrip() for row in rows_of(app)]


@asynccontextmanager
async def bench(
    loaded: list[Message], size: tuple[int, int] = (60, 20), **more: object
) -> AsyncIterator[tuple[Bench, Timeline, Pilot[None]]]:
    app = Bench()
    async with app.run_test(size=size) as pilot:
        app.timeline.show(loaded, **{"has_older": False, **more})  # type: ignore[arg-type]
        app.timeline.focus()
        await pilot.pause()
        yield app, app.timeline, pilot


@story
async def test_the_view_follows_the_end_until_the_reader_scrolls_up() -> None:
    async with bench([message(n, f"message {n}") for n in range(50)]) as (app, timeline, pilot):
        assert "message 49" in shown(app)[-1]
        timeline.merge([message(50, "message 50", BO)])
        await pilot.pause()
        assert "message 50" in shown(app)[-1]
        timeline.scroll_to(y=timeline.scroll_y - 10, animate=False, immediate=True)
        await pilot.pause()
        before = shown(app)
        timeline.merge([message(51, "message 51"), message(52, "message 52")])
        await pilot.pause()
        assert shown(app) == before
        assert app.moves[-1] == (2, False)
        timeline.jump_end()
        await pilot.pause()
        assert "message 52" in shown(app)[-1]
        assert app.moves[-1] == (0, True)


@story
async def test_the_view_stays_still_while_rows_come_and_go_above_it() -> None:
    loaded = [message(n, f"message {n}") for n in range(100, 200)]
    async with bench(loaded, has_older=True) as (app, timeline, pilot):
        timeline.scroll_to(y=60, animate=False, immediate=True)
        await pilot.pause()
        before = shown(app)
        timeline.page(
            [message(n, f"older {n}\nand more") for n in range(100)], older=True, more=True
        )
        await pilot.pause()
        assert shown(app) == before
        timeline.merge([message(105, "between\nothers", BO, id="e" * 32, order=f"{105:016x}z")])
        await pilot.pause()
        assert shown(app) == before
        timeline.merge([message(102, "message 102\nwith\nmore\nlines", edited=True)])
        await pilot.pause()
        assert shown(app) == before


@story
async def test_the_next_page_is_asked_for_once_and_early() -> None:
    loaded = [message(n, f"message {n}") for n in range(100, 200)]
    async with bench(loaded, has_older=True) as (app, timeline, pilot):
        assert app.pages == []
        await pilot.press("g")
        await pilot.pause()
        assert app.pages == [True]
        timeline.page([message(n, f"older {n}") for n in range(50, 100)], older=True, more=False)
        await pilot.pause()
        await pilot.press("g")
        await pilot.pause()
        assert app.pages == [True]
        assert timeline.has_older is False


@story
async def test_messages_of_parts_that_are_not_loaded_are_only_counted() -> None:
    loaded = [message(n, f"message {n}") for n in range(100, 150)]
    async with bench(loaded, has_older=True, has_newer=True) as (_, timeline, pilot):
        timeline.merge([message(5, "far above"), message(200, "far below")])
        await pilot.pause()
        assert len(timeline.sheet) == 50
        assert timeline.below == 1
        assert not timeline.follows


@story
async def test_a_new_width_or_height_keeps_the_place() -> None:
    loaded = [message(n, f"message {n} " + "word " * 20) for n in range(60)]
    async with bench(loaded) as (app, timeline, pilot):
        await pilot.resize_terminal(44, 20)
        await until(pilot, lambda: timeline.frame.width == 43)
        assert any("word" in row for row in shown(app)[-3:])
        assert timeline.follows
        timeline.scroll_to(y=100, animate=False, immediate=True)
        await pilot.pause()
        top = timeline.sheet.find(100)
        assert top is not None
        await pilot.resize_terminal(100, 12)
        await until(pilot, lambda: timeline.frame.width == 99)
        now = timeline.sheet.find(round(timeline.scroll_y))
        assert now is not None
        assert now.index == top.index


@story
async def test_letters_select_and_act_on_messages() -> None:
    loaded = [message(n, f"message {n}") for n in range(30)]
    async with bench(loaded) as (app, timeline, pilot):
        await pilot.press("k")
        assert timeline.selected == loaded[29]
        await pilot.press("k", "k", "j")
        assert timeline.selected == loaded[28]
        assert any(row.startswith("▌") for row in shown(app))
        await pilot.press("r", "plus_sign")
        await pilot.pause()
        assert app.chosen == [("reply", loaded[28].id), ("react", loaded[28].id)]
        await pilot.press("g")
        assert timeline.selected == loaded[0]
        await pilot.press("G")
        assert timeline.selected == loaded[29]
        assert timeline.follows
        await pilot.press("escape")
        assert timeline.selected is None
        timeline.step_to(lambda one: one.id == loaded[7].id, -1)
        assert timeline.selected == loaded[7]


@story
async def test_few_messages_stand_at_the_bottom() -> None:
    async with bench([message(1, "only one")], lead="The beginning.") as (app, _, _pilot):
        assert shown(app)[-1].endswith("only one")
        assert " The beginning." in shown(app)


@story
async def test_pictures_are_painted_in_rows_that_scroll() -> None:
    cat = FileView(
        "bafkcat", "cat.png", 9, "image/png", 1.0, 160, 100, cat_picture(160, 100), "a cat"
    )
    loaded = [message(n, f"message {n}") for n in range(30)]
    loaded.append(message(30, "look", files=(cat,)))
    async with bench(loaded, size=(60, 34)) as (app, timeline, pilot):
        await until(pilot, lambda: sum("▀▀▀" in row for row in shown(app)) == 14)
        timeline.scroll_to(y=timeline.scroll_y - 6, animate=False, immediate=True)
        await pilot.pause()
        assert sum("▀▀▀" in row for row in shown(app)) == 8


@story
async def test_text_is_selected_over_rows() -> None:
    async with bench([message(n, f"message {n}") for n in range(3)]) as (app, timeline, pilot):
        first = next(y for y, row in enumerate(shown(app)) if "message 0" in row)
        selection = Selection(Offset(8, first), Offset(15, first + 1))
        assert timeline.get_selection(selection) == ("message 0\n 09:01  message", "\n")
        app.screen.selections = {timeline: selection}
        await pilot.pause()
        assert "message 0" in shown(app)[first]
        strip = timeline.render_line(first)
        for start in range(0, 60, 7):
            for end in range(0, 70, 7):
                span = Selection(Offset(start, 0), Offset(end, 0))
                assert timeline._canvas.marked(strip, span, 0).text == strip.text


@story
async def test_nothing_hostile_reaches_the_terminal() -> None:
    loaded = [
        message(
            n, text, Author(f"{n:064x}", text[:80]), reply_to="1" * 32,
            files=(FileView(f"f{n}", text[:200], 5, "image/png", alt=text[:200]),),
            reactions={text[:8]: (ME,)},
        )
        for n, text in enumerate(HOSTILE)
    ]  # fmt: skip
    async with bench(loaded, size=(90, 200)) as (app, timeline, _):
        timeline.reframe(parent=lambda _: loaded[0])
        for y in range(timeline.size.height):
            text = timeline.render_line(y).text
            assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in text)
            assert not any(c in text for c in "\u202a\u202b\u202d\u202e\u2066\u2067\u2068\ud800")
            assert text.count("\u0301") <= 4 * 3
        assert any("[/oops]" in row for row in shown(app))
        assert any("[@click=app.quit]quit[/]" in row for row in shown(app))
