"""Out-of-focus places behind a portrait: one function each, linear RGB (side, side, 3)."""

import numpy as np
from PIL import Image, ImageFilter
from scene import Array, mix, noise, step, wander


class Backdrop:
    """An empty picture: x to the right and y down, both -1 to 1, colours sRGB."""

    def __init__(self, rng: np.random.Generator, side: int) -> None:
        self.rng, axis = rng, np.linspace(-1, 1, side, dtype=np.float32)
        self.x, self.y = np.meshgrid(axis, axis)
        self.colour = np.zeros((side, side, 3), np.float32)

    def fill(self, *tones: tuple) -> None:
        """One of the tones, brighter or darker"""
        tone = np.array(tones[self.rng.integers(len(tones))])
        self.colour[:] = np.clip(tone * self.rng.uniform(0.75, 1.2), 0, 1)

    def lay(self, share: Array, *tones: tuple) -> None:
        tone = np.array(tones[self.rng.integers(len(tones))]) * self.rng.uniform(0.8, 1.15)
        self.colour = mix(self.colour, np.clip(tone, 0, 1), share)

    def noise(self, wide: float, high: float, octaves: int = 3) -> Array:
        return noise(self.rng, self.x / wide, self.y / high, octaves)

    def box(self, left: float, top: float, right: float, low: float) -> Array:
        inside = (self.x > left) & (self.x < right) & (self.y > top) & (self.y < low)
        return inside.astype(np.float32)

    def disc(self, x: float, y: float, radius: float) -> Array:
        return (np.hypot(self.x - x, self.y - y) < radius).astype(np.float32)


def below(b: Backdrop, level: float, rough: float = 0.02) -> Array:
    """1 below an uneven horizon"""
    line = level + rough * wander(b.rng, b.x[0] * 3, 3)
    return step(-0.01, 0.01, b.y - line)


def lawn(b: Backdrop, top: float) -> None:
    """Grass from the level `top` down"""
    share = below(b, top)
    tone = mix((0.20, 0.33, 0.08), (0.45, 0.56, 0.20), 0.5 + 0.5 * b.noise(0.05, 0.16))
    b.colour = mix(b.colour, tone * b.rng.uniform(0.75, 1.15), share)


def leaves(b: Backdrop, count: int = 70) -> None:
    """Blurred leaves and the sky between them"""
    for _ in range(count):
        x, y, r = *b.rng.uniform(-1.1, 1.1, 2), b.rng.uniform(0.04, 0.2)
        tones = ((0.16, 0.26, 0.08), (0.30, 0.42, 0.14), (0.10, 0.16, 0.07), (0.5, 0.58, 0.3))
        b.lay(0.7 * b.disc(x, y, r), *tones)


def meadow(b: Backdrop) -> None:
    b.fill((0.70, 0.80, 0.90), (0.80, 0.82, 0.84))
    leaves(b)
    lawn(b, b.rng.uniform(-0.4, 0.5))


def grass(b: Backdrop) -> None:
    lawn(b, -2)


def wood(b: Backdrop) -> None:
    """Trunks between leaves, a path"""
    b.fill((0.24, 0.30, 0.16), (0.35, 0.30, 0.18))
    leaves(b, 50)
    for x in b.rng.uniform(-1, 1, 4):
        b.lay(
            b.box(x, -1, x + b.rng.uniform(0.05, 0.2), 0.4), (0.20, 0.15, 0.11), (0.3, 0.27, 0.24)
        )
    b.lay(below(b, b.rng.uniform(0.1, 0.5), 0.06), (0.40, 0.31, 0.22), (0.33, 0.36, 0.16))


def room(b: Backdrop) -> None:
    """A wall with a window, picture or door, and a floor"""
    b.fill((0.80, 0.77, 0.72), (0.66, 0.70, 0.72), (0.75, 0.66, 0.52), (0.55, 0.60, 0.55))
    level = b.rng.uniform(-0.1, 0.7)
    for _ in range(b.rng.integers(1, 4)):
        x, y = b.rng.uniform(-1, 0.8), b.rng.uniform(-1, level - 0.4)
        frame = b.box(x, y, x + b.rng.uniform(0.2, 0.7), min(level, y + b.rng.uniform(0.4, 1.4)))
        b.lay(frame, (0.92, 0.94, 0.97), (0.35, 0.22, 0.14), (0.20, 0.22, 0.26), (0.55, 0.2, 0.15))
    b.lay(below(b, level - 0.07, 0), (0.88, 0.87, 0.85))
    b.lay(below(b, level, 0), (0.50, 0.33, 0.20), (0.62, 0.48, 0.34), (0.45, 0.43, 0.42))
    b.colour *= (1 + 0.08 * b.noise(0.9, 0.05))[..., None]


