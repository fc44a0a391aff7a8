"""Food for the set of nine foods, nearer to life than in bakery.py and garden.py.

One function a food, see food.py for `frame`. The older functions stay as they are: the hot dog
set is drawn with them.
"""

from collections.abc import Callable

import numpy as np
from bakery import knot
from grounds import pick
from parts import CRUSTS, crust, grains, raised, roll, spine
from scene import Array, Canvas, Frame, mix, noise, step, wander

SALT, SESAME, POPPY = (0.95, 0.95, 0.95), (0.95, 0.87, 0.68), (0.15, 0.14, 0.15)
GREENS = [(0.20, 0.42, 0.08), (0.30, 0.52, 0.14)]
CHILLIES = [(0.70, 0.05, 0.03), (0.78, 0.12, 0.04), (0.22, 0.42, 0.08)]


def side_by_side(
    lay: Callable[[Canvas, Frame], None], canvas: Canvas, frame: Frame, many: int, apart: float
) -> None:
    """Lay `many` of a food, `apart` from each other, each turned a little."""
    (x, y), angle, scale = frame
    for number in range(many):
        off = scale * apart * (number - (many - 1) / 2)
        turned = angle + canvas.rng.normal(0, 0.06)
        lay(canvas, ((x - off * np.sin(angle), y + off * np.cos(angle)), turned, scale))


def bagel(canvas: Canvas, frame: Frame) -> None:
    """A bagel with a small hole and sesame, half of them with poppy seed too."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    far = np.hypot(x, y) * (1 + 0.03 * canvas.noise(1.2, 2))
    dome = roll(0 * x, far - 0.34, 0.25, 0.25, 2)
    tone = crust(canvas, dome, pick(rng, CRUSTS) * 0.97)
    canvas.put(raised(dome, 0.44) + 0.008 * canvas.noise(6, 3), tone, 0.25, 30)
    kinds = [[SESAME], [SESAME, SESAME, POPPY]][rng.integers(2)]
    grains(canvas, dome > 0.55, 160, (0.024, 0.013), kinds)


def baguette(canvas: Canvas, frame: Frame) -> None:
    """A long baguette that tapers, with slashes askew."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    s, v = spine(x, y, rng.normal(0, 0.08))
    half = rng.uniform(0.82, 0.93)
    taper = np.sqrt(np.clip(1.05 - np.abs(s / half) ** 5, 0.2, 1))
    dome = roll(s, v, half, 0.215 * (1 + 0.04 * wander(rng, s * 3, 2)) * taper)
    place = (s + 0.9 * v) * 3.2 + 0.1 * canvas.noise(4, 2)
    slash = step(0.0, 0.2, 0.24 - np.abs(place % 1 - 0.5))
    slash = slash * (np.abs(v) < 0.13) * (np.abs(s) < half * 0.85)
    tone = mix(crust(canvas, dome, pick(rng, CRUSTS) * 0.95), (0.95, 0.82, 0.56), slash * 0.8)
    canvas.put(raised(dome, 0.34) + 0.014 * canvas.noise(7, 4) - 0.03 * slash, tone, 0.05)


def baguettes(canvas: Canvas, frame: Frame) -> None:
    """Two or three baguettes."""
    side_by_side(baguette, canvas, frame, int(canvas.rng.integers(2, 4)), 0.45)


