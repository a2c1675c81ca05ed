"""A lively workspace: what a team of seven says in a morning, with pictures, threads and notes."""

import io
import math

from msgspec.structs import replace
from PIL import Image, ImageDraw, ImageSequence

from chat.model import Author, FileView, Message, Notes, Peer, Status
from tests.tui.fake_session import FakeSession
from tui.pictures import Animation, Thumbnail

DAY_MS = 24 * 3600 * 1000


def lively() -> FakeSession:
    """Channels, members and talk of two days; this member is mia."""
    world = FakeSession()
    for nick, level, online in (
        ("ana", 0, True), ("bo", 50, True), ("mia", 100, True), ("jun", 100, True),
        ("noor", 100, False), ("pavel", 100, False), ("zoë", 200, True),
    ):  # fmt: skip
        world.add_member(nick, level, online=online, me=nick == "mia", devices=1 + (nick == "ana"))
    for name, topic, mode in (
        ("general", "The whole clowder. Be kind, be brief.", "private"),
        ("cats", "Pictures first, questions later", "private"),
        ("relay-box", "The machine in the kitchen", "private"),
        ("releases", "", "public"),
        ("reading", "One paper a week", "hidden"),
    ):  # fmt: skip
        world.add_channel(name, topic=topic, mode=mode)
    world.channels["cats"] = replace(world.channels["cats"], unread=2, mentions=1)
    world.channels["releases"] = replace(world.channels["releases"], unread=12)
    _fill_general(world)
    _fill_cats(world)
    world.notes["general"] = Notes(
        "general",
        "# Friday\n\n- relay: new disk, 2 TB (jun)\n- try the branch on the old laptop\n"
        "- cake for noor\n\nOpen: who talks to the landlord about the cable?\n",
        version=4,
    )
    world.status = Status(
        "live",
        workspace="ab" * 32,
        name="Clowder Works",
        member=world.me.member,
        nick="mia",
        device="d1" * 32,
        level=100,
        behind=0,
        links=(
            Peer("ws://10.0.0.4:7311", "linked", world.author("ana").member, "ana", "01" * 32,
                 rtt_ms=2.1, behind=0),
            Peer("ws://10.0.0.9:7311", "linked", world.author("bo").member, "bo", "02" * 32,
                 rtt_ms=3.4, behind=0),
            Peer("ws://10.0.0.2:7311", "linked", "", "kitchen", "03" * 32, True, 1.2, behind=0),
        ),
        messages=20,
    )  # fmt: skip
    return world


def _add(world: FakeSession, channel: str, nick: str, text: str, **more: object) -> Message:
    return world.put(world.make(channel, world.author(nick), text, **more))


def _fill_general(world: FakeSession) -> None:
    add = lambda nick, text, **more: _add(world, "general", nick, text, **more)  # noqa: E731
    world.now -= DAY_MS
    add("noor", "Train is late, start without me.")
    add("pavel", "Same train. Seat 14 has coffee, if somebody wants to know what hope smells like.")
    world.now += DAY_MS - 2 * 3600 * 1000
    add("ana", "Morning! The relay box moved to the kitchen, next to the window.")
    ask = add("ana", "Does everybody still see it? It should say **kitchen** in `/peers`.")
    add(
        "bo",
        "I do. 1.2 ms, that is closer than my own router.",
        reactions={"👍": (world.author("ana"), world.author("mia")), "🐈": (world.author("jun"),)},
    )
    add(
        "jun",
        "Works here, and it caught up in a second after I opened the lid:\n"
        "```\n$ clowder status\nin sync, 3 linked, relay kitchen\n```",
        reply_to=ask.id,
    )
    add(
        "mia",
        "Same. I was offline on the train and everything I wrote went out by itself.",
        reached=(6, 6),
        reply_to=ask.id,
    )
    world.now += 900_000
    picture = cat_picture(320, 200)
    add(
        "zoë",
        "The new colleague has taken over the warm spot on top of it.",
        pinned=True,
        files=(
            FileView(
                "bafybeicat",
                "kitchen-cat.png",
                182_340,
                "image/png",
                1.0,
                1600,
                1000,
                picture,
                "A grey cat asleep on a small computer",
            ),
        ),
        reactions={"😻": (world.author("ana"), world.author("bo"), world.author("mia"))},
    )
    world.bodies["bafybeicat"] = cat_picture(800, 500)
    add(
        "bo",
        "> taken over\nPromoted, I think. See https://clowder.example/staff for the org chart.",
    )
    add(
        "pavel",
        "@mia can you put the door code into the notes? I am out of my ~~mind~~ keys again.",
        mentions_me=True,
    )
    add("mia", "Done, it is in the notes (Ctrl+N). *Please* do not read it aloud in the lift.",
        reached=(4, 6), edited=True)  # fmt: skip