def sofa(b: Backdrop) -> None:
    """Cushions"""
    b.fill((0.80, 0.76, 0.70), (0.60, 0.64, 0.66))
    tone = [
        (0.42, 0.44, 0.48),
        (0.55, 0.40, 0.28),
        (0.25, 0.32, 0.42),
        (0.72, 0.66, 0.56),
        (0.5, 0.2, 0.18),
    ]
    tone = np.array(tone[b.rng.integers(len(tone))])
    level, shift = b.rng.uniform(-0.7, 0.0), b.rng.uniform(-1, 1)
    fold = np.abs(np.sin((b.x + shift) * 1.9)) ** 0.3
    shade = (0.55 + 0.45 * fold) * (1 + 0.08 * b.noise(0.4, 0.4))
    b.colour = mix(b.colour, tone * shade[..., None], below(b, level, 0.03))
    b.colour = mix(b.colour, tone * 1.1, below(b, level + 0.9, 0.03))


def street(b: Backdrop) -> None:
    """Houses, windows, a car, the pavement"""
    b.fill((0.62, 0.58, 0.54), (0.70, 0.72, 0.75), (0.55, 0.38, 0.30))
    for _ in range(9):
        x, y = b.rng.uniform(-1, 1), b.rng.uniform(-1, 0)
        b.lay(
            b.box(x, y, x + b.rng.uniform(0.1, 0.5), y + b.rng.uniform(0.15, 0.7)),
            (0.25, 0.28, 0.32),
            (0.80, 0.80, 0.78),
            (0.5, 0.2, 0.16),
            (0.22, 0.34, 0.5),
        )
    b.lay(below(b, b.rng.uniform(0, 0.5), 0), (0.48, 0.48, 0.49), (0.60, 0.58, 0.55))
    b.colour *= (1 + 0.06 * b.noise(0.06, 0.06))[..., None]


def snow(b: Backdrop) -> None:
    b.fill((0.72, 0.78, 0.86), (0.80, 0.82, 0.85))
    for x in b.rng.uniform(-1, 1, 6):
        b.lay(
            b.box(x, -1, x + b.rng.uniform(0.02, 0.14), 0.2), (0.30, 0.30, 0.32), (0.35, 0.38, 0.30)
        )
    b.lay(below(b, b.rng.uniform(-0.5, 0.4), 0.08), (0.90, 0.92, 0.96))
    b.colour *= (1 + 0.03 * b.noise(0.2, 0.1))[..., None]


def beach(b: Backdrop) -> None:
    b.fill((0.62, 0.76, 0.90), (0.78, 0.82, 0.86))
    level = b.rng.uniform(-0.5, 0.3)
    b.lay(below(b, level, 0), (0.25, 0.42, 0.52), (0.40, 0.50, 0.52))
    b.lay(below(b, level + b.rng.uniform(0.1, 0.4), 0.04), (0.78, 0.68, 0.52), (0.70, 0.64, 0.56))
    b.colour *= (1 + 0.05 * b.noise(0.08, 0.05))[..., None]


def studio(b: Backdrop) -> None:
    b.fill(
        (0.85, 0.85, 0.86),
        (0.35, 0.36, 0.38),
        (0.12, 0.12, 0.13),
        (0.55, 0.45, 0.36),
        (0.40, 0.52, 0.62),
    )
    glow = np.hypot(b.x - b.rng.uniform(-0.5, 0.5), b.y - b.rng.uniform(-0.5, 0.5))
    b.colour *= (1.15 - 0.3 * glow + 0.05 * b.noise(0.7, 0.7))[..., None]


def planks(b: Backdrop) -> None:
    """A fence or a wooden wall"""
    b.fill((0.52, 0.38, 0.25), (0.60, 0.58, 0.55), (0.33, 0.26, 0.20))
    along = b.x if b.rng.random() < 0.5 else b.y
    place = along * b.rng.uniform(2, 4) + 20
    b.colour *= (1 + 0.15 * np.sin(np.floor(place) * 12.9) - 0.6 * (place % 1 < 0.06))[..., None]
    b.colour *= (1 + 0.1 * b.noise(0.3, 0.3))[..., None]


PLACES = (meadow, room, grass, studio, sofa, street, wood, snow, planks, beach)


def backdrop(rng: np.random.Generator, place: int, side: int) -> Array:
    """Place number `place` (any whole number), blurred by the lens: linear RGB (side, side, 3)."""
    b = Backdrop(rng, side)
    PLACES[place % len(PLACES)](b)
    image = Image.fromarray((np.clip(b.colour, 0, 1) * 255).astype(np.uint8))
    image = image.filter(ImageFilter.GaussianBlur(side * rng.uniform(0.006, 0.03)))
    return (np.asarray(image, np.float32) / 255) ** 2.2
