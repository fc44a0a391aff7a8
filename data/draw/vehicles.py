"""Motor cars and trucks: each function gives a `Solid` with its wheels on the ground (y = 0)."""

import numpy as np
from grounds import pick
from scene import Array
from solid import Solid, box, cut, disc, limb, paired

LACQUER = [
    (0.75, 0.10, 0.08), (0.92, 0.92, 0.90), (0.10, 0.10, 0.11), (0.60, 0.62, 0.64),
    (0.12, 0.25, 0.55), (0.90, 0.72, 0.10), (0.15, 0.38, 0.22), (0.45, 0.08, 0.12),
    (0.35, 0.55, 0.75), (0.85, 0.40, 0.10), (0.30, 0.32, 0.35), (0.80, 0.76, 0.62),
]  # fmt: skip
GLASS, TYRE, CHROME = (0.07, 0.09, 0.11), (0.05, 0.05, 0.05), (0.75, 0.76, 0.78)
LAMP, RED = (0.98, 0.96, 0.85), (0.70, 0.05, 0.04)
LOWER = [(-0.97, 0.13), (-1.0, 0.3), (-0.97, 0.43), (0.35, 0.45), (0.9, 0.37), (1.0, 0.28)]
CABINS = {  # side outlines of what stands on the body
    "saloon": [(-0.75, 0.42), (-0.45, 0.66), (0.12, 0.67), (0.45, 0.42)],
    "hatchback": [(-0.98, 0.42), (-0.90, 0.62), (-0.72, 0.70), (0.10, 0.70), (0.48, 0.42)],
    "sports": [(-0.85, 0.40), (-0.30, 0.58), (0.02, 0.58), (0.42, 0.40)],
    "estate": [(-0.99, 0.42), (-0.93, 0.80), (0.10, 0.82), (0.42, 0.44)],
}
PALE = [(0.93, 0.93, 0.93), (0.80, 0.82, 0.84), (0.90, 0.90, 0.86), (0.55, 0.58, 0.62)]


def plain(colour, count: int) -> Array:
    """One colour for `count` points (count, 3), to be painted over."""
    return np.broadcast_to(np.asarray(colour, np.float32), (count, 3)).copy()


def wheel(solid: Solid, x: float, z: float, radius: float, wide: float, rim: Array) -> None:
    """A pair of wheels with bright rims."""

    def paint(p: Array) -> Array:
        inner = np.hypot(p[0] - x, p[1] - radius) < 0.62 * radius
        return np.where(inner[:, None], rim, TYRE).astype(np.float32)

    solid.add(paired(disc((x, radius, z), radius, wide)), paint, 0.1)


def body_paint(colour: Array, axles: tuple, radius: float, stripe: Array | None):
    """Lacquer with dark wheel arches, lamps at both ends, a grille and perhaps a stripe."""

    def paint(p: Array) -> Array:
        x, y, z = p
        tone = plain(colour, len(x))
        if stripe is not None:
            tone[np.abs(z) < 0.1] = stripe
        for axle in axles:
            tone[np.hypot(x - axle, y - radius) < 1.22 * radius] = (0.03, 0.03, 0.03)
        tone[y < 0.17] = (0.12, 0.12, 0.12)
        ends, side = np.abs(x) > 0.9, np.abs(z)
        tone[(x > 0.9) & (side < 0.2) & (np.abs(y - 0.27) < 0.05)] = (0.05, 0.05, 0.05)
        lamp = ends & (side > 0.24) & (np.abs(y - 0.31) < 0.05)
        tone[lamp & (x > 0)], tone[lamp & (x < 0)] = LAMP, RED
        tone[(np.abs(x) > 0.95) & (side < 0.1) & (np.abs(y - 0.2) < 0.03)] = (0.9, 0.9, 0.85)
        return tone

    return paint


