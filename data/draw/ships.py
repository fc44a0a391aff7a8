"""Ships: each function gives a `Solid` that floats in water (y = 0) with its bow at x = 1."""

import numpy as np
from grounds import pick
from scene import Array
from solid import Solid, box, cut, disc, limb
from vehicles import CHROME, GLASS, LACQUER, PALE, plain

HULLS = [
    (0.12, 0.14, 0.18),
    (0.60, 0.12, 0.10),
    (0.92, 0.92, 0.92),
    (0.12, 0.25, 0.45),
    (0.2, 0.4, 0.35),
]
BOXES = [
    (0.70, 0.20, 0.12),
    (0.15, 0.35, 0.60),
    (0.80, 0.60, 0.15),
    (0.25, 0.45, 0.30),
    (0.8, 0.8, 0.8),
    (0.45, 0.3, 0.2),
]


def hull(rng: np.random.Generator, solid: Solid, high: float, wide: float, rake: float) -> Array:
    """A ship's body from x = -1 to 1, its bow at 1 and `high` out of the water; its colour."""
    colour, red = pick(rng, HULLS, 0.1), pick(rng, [(0.55, 0.15, 0.10), (0.1, 0.1, 0.1)])
    rail = pick(rng, PALE)
    sheer = high * rng.uniform(1.15, 1.5)
    side = [(-0.95, -0.2), (-1, high), (0.4, high), (1, sheer), (1 - rake, -0.2)]

    def half(x: Array, y: Array) -> Array:
        end = 1 - rake * np.clip(1 - y / sheer, 0, 1)
        bow = np.clip((end - x) / 0.9, 0, 1)
        return wide * (1 - (1 - bow) ** 2.2) * (1 - 0.1 * np.clip(-x, 0, 1) ** 3)

    def paint(p: Array) -> Array:
        tone = plain(colour, p.shape[1])
        tone[p[1] < 0.03] = red
        tone[p[1] > high * 0.88] = rail
        return tone

    solid.add(cut(side, half, edge=0.015), paint, 0.25)
    return colour


def decks(rng, solid: Solid, x: float, y: float, long: float, wide: float, count: int) -> float:
    """A house of `count` storeys with rows of windows, its middle at x; gives its top."""
    colour, each = pick(rng, PALE[:3], 0.05), rng.uniform(0.085, 0.11)
    for level in range(count):
        low, half = y + level * each, long * (1 - 0.09 * level)

        def paint(p: Array, low: float = low) -> Array:
            tone = plain(colour, p.shape[1])
            band = np.abs(p[1] - low - 0.55 * each) < 0.22 * each
            tone[band & ((p[0] + p[2]) * 12 % 1 < 0.6)] = GLASS
            return tone

        solid.add(box((x - 0.03 * level, low + each / 2, 0), (half, each / 2, wide)), paint, 0.2)
    return y + count * each


def liner(rng: np.random.Generator, solid: Solid) -> None:
    """A passenger ship or ferry: white decks along its length, one to three funnels."""
    high, wide = rng.uniform(0.16, 0.22), rng.uniform(0.19, 0.24)
    hull(rng, solid, high, wide, rng.uniform(0.1, 0.25))
    top = decks(rng, solid, -0.1, high, rng.uniform(0.6, 0.75), wide * 0.85, rng.integers(2, 4))
    colour, count = pick(rng, LACQUER), rng.integers(1, 4)
    for x in np.linspace(-0.45, 0.25, count) if count > 1 else (rng.uniform(-0.5, 0.1),):
        rise = rng.uniform(0.16, 0.22)
        solid.add(limb((x, top, 0), (x - 0.05, top + rise, 0), 0.075, 0.065), colour, 0.2)
        solid.add(disc((x - 0.055, top + rise + 0.05, 0), 0.065, 0.03, 1), (0.08, 0.08, 0.08))
    solid.add(limb((0.5, high, 0), (0.5, top + 0.2, 0), 0.012), CHROME)


