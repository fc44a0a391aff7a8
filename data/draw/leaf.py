"""Lay one leaf on a `Canvas`: a blade with veins, colours, curl and blemishes, and a petiole."""

from collections.abc import Callable

import numpy as np
from grounds import pick
from outline import Lines, Vein
from PIL import Image, ImageDraw
from scene import REACH, Array, Canvas, blur, mix, sample, step

FINE = 3  # a mask is painted so many times finer than the table, then shrunk: smooth edges

GREENS = [(0.25, 0.36, 0.15), (0.33, 0.42, 0.17), (0.19, 0.29, 0.14), (0.42, 0.47, 0.22)]
AUTUMN = [
    *[(0.86, 0.70, 0.16), (0.85, 0.48, 0.12), (0.70, 0.16, 0.10), (0.55, 0.35, 0.17)],
    *[(0.42, 0.12, 0.15), (0.74, 0.62, 0.30)],
]
STALKS = [(0.48, 0.55, 0.22), (0.60, 0.22, 0.16), (0.66, 0.55, 0.26), (0.42, 0.30, 0.18)]
STRAW, BARK = (0.80, 0.78, 0.48), (0.30, 0.18, 0.09)


class Place:
    """Where a leaf lies: its blade, in its own axes, is turned and moved on the table."""

    def __init__(self, outline: Array, angle: float, across: float, centre: Array) -> None:
        """The longest way across the blade becomes `across`, its middle comes to `centre`."""
        rays = np.linspace(0, np.pi, 18, endpoint=False)
        spans = np.ptp(outline @ np.stack([np.cos(rays), np.sin(rays)]), axis=0)
        self.middle = (outline.max(0) + outline.min(0)) / 2
        self.scale, self.angle, self.centre = across / spans.max(), angle, centre

    def on_table(self, line: Array) -> Array:
        """From the blade's axes to the table's: (K, 2)."""
        x, y = ((line - self.middle) * (self.scale, -self.scale)).T
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        return np.stack([cos * x - sin * y, sin * x + cos * y], 1) + self.centre


def points(canvas: Canvas, line: Array, fine: int = 1) -> Array:
    """From the table's units to points of its fields, times `fine`: (K, 2)."""
    return (line + REACH) * canvas.count * fine / (2 * REACH)


def painted(canvas: Canvas, paint: Callable[[ImageDraw.ImageDraw], None]) -> Array:
    """What `paint(brush)` paints in white, as shares from 0 to 1: (N, N)."""
    image = Image.new("L", (canvas.count * FINE, canvas.count * FINE), 0)
    paint(ImageDraw.Draw(image))
    small = image.resize((canvas.count, canvas.count), Image.Resampling.BOX)
    return np.asarray(small, np.float32) / 255


def polygon(canvas: Canvas, line: Array) -> Array:
    """The inside of a closed line on the table, 0 to 1: (N, N)."""
    corners = [tuple(p) for p in points(canvas, line, FINE)]
    return painted(canvas, lambda brush: brush.polygon(corners, fill=255))


def strokes(canvas: Canvas, veins: list[Vein]) -> Array:
    """Tapering lines on the table, 0 to 1: (N, N). Widths are in units of the table."""
    unit = canvas.count * FINE / (2 * REACH)

    def paint(brush: ImageDraw.ImageDraw) -> None:
        for line, first, last in veins:
            dots = points(canvas, line, FINE)
            widths = np.linspace(first, last, len(dots)) * unit
            for start, end, wide in zip(dots[:-1], dots[1:], widths, strict=False):
                brush.line([*start, *end], 255, max(1, round(wide)))
                if wide > 5:  # fills the gaps that broad pieces leave at bends
                    low, high = end - wide / 2, end + wide / 2
                    brush.ellipse([*low, *high], 255)

    return painted(canvas, paint)