def cabin_paint(colour: Array, outline: list, roof: Array):
    """Windows between pillars, under a roof."""
    low, top = outline[0][1], max(y for _, y in outline)
    posts = (outline[1][0] * 0.9, (outline[1][0] + outline[-2][0]) / 2, outline[-2][0])

    def paint(p: Array) -> Array:
        x, y, z = p
        tone = plain(GLASS, len(x))
        lean = (y - low) / (top - low)
        for post, slant in zip(posts, (0.0, 0.0, -0.3), strict=True):
            near = np.abs(x - post + slant * (lean - 1)) < 0.035
            tone[near & (np.abs(z) > 0.25)] = colour
        tone[y > top - 0.05] = roof
        tone[y < low + 0.035] = colour
        return tone

    return paint


def automobile(rng: np.random.Generator) -> Solid:
    """A saloon, hatchback, sports car, estate or jeep: two units long."""
    kind = list(CABINS)[rng.integers(4)]
    colour, radius = pick(rng, LACQUER, 0.15), rng.uniform(0.16, 0.19)
    wide, axles = rng.uniform(0.38, 0.44), (rng.uniform(-0.66, -0.58), rng.uniform(0.56, 0.64))
    stripe = pick(rng, LACQUER) if kind == "sports" and rng.random() < 0.4 else None
    lift = {"sports": 0.9, "estate": 1.1}.get(kind, 1.0) * rng.uniform(0.96, 1.06)
    cabin = [(x, y * lift) for x, y in CABINS[kind]]
    lower = [(x, y * (lift if y > 0.2 else 1)) for x, y in [*LOWER, (0.97, 0.13)]]
    solid = Solid((0, 0.35, 0), 1.15)
    solid.add(
        cut(lower, lambda x, y: wide * (1 - 0.10 * x**4), edge=0.05),
        body_paint(colour, axles, radius, stripe), 0.5,
    )  # fmt: skip
    roof = pick(rng, LACQUER) if rng.random() < 0.15 else colour
    solid.add(
        cut(cabin, lambda x, y: wide * (1.02 - 0.55 * (y - 0.4)), edge=0.05),
        cabin_paint(colour, cabin, colour if stripe is None else stripe) if roof is colour
        else cabin_paint(colour, cabin, roof), 0.7, 0.02,
    )  # fmt: skip
    rim = pick(rng, [CHROME, (0.55, 0.55, 0.56), (0.15, 0.15, 0.16)])
    for axle in axles:
        wheel(solid, axle, wide - 0.05, radius, 0.06, rim)
    solid.add(paired(box((0.3, 0.47 * lift, wide + 0.04), (0.04, 0.03, 0.04), 0.02)), colour, 0.4)
    if kind == "estate" and rng.random() < 0.4:
        solid.add(disc((-1.0, 0.45, 0), 0.16, 0.05, 0), TYRE)
    return solid


def cab(rng: np.random.Generator, solid: Solid, front: float, wide: float, high: float) -> float:
    """A driver's cab with its front at x = `front`, with or without a bonnet; gives its back."""
    colour, nose = pick(rng, LACQUER, 0.15), rng.random() < 0.45
    long = rng.uniform(0.34, 0.45)
    start = front - (rng.uniform(0.28, 0.4) if nose else 0.0)
    back, low, brow = start - long, 0.16, rng.uniform(0.52, 0.62)
    side = [(back, low), (back, high), (start - 0.12, high), (start, high * brow), (start, low)]
    band = (high * brow, high * 0.9)

    def paint(p: Array) -> Array:
        x, y, z = p
        tone = plain(colour, len(x))
        pane = (y > band[0]) & (y < band[1]) & (x > back + 0.12) & (np.abs(x - start + 0.16) > 0.02)
        tone[pane & ((np.abs(z) < wide - 0.05) | (x < start - 0.14))] = GLASS
        face = x > front - 0.05
        tone[face & (np.abs(z) < 0.2) & (np.abs(y - 0.33) < 0.09)] = CHROME if nose else TYRE
        tone[face & (np.abs(z) > 0.22) & (np.abs(y - 0.27) < 0.05)] = LAMP
        tone[y < 0.2] = (0.1, 0.1, 0.1)
        return tone

    solid.add(cut(side, wide, edge=0.03), paint, 0.5)
    if nose:
        bonnet = (front + start) / 2, (low + high * brow) / 2
        half = ((front - start) / 2 + 0.03, (high * brow - low) / 2, wide * 0.8)
        solid.add(box((*bonnet, 0), half, 0.05), paint, 0.5, 0.02)
    if rng.random() < 0.4:
        pipe = (back - 0.03, 0.3, wide * 0.85), (back - 0.03, high * 1.15, wide * 0.85)
        solid.add(paired(limb(*pipe, 0.025)), CHROME, 0.6)
    return back


