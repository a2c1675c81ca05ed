"""Draws a cheerful cat, for the demo and for tests: the same number gives the same cat.

Everything is laid out on a canvas of 100 units height, drawn at twice the size and scaled down, so
that edges are smooth. A cat is a pose (portrait, sitting, loaf), a coat and a scene.
"""

import io
import math
import random
from dataclasses import dataclass
from typing import Literal

from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]

_OVERSAMPLE = 2
_INK: Colour = (45, 35, 40)
_PINK: Colour = (240, 150, 160)
_WHITE: Colour = (255, 252, 245)


@dataclass(frozen=True, slots=True)
class _Coat:
    """The colours of a cat: fur, stripes (or None), chest and muzzle, eyes."""

    fur: Colour
    stripes: Colour | None
    light: Colour
    eyes: Colour


_COATS = (
    _Coat((232, 148, 62), (190, 104, 34), (255, 236, 208), (96, 150, 60)),
    _Coat((140, 140, 148), (92, 92, 102), (232, 232, 236), (222, 176, 48)),
    _Coat((58, 56, 66), None, (250, 250, 250), (170, 200, 70)),
    _Coat((238, 226, 206), None, (255, 250, 240), (80, 150, 210)),
    _Coat((170, 120, 80), (110, 72, 46), (244, 224, 196), (120, 170, 90)),
    _Coat((112, 126, 146), None, (150, 162, 180), (235, 160, 40)),
)
_SKIES: tuple[tuple[Colour, Colour], ...] = (
    ((250, 214, 165), (242, 140, 120)),
    ((150, 206, 240), (226, 242, 250)),
    ((60, 62, 112), (150, 110, 160)),
    ((196, 226, 190), (240, 246, 210)),
    ((250, 200, 214), (255, 238, 226)),
)
_POSES = ("portrait", "sitting", "loaf")