def freighter(rng: np.random.Generator, solid: Solid) -> None:
    """A cargo ship: the bridge behind, containers or cranes before it."""
    high, wide = rng.uniform(0.17, 0.24), rng.uniform(0.18, 0.22)
    hull(rng, solid, high, wide, rng.uniform(0.1, 0.2))
    x = rng.choice([-0.72, -0.72, 0.55])
    top = decks(rng, solid, x, high, 0.17, wide * 0.9, rng.integers(3, 5))
    solid.add(limb((x - 0.06, top, 0), (x - 0.08, top + 0.13, 0), 0.05), pick(rng, LACQUER))
    first, last = (-0.48, 0.75) if x < 0 else (-0.9, 0.3)
    if rng.random() < 0.6:
        paints, stack = np.stack([pick(rng, BOXES) for _ in range(64)]), rng.uniform(0.12, 0.3)

        def paint(p: Array) -> Array:
            cell = np.floor(p[0] * 6) * 7 + np.floor(p[1] * 11) * 13 + np.floor(p[2] * 8) * 3
            return paints[cell.astype(int) % 64]

        for a, b, share in ((first, (first + last) / 2, 1), ((first + last) / 2, last, 0.75)):
            size = ((b - a) / 2 - 0.02, stack * share / 2, wide * (0.9 if share == 1 else 0.6))
            solid.add(box(((a + b) / 2, high + stack * share / 2, 0), size), paint, 0.1)
        return
    for a in np.linspace(first + 0.12, last - 0.15, 3):
        tall = rng.uniform(0.35, 0.5)
        solid.add(limb((a, high, 0), (a, high + tall, 0), 0.022), pick(rng, LACQUER))
        solid.add(limb((a, high + 0.08, 0), (a + 0.2, high + tall * 0.9, 0), 0.014), CHROME)
        solid.add(box((a + 0.12, high + 0.03, 0), (0.09, 0.04, wide * 0.6)), pick(rng, BOXES))


def sailer(rng: np.random.Generator, solid: Solid) -> None:
    """A sailing boat with one or two masts and bent sails."""
    high, wide = rng.uniform(0.13, 0.18), rng.uniform(0.2, 0.26)
    hull(rng, solid, high, wide, rng.uniform(0.3, 0.5))
    decks(rng, solid, -0.1, high, 0.3, wide * 0.5, 1)
    sheet = pick(rng, [(0.95, 0.95, 0.92), (0.95, 0.95, 0.92), (0.72, 0.22, 0.15), (0.9, 0.8, 0.6)])
    belly, tall = rng.choice([-1, 1]) * rng.uniform(0.1, 0.3), rng.uniform(1.3, 1.9)
    masts = (0.15,) if rng.random() < 0.7 else (0.3, -0.4)
    for number, x in enumerate(masts):
        top = tall * (1 - 0.2 * number)
        back = x - (0.95 if len(masts) == 1 else 0.6)
        solid.add(limb((x, high, 0), (x, top + 0.05, 0), 0.022), (0.35, 0.25, 0.18))
        main = [(x - 0.03, high + 0.15), (x - 0.03, top), (back, high + 0.2)]
        solid.add(cut(main, 0.012, 2, 0.01, lambda u, v, x=x: belly * (x - u)), sheet)
    jib = [(masts[0] + 0.06, high + 0.12), (masts[0] + 0.04, tall * 0.9), (0.98, high + 0.14)]
    solid.add(cut(jib, 0.012, 2, 0.01, lambda u, v: belly * (0.98 - u) * 0.6), sheet)
    solid.reach = (np.array([0, 0.6, 0], np.float32), 1.55)


def ship(rng: np.random.Generator) -> Solid:
    """A liner, a cargo ship or a sailing boat."""
    solid = Solid((0, 0.2, 0), 1.2)
    [liner, freighter, sailer][rng.integers(3)](rng, solid)
    return solid
