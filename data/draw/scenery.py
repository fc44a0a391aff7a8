"""Where things stand: a ground, what is behind it, the sky and its light, drawn at random."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from grounds import pick
from scene import Array, mix, noise, step

Surface = Callable[[Array, Array], Array]  # two coordinates (N,) to colours (N, 3), sRGB
GRASS = [(0.36, 0.48, 0.18), (0.48, 0.52, 0.24), (0.28, 0.38, 0.14), (0.60, 0.56, 0.32)]
EARTH = [(0.45, 0.36, 0.26), (0.70, 0.60, 0.44), (0.82, 0.74, 0.58), (0.40, 0.30, 0.20)]
STONE = [(0.45, 0.45, 0.46), (0.60, 0.59, 0.56), (0.30, 0.31, 0.33), (0.72, 0.68, 0.62)]
SNOW = [(0.90, 0.92, 0.96), (0.82, 0.86, 0.92)]
CLOTH = [(0.58, 0.28, 0.25), (0.30, 0.37, 0.52), (0.75, 0.70, 0.60), (0.40, 0.30, 0.45)]
BOARD = [(0.55, 0.36, 0.20), (0.75, 0.56, 0.36), (0.35, 0.22, 0.14), (0.62, 0.50, 0.40)]
SEA = [(0.10, 0.25, 0.38), (0.14, 0.32, 0.34), (0.22, 0.34, 0.42), (0.08, 0.16, 0.26)]
PLASTER = [(0.85, 0.80, 0.70), (0.60, 0.68, 0.72), (0.72, 0.45, 0.35), (0.92, 0.92, 0.90)]
SKIES = [  # overhead, at the horizon
    ((0.25, 0.45, 0.80), (0.66, 0.80, 0.93)),
    ((0.45, 0.62, 0.85), (0.82, 0.88, 0.93)),
    ((0.62, 0.66, 0.72), (0.82, 0.83, 0.85)),
    ((0.86, 0.88, 0.90), (0.93, 0.93, 0.93)),
    ((0.35, 0.40, 0.60), (0.95, 0.68, 0.45)),
    ((0.12, 0.24, 0.55), (0.45, 0.62, 0.85)),
]


@dataclass
class Place:
    """Ground and backdrop with the light there.

    `ground` maps x and z on the ground, `behind` azimuth and elevation (radian) to colours, and
    `top` azimuth to the elevation to which the backdrop reaches. `sun` is the unit vector (3,)
    towards the sun, `power` (0.4 to 2) its strength against the sky's. No ground: in the air.
    """

    ground: Surface | None
    water: bool
    behind: Surface
    top: Callable[[Array], Array]
    sky: Surface
    sun: Array
    power: float
    tint: Array

    def far(self, way: Array) -> Array:
        """What is seen along directions (3, N) when nothing stands there: colours (N, 3)."""
        around, up = np.arctan2(way[0], way[2]), np.arcsin(np.clip(way[1], -1, 1))
        behind = step(-0.006, 0.006, self.top(around) - up)
        return mix(self.sky(around, up), self.behind(around, up), behind)


def textured(rng: np.random.Generator, colours: list, rough: float) -> Surface:
    """One colour with irregular spots: `rough` (0 to 0.5) is how much lighter and darker."""
    colour, other = pick(rng, colours, 0.15), pick(rng, colours, 0.15)
    cells, seed = rng.uniform(2, 6), rng.integers(1 << 30)

    def surface(u: Array, v: Array) -> Array:
        fixed = np.random.default_rng(seed)
        tone = 1 + rough * noise(fixed, u * cells, v * cells, 5)
        share = 0.5 * step(0, 1, noise(fixed, u, v, 2))
        return np.clip(mix(colour, other, share) * tone[:, None], 0.02, 1)

    return surface


def lined(rng: np.random.Generator, base: Surface, colour: Array, wide: float, every: float):
    """A surface with straight lines across it: joints of boards and tiles, marks on a road."""
    turn, start, both = rng.uniform(0, np.pi), rng.uniform(), rng.random() < 0.4

    def surface(u: Array, v: Array) -> Array:
        x, y = (np.cos(turn) * u + np.sin(turn) * v), (np.cos(turn) * v - np.sin(turn) * u)
        line = (x / every + start) % 1 < wide / every
        if both:
            line |= (y / every + start) % 1 < wide / every
        return mix(base(u, v), colour, line * 0.8)

    return surface


def floor(rng: np.random.Generator) -> Surface:
    """Some ground to stand on: meadow, earth, sand, street, snow, boards, carpet."""
    kind = rng.integers(8)
    if kind < 2:
        return textured(rng, GRASS, 0.22)
    if kind == 2:
        return textured(rng, EARTH, 0.18)
    if kind == 3:
        return textured(rng, SNOW, 0.06)
    if kind < 6:
        street = textured(rng, STONE, 0.10)
        return lined(rng, street, pick(rng, [(0.9, 0.9, 0.85), (0.25, 0.25, 0.25)]), 0.05, 1.8)
    if kind == 6:
        return lined(rng, textured(rng, BOARD, 0.15), np.array([0.15, 0.1, 0.06]), 0.02, 0.35)
    return textured(rng, CLOTH, 0.08)


def waves(rng: np.random.Generator) -> Surface:
    """The colour of water where no light is mirrored."""
    return textured(rng, SEA, 0.35)


def skies(rng: np.random.Generator) -> Surface:
    """A sky from the horizon up, often with clouds; below the horizon it goes on as haze."""
    high, low = SKIES[rng.integers(len(SKIES))]
    clouds, cells, seed = rng.uniform(-0.6, 0.9), rng.uniform(3, 9), rng.integers(1 << 30)

    def surface(around: Array, up: Array) -> Array:
        fixed = np.random.default_rng(seed)
        blue = mix(low, high, np.abs(up) * 1.6)
        cover = noise(fixed, around * cells, up * cells * 2.2, 5)
        bright = 0.92 + 0.08 * noise(fixed, around * cells * 1.5, up * cells * 3, 3)
        white = bright[:, None] * np.array([0.96, 0.96, 0.97])
        return mix(blue, white, 0.85 * step(0.15, 0.9, cover + clouds - 0.5))

    return surface


def houses(rng: np.random.Generator) -> tuple[Surface, Callable[[Array], Array]]:
    """A row of house fronts with windows."""
    wide, start = rng.uniform(0.10, 0.3), rng.uniform()
    rise, seed = rng.uniform(0.08, 0.3), rng.integers(1 << 30)
    paints = np.stack([pick(rng, PLASTER + STONE, 0.15) for _ in range(64)])
    heights = rise * np.random.default_rng(seed).uniform(0.5, 1.4, 64)

    def surface(around: Array, up: Array) -> Array:
        house = np.floor(around / wide + start).astype(int) % 64
        column, row = (around / wide + start) * 3 % 1, up / wide * 2.4 % 1
        window = (np.abs(column - 0.5) < 0.22) & (np.abs(row - 0.5) < 0.28)
        return mix(paints[house], (0.2, 0.22, 0.26), window * 0.8)

    return surface, lambda around: heights[np.floor(around / wide + start).astype(int) % 64]


def backdrop(rng: np.random.Generator) -> tuple[Surface, Callable[[Array], Array]]:
    """What closes the view, and up to which elevation: trees, hills, houses, a wall, nothing."""
    kind = rng.integers(7)
    if kind == 0:
        return houses(rng)
    if kind == 1:
        return textured(rng, GRASS, 0.1), lambda around: np.full_like(around, -0.01)
    if kind < 4:  # trees and hills: dark green and rough, or pale and even
        tree = kind == 2
        tones = [(0.20, 0.28, 0.12), (0.30, 0.36, 0.16)] if tree else [(0.45, 0.52, 0.55), *GRASS]
        rise, cells, seed = rng.uniform(0.04, 0.5), (14 if tree else 2.5), rng.integers(1 << 30)
        base = textured(rng, tones, 0.35 if tree else 0.1)

        def top(around: Array) -> Array:
            rough = noise(np.random.default_rng(seed), around * cells, around * 0, 4)
            return rise * (1 + 0.3 * rough)

        return (lambda u, v: base(u * 5, v * 5)), top
    base = textured(rng, PLASTER + CLOTH + BOARD + STONE, rng.choice([0.04, 0.15]))
    if rng.random() < 0.5:
        base = lined(rng, base, pick(rng, PLASTER + BOARD), *rng.choice([(0.02, 0.15), (0.1, 0.3)]))
    return base, lambda around: np.full_like(around, 2.0)


def place(rng: np.random.Generator, kind: str) -> Place:
    """A place of a kind: "land", "water" or "air"."""
    behind, top = backdrop(rng)
    if kind != "land" and float(top(np.zeros(1))[0]) > 1:  # no wall at sea or in the air
        behind, top = textured(rng, GRASS, 0.1), lambda around: np.full_like(around, -0.01)
    if kind == "air":
        top = lambda around: np.full_like(around, -2.0)  # noqa: E731
    ground = {"land": floor, "water": waves}[kind](rng) if kind != "air" else None
    around, up = rng.uniform(-np.pi, np.pi), rng.uniform(0.5, 1.25)
    sun = np.array([np.cos(up) * np.sin(around), np.sin(up), np.cos(up) * np.cos(around)])
    warm = rng.uniform(-0.4, 1)
    tint = np.array([1 + 0.12 * warm, 1, 1 - 0.16 * warm], np.float32)
    sky = skies(rng)
    return Place(ground, kind == "water", behind, top, sky, sun, rng.uniform(0.4, 2.0), tint)