def split_pretzel(canvas: Canvas, frame: Frame) -> None:
    """A soft pretzel with coarse salt, its belly split in the oven."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    top, dome = knot(x, y, 0.155, 0.5)
    tone = crust(canvas, dome, np.array([0.62, 0.32, 0.12]) * rng.uniform(0.9, 1.1))
    split = np.abs(y - 0.62 - 0.02 * canvas.noise(4, 2)) < 0.05 * (1 - (x / 0.32) ** 2)
    canvas.put(top, mix(tone, (0.93, 0.80, 0.55), split * 0.9), 0.3, 30)
    grains(canvas, (dome > 0.5) & ~split, 90, (0.02, 0.016), [SALT])


def fronds(canvas: Canvas, x: Array, y: Array) -> None:
    """Feathery leaves that fan out from the origin along x."""
    rng = canvas.rng
    for turn in rng.normal(0, 0.35, 6):
        side = rng.choice([-1, 1])  # `spine` turns round where its bend is negative
        s, v = spine(x, side * (y - turn * x), abs(rng.normal(0, 0.5)))
        lobes = np.abs(np.sin(s * 28 + rng.uniform(0, 6)))
        dome = roll(s - 0.28, v, 0.3, 0.03 + 0.1 * step(0.1, 0.4, s) * lobes)
        canvas.put(raised(dome, 0.14, 0.05) + 0.05 * canvas.noise(16, 2), pick(rng, GREENS), 0.1)


def leafy_carrot(canvas: Canvas, frame: Frame) -> None:
    """A pointed carrot with its leaves."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    s, v = spine(x, y, rng.normal(0, 0.12))
    s = s - 0.15  # room for the leaves
    fronds(canvas, -(s + 0.5), v)
    half = rng.uniform(0.55, 0.62)
    thin = 0.15 * (0.62 - 0.5 * np.clip(s / half, -1, 1)) * (1 + 0.04 * wander(rng, s * 6))
    thin = np.maximum(thin, 0.015)
    dome = roll(s, v, half, thin)
    rings = step(0.75, 0.97, noise(rng, s * 16, v * 2.5, 2)) * 0.5
    tone = mix((0.93, 0.45, 0.08), (0.62, 0.27, 0.06), rings)
    canvas.put(np.where(dome > 0, 2 * thin * dome, -9) - 0.01 * rings, tone, 0.25, 25)


def carrots(canvas: Canvas, frame: Frame) -> None:
    """One to three carrots with their leaves."""
    side_by_side(leafy_carrot, canvas, frame, int(canvas.rng.integers(1, 4)), 0.3)


def thin_chilli(canvas: Canvas, frame: Frame) -> None:
    """A thin, pointed, bent chilli, red or now and then green, with its stalk."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    s, v = spine(x - 0.1, y, rng.normal(0, 0.7))
    thin = rng.uniform(0.1, 0.13) * np.clip(0.85 - 0.75 * s / 0.7, 0.08, 1.1)
    dome = roll(s, v + 0.02 * wander(rng, s * 3, 2), 0.72, thin)
    colour = pick(rng, CHILLIES[:2] + CHILLIES)
    canvas.put(raised(dome, 0.24), colour * (1 + 0.06 * canvas.noise(3, 2))[..., None], 0.6, 50)
    cap = roll(s + 0.68, v, 0.09, 0.085, 2.5)
    stalk = roll(s + 0.86, v + 0.5 * (s + 0.7) ** 2, 0.17, 0.032)
    canvas.put(np.maximum(raised(cap, 0.26), raised(stalk, 0.2)), (0.28, 0.45, 0.13), 0.25)


def chillies(canvas: Canvas, frame: Frame) -> None:
    """Two to four chillies."""
    side_by_side(thin_chilli, canvas, frame, int(canvas.rng.integers(2, 5)), 0.3)


def crescent(canvas: Canvas, frame: Frame) -> None:
    """A croissant of seven rolled layers, the middle one on top."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    s, v = spine(x, y + 0.2, rng.uniform(0.7, 1.15))
    colour = pick(rng, [(0.80, 0.48, 0.18), (0.72, 0.40, 0.14), (0.85, 0.56, 0.25)])
    edges = np.array([-0.98, -0.66, -0.4, -0.16, 0.16, 0.4, 0.66, 0.98])
    for layer in (0, 6, 1, 5, 2, 4, 3):
        middle = edges[layer : layer + 2].mean()
        half = np.ptp(edges[layer : layer + 2]) / 2 + 0.05
        radius = 0.34 * (1 - 0.75 * abs(middle) ** 1.5)
        along = s - middle + 0.6 * np.sign(round(middle, 3)) * np.abs(v)
        inside = 1 - np.abs(along / half) ** 2.5 - np.abs(v / radius) ** 2.2
        dome = np.where(inside > 0, np.sqrt(np.clip(inside, 0, None)), -1)
        flakes = np.sin(along * 70 + 2 * canvas.noise(3, 2))
        tone = crust(canvas, dome + 0.06 * flakes, colour)
        canvas.put(raised(dome, radius * 1.35) + 0.006 * flakes, tone, 0.3, 22)
