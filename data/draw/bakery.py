"""Bread, pastry and what is baked with a filling: one function each, see food.py for `frame`."""

import numpy as np
from garden import lay_slice
from grounds import pick
from parts import CRUSTS, crust, grains, leaf, raised, roll, seeds, spine
from scene import Array, Canvas, Frame, mix, step, wander


def baguette(canvas: Canvas, frame: Frame) -> None:
    """A baguette with slashes across its crust."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    s, v = spine(x, y, rng.normal(0, 0.15))
    radius = 0.24 * (1 + 0.06 * wander(rng, s * 2, 2))
    dome = roll(s, v, rng.uniform(0.85, 1.2), radius)
    slash = step(0.72, 0.98, np.sin(s * rng.uniform(12, 16) + v * 5 + 0.3 * canvas.noise(4, 2)))
    slash = slash * (np.abs(v) < 0.16) * (np.abs(s) < 0.75)
    tone = mix(crust(canvas, dome, pick(rng, CRUSTS) * 0.93), (0.95, 0.80, 0.52), slash * 0.8)
    canvas.put(raised(dome, 0.36) + 0.012 * canvas.noise(7, 4) - 0.035 * slash, tone, 0.08)


def knot(x: Array, y: Array, thick: float, taper: float) -> tuple[Array, Array]:
    """The three loops of one rope, a pretzel: heights and, for `crust`, the dome (both (N, N)).

    `thick` is half its thickness in the middle; at its ends it is thinner by the share `taper`.
    """
    t = np.linspace(-1, 1, 110)
    px = 0.22 * (3.3 - 6.4 * t**2) * np.sin(4 * t)
    py = 0.25 * (2.5 - 4.8 * t**2) * np.cos(4 * t)
    top = np.full(x.shape, -9.0, np.float32)
    best = np.full(x.shape, -1.0, np.float32)
    for number, (cx, cy) in enumerate(zip(px, py, strict=True)):
        radius = thick * (1 - taper * t[number] ** 2)
        ball = 1 - ((x - cx) ** 2 + (y - cy) ** 2) / radius**2
        best = np.maximum(best, np.sqrt(np.clip(ball, 0, None)) - (ball <= 0))
        over = 0.12 * np.clip(abs(t[number]) * 4 - 2.2, 0, 1) * (1 + 0.5 * np.sign(t[number]))
        top = np.maximum(top, np.where(ball > 0, over + 1.7 * radius * np.sqrt(ball.clip(0)), -9))
    return top, best


def pretzel(canvas: Canvas, frame: Frame) -> None:
    """A soft pretzel with salt: three loops of one rope."""
    top, dome = knot(*canvas.frame(*frame), 0.14, 0.4)
    canvas.put(top, crust(canvas, dome, np.array([0.60, 0.30, 0.11])), 0.3, 30)
    grains(canvas, dome > 0.6, 70, (0.014, 0.014), [(0.95, 0.95, 0.95)])


def pizza(canvas: Canvas, frame: Frame) -> None:
    """A slice of pizza: rim, cheese, salami."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    far, turn = np.hypot(x + 0.85, y), np.arctan2(y, x + 0.85)
    inside = (np.abs(turn) < 0.42 + 0.02 * canvas.noise(4, 2)) & (far < 1.5)
    rim = np.where(inside, np.sqrt(np.clip(1 - ((far - 1.4) / 0.12) ** 2, 0, 1)), 0)
    melt = mix((0.93, 0.76, 0.36), (0.80, 0.30, 0.08), step(0, 0.9, canvas.noise(4, 4)) * 0.8)
    tone = np.where(rim[..., None] > 0, crust(canvas, rim, pick(rng, CRUSTS)), melt)
    canvas.put(np.where(inside, 0.07 + 0.02 * canvas.noise(6, 3) + 0.14 * rim, -9), tone, 0.2)
    for place, side in ((0.0, 0.05), (0.3, 0.25), (0.32, -0.22), (-0.35, 0.0)):
        u, v = x - place + rng.normal(0, 0.03), y - side + rng.normal(0, 0.02)
        thick = np.where((np.hypot(u, v) < 0.14) & inside, 0.03 + 0.5 * np.hypot(u, v) ** 2, 0)
        meat = mix((0.66, 0.16, 0.08), (0.85, 0.50, 0.35), step(0.5, 1, canvas.noise(24, 2)))
        canvas.coat(thick, meat, 0.3)