def inside(canvas: Canvas, blade: Array, vein: Vein) -> Vein:
    """The vein as far as it stays on the blade, with its end thinned accordingly."""
    line, first, last = vein
    column, row = points(canvas, line).T
    out = sample(blade, column, row) < 0.5
    out[: len(out) // 6] = False  # near the base the blade may begin behind the vein
    stop = int(np.argmax(out)) if out.any() else len(line)
    return line[: max(stop, 2)], first, max(last, first + (last - first) * stop / len(line))


def worn(canvas: Canvas, blade: Array, edge: Array) -> Array:
    """The blade (N, N), on some leaves with bites at its margin `edge` (K, 2) or with holes."""
    rng = canvas.rng
    hole = np.zeros_like(blade)
    ragged = 0.012 * canvas.noise(14, 2)
    if rng.random() < 0.35:
        for _ in range(rng.integers(1, 4)):
            x, y = edge[rng.integers(len(edge))]
            far = np.hypot(canvas.x - x, canvas.y - y) + ragged
            hole = np.maximum(hole, far < rng.uniform(0.03, 0.10))
    if rng.random() < 0.4:
        spots = np.argwhere(blade > 0.9)
        for row, column in spots[rng.integers(len(spots), size=rng.integers(1, 7))]:
            x, y = canvas.x[0, column], canvas.y[row, 0]
            far = np.hypot(canvas.x - x, (canvas.y - y) * rng.uniform(0.7, 1.4)) + ragged
            hole = np.maximum(hole, far < rng.uniform(0.012, 0.055))
    return blade * (1 - hole)


def tissue(canvas: Canvas, blade: Array, ribs: Array) -> Array:
    """The colours between the veins (N, N, 3): green, turning or turned, spotted, dry at the rim.

    `ribs` (N, N) is 1 on the veins and fades away from them.
    """
    rng = canvas.rng
    green, turned = pick(rng, GREENS, 0.18), pick(rng, AUTUMN, 0.12)
    season = rng.choice([-1.2, rng.uniform(-0.4, 1.0), 1.6], p=[0.5, 0.3, 0.2])
    field = 0.8 * canvas.noise(1.6, 3) - 1.1 * ribs * rng.uniform(0.2, 1.2)
    colour = mix(green, turned, step(-0.5, 0.7, field + season))
    other = pick(rng, AUTUMN if season > 0 else GREENS, 0.15)
    colour = mix(colour, other, step(0.0, 1.4, canvas.noise(1.2, 2)) * rng.uniform(0, 0.8))
    colour = colour * (1 + 0.09 * canvas.noise(3, 3) + 0.03 * canvas.noise(22, 2))[..., None]
    rim = step(0.35, 0.95, 1 - blur(blade, 22) + 0.22 * canvas.noise(2.5, 3))
    colour = mix(colour, BARK, rim * rng.choice([0.0, rng.uniform(0.2, 0.9)], p=[0.6, 0.4]))
    if rng.random() < 0.45:
        often = rng.uniform(0.9, 1.5)
        spots = step(often, often + 0.12, canvas.noise(rng.uniform(4, 11), 2))
        colour = mix(colour, pick(rng, [BARK, (0.12, 0.09, 0.06), (0.62, 0.52, 0.30)]), spots * 0.8)
    return np.clip(colour, 0.02, 1)


def curl(canvas: Canvas, place: Place) -> Array:
    """How the blade bends away from a plane (N, N): folded at the midrib, rolled, waved."""
    rng = canvas.rng
    x, y = canvas.frame(tuple(place.centre), place.angle)
    turn = rng.uniform(0, np.pi)
    roll = (x * np.cos(turn) + y * np.sin(turn) + rng.normal(0, 0.15)) ** 2
    fold = np.sqrt(x**2 + 0.003)
    bend = rng.uniform(-0.10, 0.12) * roll + rng.uniform(-0.06, 0.10) * fold
    return bend + rng.uniform(0.01, 0.03) * canvas.noise(1.5, 2)


def lay_blade(canvas: Canvas, lines: Lines, place: Place) -> None:
    """The blade, seen from above or from below, where its veins stand out."""
    rng = canvas.rng
    edge = place.on_table(lines.outline)
    blade = polygon(canvas, edge)
    veins = [(place.on_table(line), a * place.scale, b * place.scale) for line, a, b in lines.veins]
    veins = strokes(canvas, [inside(canvas, blade, vein) for vein in veins])
    ribs = np.clip(1.6 * blur(veins, 9), 0, 1)
    colour = tissue(canvas, blade, ribs)
    blade = worn(canvas, blade, edge)
    below = rng.random() < 0.25
    if below:
        colour = mix(colour, (0.70, 0.74, 0.60), np.float32(rng.uniform(0.25, 0.5)))
    tone = mix(colour.mean((0, 1)), STRAW, np.float32(rng.uniform(0.2, 0.7)))
    colour = mix(colour, tone, np.clip(veins * rng.uniform(0.5, 1.0), 0, 1))
    relief = (0.012 if below else -0.009) * veins - 0.02 * ribs + 0.004 * canvas.noise(9, 2)
    top = curl(canvas, place) + relief
    on = blade > 0.5
    lowest = np.quantile(top[on], 0.02)
    ground = np.quantile(canvas.height[on], 0.95)
    top = ground + 0.02 + np.clip(top - lowest, 0, 0.25)
    before = canvas.colour.copy()
    canvas.put(np.where(on, top, -9), colour, rng.uniform(0.04, 0.28), rng.uniform(12, 35))
    soft = np.where(on, 1 - blade, 0)  # pixels that the margin crosses show some ground
    canvas.colour = mix(canvas.colour, before, soft)


def lay_petiole(canvas: Canvas, lines: Lines, place: Place) -> None:
    """The petiole, from the base of the blade, thicker at its end."""
    rng = canvas.rng
    line = place.on_table(lines.petiole)
    wide = max(place.scale * rng.uniform(0.018, 0.026), 0.022)
    share = strokes(canvas, [(line, wide, wide * rng.uniform(0.9, 1.5))])
    column, row = points(canvas, line[:1]).T
    start = float(sample(canvas.height, column, row)[0])
    x, y = line[0]
    near = np.exp(-(((canvas.x - x) ** 2 + (canvas.y - y) ** 2) / 0.03))
    round_top = wide * np.sqrt(np.clip(blur(share, 3), 0, 1))
    foot = canvas.height + 0.6 * near * np.clip(start - canvas.height, 0, 0.2)
    colour = pick(rng, STALKS, 0.12) * (1 + 0.1 * canvas.noise(6, 2))[..., None]
    canvas.put(np.where(share > 0.45, foot + round_top + 0.004, -9), np.clip(colour, 0, 1), 0.15)


def lay_leaf(canvas: Canvas, lines: Lines, place: Place) -> None:
    """One leaf, whole; the petiole of one in twelve is broken off."""
    if canvas.rng.random() < 11 / 12:
        lay_petiole(canvas, lines, place)
    lay_blade(canvas, lines, place)