def load(rng: np.random.Generator, solid: Solid, back: float, wide: float, high: float) -> None:
    """What a truck carries behind x = `back`: box, tank, tipper, logs or an open bed."""
    colour, other = pick(rng, LACQUER, 0.15), pick(rng, LACQUER, 0.15)
    kind = rng.choice(["box", "box", "tank", "tipper", "ladder"])
    middle, half = (back - 1.0) / 2 - 0.02, (back + 1.0) / 2 - 0.03
    if kind == "tank":
        radius = min(wide * 1.02, 0.36)
        solid.add(
            limb((middle - half + radius * 0.6, 0.3 + radius, 0),
                 (middle + half - radius * 0.6, 0.3 + radius, 0), radius),
            pick(rng, [CHROME, (0.9, 0.9, 0.9), colour]), 0.5,
        )  # fmt: skip
        return
    top = {"box": high * rng.uniform(1.0, 1.25), "tipper": high * 0.75, "ladder": high}[kind]
    base, sign = 0.3, rng.uniform(0.1, 0.4)

    def paint(p: Array) -> Array:
        x, y, _ = p
        tone = plain(colour, len(x))
        if kind == "box":
            tone[np.abs((y - base) / (top - base) - 0.5) < sign * 0.4] = other
        else:
            tone[(x * (7 if kind == "tipper" else 3)) % 1 < 0.2] *= 0.6
        return tone

    solid.add(box((middle, (base + top) / 2, 0), (half, (top - base) / 2, wide)), paint, 0.25)
    if kind == "tipper":
        heap = pick(rng, [(0.45, 0.35, 0.25), (0.7, 0.6, 0.42), (0.3, 0.3, 0.3)])
        solid.add(limb((middle - half * 0.6, top - 0.06, 0), (middle + half * 0.6, top - 0.06, 0),
                       wide * 0.7, wide * 0.8), heap, 0, 0.03)  # fmt: skip
    if kind == "ladder":
        for z in (-0.12, 0.12):
            solid.add(limb((-1, top + 0.08, z), (back + 0.25, top + 0.12, z), 0.025), CHROME, 0.4)


def truck(rng: np.random.Generator) -> Solid:
    """A lorry, tanker, tipper, fire engine or the tractor of a trailer: two units long."""
    high, wide = rng.uniform(0.68, 0.9), rng.uniform(0.28, 0.34)
    solid = Solid((0, 0.48, 0), 1.25)
    back = cab(rng, solid, 1.0, wide, high)
    solid.add(box((0, 0.25, 0), (0.96, 0.05, wide * 0.8)), (0.1, 0.1, 0.1))
    load(rng, solid, back, wide * 1.04, high)
    radius = rng.uniform(0.13, 0.165)
    rim = pick(rng, [CHROME, (0.4, 0.4, 0.4), (0.75, 0.2, 0.15)])
    rear = [-0.62] if rng.random() < 0.35 else [-0.78, -0.78 + 2.2 * radius]
    middle = [back - 0.12] if rng.random() < 0.4 else []
    for axle in (0.78, *middle, *rear):
        wheel(solid, axle, wide - 0.04, radius, 0.07, rim)
    return solid