def _fill_cats(world: FakeSession) -> None:
    _add(
        world,
        "cats",
        "jun",
        "Monday cat, as is tradition",
        files=(
            FileView(
                "bafkcat",
                "monday.jpg",
                1_482_340,
                "image/jpeg",
                0.61,
                1200,
                1200,
                cat_picture(160, 160),
            ),
        ),
    )
    _add(world, "cats", "ana", "Look at the whiskers @mia", mentions_me=True)  # fmt: skip


def crowd(count: int) -> FakeSession:
    """A workspace whose general channel holds `count` messages."""
    world = lively()
    people = [Author(member.member, member.nick) for member in world.members.values()]
    words = "the relay in kitchen is back and moved next to window why not ask about cats".split()
    start = world.now - count * 50_000
    messages = []
    for number in range(count):
        text = " ".join(words[(number * 7 + at * 3) % len(words)] for at in range(number % 29 + 1))
        if number % 19 == 0:
            text += " **bold** and `code`"
        if number % 23 == 0:
            text += " 🐈 ok"
        if number % 31 == 0:
            text += "\nsecond line"
        author = people[number // 3 % len(people)]
        messages.append(
            Message(
                f"{number:032x}", "general", author, start + number * 50_000, text,
                f"{start + number * 50_000:016x}{number:032x}", mine=author.nick == "mia",
                reached=(6, 6),
            )
        )  # fmt: skip
    world.history("general", messages)
    return world


def cat_picture(width: int, height: int) -> bytes:
    """A cat asleep in the evening sun, as PNG."""
    image = Image.new("RGB", (width, height))
    pen = ImageDraw.Draw(image)
    for row in range(height):
        share = row / height
        pen.line(
            [(0, row), (width, row)],
            (int(250 - 90 * share), int(190 - 100 * share), int(120 + 20 * share)),
        )

    def at(x: float, y: float) -> tuple[int, int]:
        return int(x * width), int(y * height)

    pen.rectangle([at(0, 0.78), at(1, 1)], (74, 56, 70))
    pen.ellipse([at(0.70, 0.08), at(0.86, 0.34)], (255, 236, 170))
    fur, shade, light = (92, 96, 112), (70, 73, 88), (138, 142, 158)
    pen.ellipse([at(0.22, 0.42), at(0.78, 0.90)], fur)
    pen.ellipse([at(0.12, 0.44), at(0.42, 0.84)], light)
    pen.polygon([at(0.14, 0.54), at(0.15, 0.30), at(0.25, 0.46)], fur)
    pen.polygon([at(0.30, 0.45), at(0.40, 0.30), at(0.41, 0.56)], fur)
    for x in (0.20, 0.32):
        pen.arc([at(x - 0.03, 0.56), at(x + 0.03, 0.66)], 20, 160, (30, 30, 40), 3)
    pen.polygon([at(0.25, 0.67), at(0.29, 0.67), at(0.27, 0.71)], (220, 130, 130))
    points = [
        at(0.74 + 0.10 * math.sin(t / 6), 0.84 - 0.012 * t) for t in range(0, 22)
    ]  # the tail, curled up
    pen.line(points, shade, max(width // 28, 2), joint="curve")
    for x in (0.46, 0.56, 0.66):
        pen.arc([at(x - 0.06, 0.42), at(x + 0.06, 0.74)], 200, 300, shade, max(width // 80, 1))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


class Small:
    """A decoded picture."""

    def __init__(self, width: int, height: int, rgb: bytes) -> None:
        self.width = width
        self.height = height
        self.rgb = rgb


class DecodedAnimation:
    """Decoded frames."""

    def __init__(self, width: int, height: int, frames: tuple[tuple[int, bytes], ...]) -> None:
        self.width = width
        self.height = height
        self.frames = frames


class InlineDecoder:
    """Decodes the pictures of `cat_picture` here: they are our own."""

    async def thumbnail(
        self, source: object, width: int, height: int, background: tuple[int, int, int] = (0, 0, 0)
    ) -> Thumbnail:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else str(source)) as opened:
            small = opened.convert("RGB")
        small.thumbnail((width, height))
        return Small(small.width, small.height, small.tobytes())

    async def animation(
        self, source: object, width: int, height: int, background: tuple[int, int, int] = (0, 0, 0)
    ) -> Animation:
        frames: list[tuple[int, bytes]] = []
        size = (1, 1)
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else str(source)) as opened:
            for frame in ImageSequence.Iterator(opened):
                small = frame.convert("RGB")
                small.thumbnail((width, height))
                size = small.size
                frames.append((int(frame.info.get("duration") or 0), small.tobytes()))
        return DecodedAnimation(*size, tuple(frames))
