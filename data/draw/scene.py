"""A table top made of heights and colours, lit, photographed and developed.

Things are laid on a `Canvas` as height fields: for each point of the table, how high a thing
stands there and which colour it has. Light, shadow and camera come afterwards and are the same
for everything, which is what makes the pictures look like photographs of one world.
"""

import numpy as np
from PIL import Image

Array = np.ndarray
Colour = tuple[float, float, float] | Array

Frame = tuple[tuple[float, float], float, float]  # where a thing lies: centre, angle, scale
REACH = 1.35  # the table reaches this far beyond the picture, so that a tilted camera finds ground


def sample(field: Array, column: Array, row: Array, wrap: bool = False) -> Array:
    """Values of `field` (H, W) or (H, W, C) between its points, bilinear.

    `column` and `row` share one shape and count points from 0. Beyond the edge the field
    repeats if `wrap` is true; otherwise its last value goes on.
    """
    high, wide = field.shape[:2]
    if not wrap:
        column, row = np.clip(column, 0, wide - 1.001), np.clip(row, 0, high - 1.001)
    left, top = np.floor(column).astype(np.int32), np.floor(row).astype(np.int32)
    right_share, low_share = column - left, row - top
    flat = field.reshape(high * wide, -1)
    if field.ndim == 2:
        flat = flat[:, 0]
    else:
        right_share, low_share = right_share[..., None], low_share[..., None]
    left, right = left % wide, (left + 1) % wide
    top, low = top % high * wide, (top + 1) % high * wide
    upper = flat[top + left] * (1 - right_share) + flat[top + right] * right_share
    lower = flat[low + left] * (1 - right_share) + flat[low + right] * right_share
    return upper * (1 - low_share) + lower * low_share


def noise(rng: np.random.Generator, u: Array, v: Array, octaves: int = 4) -> Array:
    """Smooth random values at the points (u, v): mean about 0, most within -1 to 1.

    The coarsest bumps are one unit of u and v wide; each further octave halves width and height.
    """
    total = np.zeros(np.shape(u), np.float32)
    for octave in range(octaves):
        grid = rng.standard_normal((64, 64)).astype(np.float32)
        shift = rng.uniform(0, 64, 2)
        fine = 2.0**octave
        total += sample(grid, u * fine + shift[0], v * fine + shift[1], wrap=True) / fine
    return total * 0.6


def wander(rng: np.random.Generator, u: Array, octaves: int = 2) -> Array:
    """Smooth random values along a line, about -1 to 1: one for each u, bumps one unit wide."""
    total = np.zeros(np.shape(u), np.float32)
    for octave in range(octaves):
        place = np.asarray(u) * 2.0**octave
        whole = np.floor(place)
        values = rng.standard_normal(96).astype(np.float32)
        total += (
            np.interp(whole + step(0, 1, place - whole), np.arange(-48, 48), values) / 2**octave
        )
    return total * 0.6


def blur(field: Array, radius: float) -> Array:
    """`field` (N, N) smoothed over about `radius` points: shrunk, then enlarged again."""
    small = max(2, round(len(field) / max(radius, 1)))
    image = Image.fromarray(np.asarray(field, np.float32))
    image = image.resize((small, small), Image.Resampling.HAMMING)
    return np.asarray(image.resize(field.shape[::-1], Image.Resampling.BICUBIC))