def croissant(canvas: Canvas, frame: Frame) -> None:
    """A croissant: a bent spindle with steps where the dough was rolled."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    s, v = spine(x, y + 0.2, rng.uniform(0.8, 1.3))
    segment = np.abs(s / 0.21 + 0.5)
    ridge = np.sqrt(np.clip(1 - (2 * (segment % 1) - 1) ** 2, 0, 1))
    thin = 0.34 * np.clip(1 - (s / 1.0) ** 2, 0.08, 1) * (0.86 + 0.16 * ridge)
    dome = roll(s, v, 0.95, thin, 2)
    bands = 0.012 * np.sin(segment * 40 + 2 * canvas.noise(4, 2))
    tone = crust(canvas, dome * (0.55 + 0.5 * ridge), pick(rng, CRUSTS) * 0.9)
    canvas.put(raised(dome, 1.0) * thin * 1.3 + bands, tone, 0.3, 22)


def burger(canvas: Canvas, frame: Frame) -> None:
    """A hamburger from above: sesame bun over lettuce, cheese and meat."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    leaf(canvas, x, y, 0.68, 0.62, 0.2)
    square = np.maximum(np.abs(x * 0.8 + y * 0.6), np.abs(y * 0.8 - x * 0.6))
    canvas.put(np.where(square < 0.52, 0.3, -9), (0.95, 0.70, 0.2), 0.2)
    far = np.hypot(x, y) / (0.56 * (1 + 0.02 * canvas.noise(1.5, 2)))
    dome = np.where(far < 1, np.sqrt(np.clip(1 - far**2.4, 0, 1)), -1)
    tone = crust(canvas, dome, pick(rng, CRUSTS))
    canvas.put(raised(dome, 0.72, 0.34), tone, rng.uniform(0.1, 0.35))
    seeds(canvas, np.hypot(x, y) < 0.42)


def churro(canvas: Canvas, frame: Frame) -> None:
    """Two or three sugared churros with deep grooves."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    many = int(rng.integers(2, 4))
    for number in range(many):
        s, v = spine(
            x + rng.normal(0, 0.1), y - 0.28 * (number - (many - 1) / 2), rng.normal(0, 0.2)
        )
        dome = roll(s, v, rng.uniform(0.65, 0.85), 0.12)
        groove = np.cos(np.arcsin(np.clip(v / 0.12, -1, 1)) * 7 + s * 2)
        tone = mix((0.50, 0.26, 0.10), (0.76, 0.48, 0.20), 0.5 + 0.5 * groove)
        sugar = step(0.5, 0.9, canvas.noise(50, 1)) * 0.4
        canvas.put(raised(dome, 0.22) + 0.025 * groove, mix(tone, (0.95, 0.9, 0.8), sugar), 0.1)


def sandwich(canvas: Canvas, frame: Frame) -> None:
    """A closed, broad sandwich: lid of bread over lettuce, tomato and ham."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    leaf(canvas, x, y, 0.8, 0.5, 0.14)
    for place in np.linspace(-0.5, 0.5, 4):
        lay_slice(canvas, x - place, y - 0.24 * rng.choice([-1, 1]), 0.2, 0.2, True)
    dome = roll(x, y, 0.74, 0.38 * (1 + 0.03 * canvas.noise(2, 2)), 2.6)
    tone = crust(canvas, dome, pick(rng, CRUSTS))
    canvas.put(raised(dome, 0.5, 0.24) + 0.006 * canvas.noise(8, 3), tone, 0.12)
    if rng.random() < 0.4:
        seeds(canvas, (np.abs(x) < 0.55) & (np.abs(y) < 0.24))


def doughnut(canvas: Canvas, frame: Frame) -> None:
    """A ring doughnut with a glaze and, often, coloured sprinkles."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    far = np.hypot(x, y) * (1 + 0.02 * canvas.noise(1.5, 2))
    dome = roll(0 * x, far - 0.42, 0.25, 0.25, 2)
    canvas.put(raised(dome, 0.42), crust(canvas, dome, pick(rng, CRUSTS)), 0.1)
    glaze = step(0.5, 0.6, dome + 0.1 * canvas.noise(3, 2))
    colour = pick(rng, [(0.24, 0.11, 0.06), (0.90, 0.55, 0.62), (0.93, 0.88, 0.78)])
    canvas.coat(0.03 * glaze, colour, 0.45, 50)
    if rng.random() < 0.7:
        grains(canvas, dome > 0.75, 80, (0.03, 0.01), rng.uniform(0.2, 0.95, (6, 3)))