def cat_picture(
    seed: int, width: int = 640, height: int = 480, kind: Literal["PNG", "JPEG"] = "PNG"
) -> bytes:
    """The cat of number `seed` as an encoded picture of `width` x `height` pixels."""
    lot = random.Random(seed)  # noqa: S311, a cat is no secret
    big = (width * _OVERSAMPLE, height * _OVERSAMPLE)
    image = Image.new("RGB", big)
    scene = _Scene(image, lot)
    scene.backdrop(_SKIES[(seed // 2) % len(_SKIES)])
    coat = _COATS[seed % len(_COATS)]
    cat = _Cat(scene.brush, coat, lot)
    getattr(cat, _POSES[(seed // 3 + seed) % len(_POSES)])(scene.middle)
    out = io.BytesIO()
    image.resize((width, height), Image.Resampling.LANCZOS).save(out, kind, quality=88)
    return out.getvalue()


class _Brush:
    """Draws in units: 100 from top to bottom, x from the left."""

    def __init__(self, image: Image.Image) -> None:
        self._draw = ImageDraw.Draw(image)
        self._unit = image.height / 100

    def _at(self, x: float, y: float) -> Point:
        return x * self._unit, y * self._unit

    def blob(self, x: float, y: float, rx: float, ry: float, fill: Colour) -> None:
        """An ellipse around (x, y)."""
        self._draw.ellipse((*self._at(x - rx, y - ry), *self._at(x + rx, y + ry)), fill=fill)

    def shape(self, points: list[Point], fill: Colour) -> None:
        self._draw.polygon([self._at(*point) for point in points], fill=fill)

    def stroke(self, points: list[Point], width: float, fill: Colour) -> None:
        """A line with round ends and joints."""
        flat = [self._at(*point) for point in points]
        self._draw.line(flat, fill=fill, width=round(width * self._unit), joint="curve")
        for x, y in (points[0], points[-1]):
            self.blob(x, y, width / 2, width / 2, fill)

    def band(self, top: float, bottom: float, fill: Colour) -> None:
        self._draw.rectangle((0, top * self._unit, 10_000, bottom * self._unit), fill=fill)


def _mix(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _curve(start: Point, bend: Point, end: Point, steps: int = 24) -> list[Point]:
    """A quadratic Bezier curve."""
    points = []
    for step in range(steps + 1):
        t = step / steps
        a, b, c = (1 - t) ** 2, 2 * t * (1 - t), t * t
        points.append(
            (a * start[0] + b * bend[0] + c * end[0], a * start[1] + b * bend[1] + c * end[1])
        )
    return points


class _Scene:
    """What is behind the cat."""

    def __init__(self, image: Image.Image, lot: random.Random) -> None:
        self.brush = _Brush(image)
        self.width = 100 * image.width / image.height
        self.middle = self.width / 2
        self._lot = lot

    def backdrop(self, sky: tuple[Colour, Colour]) -> None:
        """A sky from top to bottom, a sun or moon, hills and a floor."""
        brush, lot = self.brush, self._lot
        for step in range(100):
            brush.band(step, step + 1.5, _mix(sky[0], sky[1], step / 100))
        x, y = self.width * lot.uniform(0.12, 0.3), lot.uniform(14, 24)
        if lot.random() < 0.5:
            x = self.width - x
        brush.blob(x, y, 11, 11, _mix(sky[1], _WHITE, 0.35))
        brush.blob(x, y, 8.5, 8.5, _mix(sky[1], _WHITE, 0.75))
        ground = _mix(sky[0], (90, 130, 80), 0.6)
        for index in range(3):
            centre = self.width * (index / 2) + lot.uniform(-12, 12)
            brush.blob(
                centre, 96, self.width * 0.38, lot.uniform(26, 36), _mix(ground, sky[1], 0.3)
            )
        brush.blob(self.middle, 112, self.width, 32, ground)
        for _ in range(14):
            x, y = lot.uniform(0, self.width), lot.uniform(86, 99)
            petal = _mix(_WHITE, _PINK, lot.random())
            for turn in range(5):
                angle = turn * math.tau / 5
                brush.blob(x + 0.9 * math.cos(angle), y + 0.9 * math.sin(angle), 0.7, 0.7, petal)
            brush.blob(x, y, 0.6, 0.6, (250, 210, 80))


class _Cat:
    """Poses of one cat; each is drawn around the given middle."""

    def __init__(self, brush: _Brush, coat: _Coat, lot: random.Random) -> None:
        self._brush = brush
        self._coat = coat
        self._shade = _mix(coat.fur, _INK, 0.28)
        self._happy = lot.random() < 0.35
        self._look = lot.uniform(-0.8, 0.8)
        self._side = 1 if lot.random() < 0.5 else -1
        self._collar: Colour = lot.choice([(210, 60, 70), (60, 120, 200), (70, 160, 110)])

    def portrait(self, x: float) -> None:
        """Head and shoulders, close."""
        brush, coat = self._brush, self._coat
        brush.blob(x, 108, 40, 40, self._shade)
        brush.blob(x, 109, 38, 40, coat.fur)
        brush.blob(x, 104, 17, 25, coat.light)
        self._band(x, 83, 22)
        self._head(x, 49, 1.0)

    def sitting(self, x: float) -> None:
        """Upright, seen from the front, the tail around one side."""
        brush, coat, side = self._brush, self._coat, self._side
        tail = _curve((x + side * 12, 90), (x + side * 46, 94), (x + side * 34, 56))
        brush.stroke(tail, 7.5, self._shade)
        brush.stroke(tail, 6.2, coat.fur)
        brush.stroke(tail[-5:], 6.2, coat.light)
        brush.blob(x, 95, 27, 5, _mix(coat.fur, _INK, 0.6))
        brush.blob(x, 77, 22, 21, self._shade)
        brush.blob(x, 77, 20.8, 20, coat.fur)
        brush.blob(x, 66, 15, 20, coat.fur)
        for mirror in (-1, 1):
            brush.blob(x + mirror * 15, 86, 9, 9.5, self._shade)
            brush.blob(x + mirror * 15, 86.4, 8, 8.8, coat.fur)
        brush.blob(x, 69, 9, 14, coat.light)
        for mirror in (-1, 1):
            brush.blob(x + mirror * 6, 84, 4.6, 12, self._shade)
            brush.blob(x + mirror * 6, 84, 4, 11.6, coat.fur)
            self._paw(x + mirror * 6.6, 94)
        self._body_stripes(x, 72, 18)
        self._band(x, 55.5, 11)
        self._head(x, 35, 0.66)

    def loaf(self, x: float) -> None:
        """Lying with the paws tucked in, the head at one side."""
        brush, coat, side = self._brush, self._coat, self._side
        brush.blob(x, 94, 48, 5, _mix(coat.fur, _INK, 0.6))
        tail = _curve((x - side * 40, 84), (x - side * 58, 100), (x - side * 18, 94))
        brush.blob(x - side * 6, 76, 43, 20, self._shade)
        brush.blob(x - side * 6, 76.6, 42, 19.2, coat.fur)
        brush.blob(x - side * 26, 78, 24, 17, coat.fur)
        for step in range(4):
            self._rib(x - side * (34 - 9 * step), 60 + (1.2 - step) ** 2 * 0.5)
        brush.stroke(tail, 7, self._shade)
        brush.stroke(tail, 5.8, coat.fur)
        brush.stroke(tail[-5:], 5.8, coat.light)
        head = x + side * 24
        brush.blob(head, 80, 17, 14, coat.fur)
        brush.blob(head, 84, 10, 9, coat.light)
        for mirror in (-1, 1):
            self._paw(head + mirror * 7, 93)
        self._band(head, 76, 12)
        self._head(head, 55, 0.7)

    def _rib(self, x: float, y: float) -> None:
        if self._coat.stripes:
            self._brush.stroke(
                _curve((x, y), (x + 2.5, y + 5), (x + 0.5, y + 10)), 2.4, self._coat.stripes
            )

    def _body_stripes(self, x: float, y: float, reach: float) -> None:
        if not self._coat.stripes:
            return
        for mirror in (-1, 1):
            for step in range(3):
                at = y + 5 * step
                outer, inner = x + mirror * (reach - 1 + step), x + mirror * (reach - 6)
                points = _curve((outer, at), (inner, at - 0.5), (inner - mirror, at + 1.5))
                self._brush.stroke(points, 2, self._coat.stripes)

    def _paw(self, x: float, y: float) -> None:
        brush = self._brush
        brush.blob(x, y, 5.4, 3.6, self._shade)
        brush.blob(x, y - 0.2, 4.8, 3.1, self._coat.light)
        for toe in (-1.6, 1.6):
            brush.stroke([(x + toe, y), (x + toe, y + 1.8)], 0.5, self._shade)

    def _band(self, x: float, y: float, reach: float) -> None:
        """A collar with a bell."""
        brush = self._brush
        brush.stroke(_curve((x - reach, y), (x, y + 8), (x + reach, y)), 3, self._collar)
        brush.blob(x, y + 5.6, 2.6, 2.6, (250, 205, 70))
        brush.stroke([(x - 1.4, y + 6.2), (x + 1.4, y + 6.2)], 0.5, _INK)

    def _head(self, x: float, y: float, size: float) -> None:
        """The head around (x, y); at size 1 it is 62 units wide."""
        brush, coat, s = self._brush, self._coat, size
        for mirror in (-1, 1):
            outer = [(10, -21), (29, -40), (31, -8)]
            inner = [(15, -21), (26.5, -34), (27.5, -13)]
            for points, fill in ((outer, self._shade), (inner, _PINK)):
                brush.shape([(x + mirror * px * s, y + py * s) for px, py in points], fill)
            edge = [
                (x + mirror * px * s, y + py * s) for px, py in ((11, -20), (28.5, -38), (30, -8))
            ]
            brush.stroke(edge, 2.4 * s, coat.fur)
        brush.blob(x, y, 32 * s, 27 * s, self._shade)
        brush.blob(x, y, 31 * s, 26 * s, coat.fur)
        for mirror in (-1, 1):
            tuft = [(22, 6), (35, 12), (22, 19)]
            brush.shape([(x + mirror * px * s, y + py * s) for px, py in tuft], coat.fur)
        self._markings(x, y, s)
        brush.blob(x - 7 * s, y + 12 * s, 10 * s, 8.5 * s, coat.light)
        brush.blob(x + 7 * s, y + 12 * s, 10 * s, 8.5 * s, coat.light)
        brush.blob(x, y + 17 * s, 7 * s, 7 * s, coat.light)
        for mirror in (-1, 1):
            brush.blob(x + mirror * 19 * s, y + 9 * s, 4.5 * s, 3 * s, _mix(coat.fur, _PINK, 0.5))
            self._eye(x + mirror * 13 * s, y - 2 * s, s)
        self._face(x, y, s)

    def _markings(self, x: float, y: float, s: float) -> None:
        stripes = self._coat.stripes
        if stripes is None:
            return
        for offset, length in ((-7, 9), (0, 12), (7, 9)):
            top = (x + offset * s, y - (25 - abs(offset) * 0.25) * s)
            brush_end = (x + offset * 0.6 * s, top[1] + length * s)
            self._brush.stroke([top, brush_end], 2.6 * s, stripes)
        for mirror in (-1, 1):
            for drop in (3, 9):
                start = (x + mirror * 29.5 * s, y + drop * s)
                end = (x + mirror * 21 * s, y + (drop + 1) * s)
                self._brush.stroke([start, end], 2.2 * s, stripes)

    def _eye(self, x: float, y: float, s: float) -> None:
        brush = self._brush
        if self._happy:
            smile = _curve((x - 6 * s, y + 2 * s), (x, y - 7 * s), (x + 6 * s, y + 2 * s))
            brush.stroke(smile, 1.8 * s, _INK)
            return
        brush.blob(x, y, 7.2 * s, 7.6 * s, _INK)
        brush.blob(x, y + 0.2 * s, 6.3 * s, 6.8 * s, self._coat.eyes)
        brush.blob(x + self._look * s, y, 3.2 * s, 5.6 * s, (20, 18, 24))
        brush.blob(x + (self._look + 1.6) * s, y - 2.6 * s, 1.7 * s, 1.9 * s, _WHITE)
        brush.blob(x + (self._look - 1.4) * s, y + 2.6 * s, 0.9 * s, 0.9 * s, _WHITE)

    def _face(self, x: float, y: float, s: float) -> None:
        """Nose, mouth and whiskers."""
        brush = self._brush
        nose = [(x - 3.6 * s, y + 6 * s), (x + 3.6 * s, y + 6 * s), (x, y + 10 * s)]
        brush.shape(nose, _PINK)
        brush.stroke([*nose, nose[0]], 1.2 * s, _PINK)
        brush.stroke([(x, y + 10 * s), (x, y + 13 * s)], 1.0 * s, _INK)
        for mirror in (-1, 1):
            mouth = _curve(
                (x, y + 13 * s),
                (x + mirror * 4 * s, y + 18.5 * s),
                (x + mirror * 8.5 * s, y + 13 * s),
            )
            brush.stroke(mouth, 1.1 * s, _INK)
            for spread in (-1, 0, 1):
                whisker = _curve(
                    (x + mirror * 13 * s, y + (11 + 1.6 * spread) * s),
                    (x + mirror * 26 * s, y + (9.5 + 3 * spread) * s),
                    (x + mirror * 41 * s, y + (10 + 6 * spread) * s),
                )
                brush.stroke(whisker, 0.55 * s, _mix(_WHITE, _INK, 0.12))