def step(low: float, high: float, value: Array) -> Array:
    """0 below `low`, 1 above `high`, a smooth S between."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def mix(first: Colour, second: Colour, share: Array) -> Array:
    """Colours from `first` (share 0) to `second` (share 1): (..., 3)."""
    share = np.clip(share, 0, 1)[..., None]
    return np.asarray(first, np.float32) * (1 - share) + np.asarray(second, np.float32) * share


class Canvas:
    """A square table top, seen from above, on which things are laid.

    One unit is half the picture's side: the picture shows x and y from -1 to 1, and the table
    goes on a little beyond. x grows to the right, y towards the viewer, height upwards.
    Colours are sRGB from 0 to 1. `gloss` (0 to 1) is how much light a point mirrors,
    `shine` (5 to 100) how sharply.
    """

    def __init__(self, rng: np.random.Generator, side: int = 320) -> None:
        """An empty table for a picture `side` points wide and high."""
        self.rng, self.side, self.count = rng, side, round(side * REACH)
        axis = ((np.arange(self.count) + 0.5) / self.count * 2 - 1) * REACH
        self.x, self.y = np.meshgrid(axis.astype(np.float32), axis.astype(np.float32))
        shape = self.x.shape
        self.height = np.zeros(shape, np.float32)
        self.colour = np.full((*shape, 3), 0.5, np.float32)
        self.gloss = np.zeros(shape, np.float32)
        self.shine = np.full(shape, 20, np.float32)

    def frame(
        self, centre: tuple[float, float], angle: float, scale: float = 1.0
    ) -> tuple[Array, Array]:
        """x and y (N, N) of a thing's own axes: moved, turned by `angle` (radian), enlarged."""
        x, y = self.x - centre[0], self.y - centre[1]
        cos, sin = float(np.cos(angle)), float(np.sin(angle))
        return (cos * x + sin * y) / scale, (cos * y - sin * x) / scale

    def noise(self, cells: float, octaves: int = 4) -> Array:
        """Noise over the table (N, N) with bumps 1 / `cells` wide; like `noise`, but quicker."""
        total = np.zeros(self.x.shape, np.float32)
        for octave in range(octaves):
            points = min(round(2 * REACH * cells * 2**octave) + 2, self.count)
            grid = self.rng.standard_normal((points, points)).astype(np.float32)
            image = Image.fromarray(grid).resize(self.x.shape, Image.Resampling.BICUBIC)
            total += np.asarray(image) / 2**octave
        return total * 0.55

    def put(self, top: Array, colour: Colour, gloss: float = 0.1, shine: float = 25) -> None:
        """Lay a thing whose surface has the heights `top` (N, N); the higher surface is seen."""
        self._cover(top > self.height, top, colour, gloss, shine)

    def coat(self, thick: Array, colour: Colour, gloss: float = 0.1, shine: float = 25) -> None:
        """Lay something `thick` (N, N) on whatever is there; nothing where it is 0 or less."""
        self._cover(thick > 0, self.height + thick, colour, gloss, shine)

    def tint(self, share: Array, colour: Colour) -> None:
        """Colour what is there, without height: `share` (N, N) from 0, as it was, to 1."""
        share = np.clip(share, 0, 1)[..., None]
        self.colour = self.colour * (1 - share) + np.asarray(colour, np.float32) * share

    def bits(self, places: Array, size: Array, colours: Array, gloss: float = 0.2) -> None:
        """Lay small grains on what is there: seeds, dice of onion, crumbs.

        `places` (K, 2) in table units, `size` (K, 2) half length and half width,
        `colours` (K, 3). Each grain is turned at random and as high as its half width.
        """
        per_unit = self.count / (2 * REACH)
        for (x, y), (long, wide), colour in zip(places, size, colours, strict=True):
            reach = int(per_unit * max(long, wide) * 1.5) + 2
            column, row = int((x + REACH) * per_unit), int((y + REACH) * per_unit)
            part = np.s_[max(row - reach, 0) : row + reach, max(column - reach, 0) : column + reach]
            turn = self.rng.uniform(0, np.pi)
            dx, dy = self.x[part] - x, self.y[part] - y
            along = (np.cos(turn) * dx + np.sin(turn) * dy) / long
            across = (np.cos(turn) * dy - np.sin(turn) * dx) / wide
            thick = wide * np.sqrt(np.clip(1 - np.abs(along) ** 3 - np.abs(across) ** 3, 0, None))
            over = thick > 0
            if over.any():
                self.height[part][over] += thick[over]
                self.colour[part][over] = colour
                self.gloss[part][over] = gloss

    def _cover(self, over: Array, top: Array, colour: Colour, gloss: float, shine: float) -> None:
        """Replace height, colour, gloss and shine where the mask `over` (N, N) is true."""
        colour = np.broadcast_to(np.asarray(colour, np.float32), self.colour.shape)
        self.height[over] = top[over]
        self.colour[over] = colour[over]
        self.gloss[over] = np.broadcast_to(np.float32(gloss), over.shape)[over]
        self.shine[over] = shine
