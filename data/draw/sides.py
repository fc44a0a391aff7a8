"""What stands beside food on a table: side dishes, crockery, cutlery; see food.py for `frame`."""

import numpy as np
from garden import lay_slice
from grounds import CLOTHS, DISHES, pick
from parts import KETCHUP, MUSTARD, grains, leaf, raised, roll
from scene import Canvas, Frame, mix, step

CHIPS = [(0.93, 0.76, 0.36), (0.88, 0.66, 0.26), (0.96, 0.84, 0.50)]
DRINKS = [(0.16, 0.07, 0.04), (0.80, 0.52, 0.10), (0.90, 0.55, 0.15), (0.75, 0.80, 0.82)]


def chips(canvas: Canvas, frame: Frame) -> None:
    """A heap of chips, some of them crinkled or round."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    spread = step(1.0, 0.3, np.hypot(x, y * rng.uniform(1, 1.6))) + 0.2 * canvas.noise(2, 2)
    long, wide = (0.26, 0.042) if rng.random() < 0.7 else (0.15, 0.11)
    size = frame[2] * np.array([long, wide])
    grains(canvas, spread > 0.45, int(rng.integers(25, 70)), size, CHIPS)


def cup(canvas: Canvas, frame: Frame) -> None:
    """A cup, glass or can from above, with a drink in it."""
    rng = canvas.rng
    far = np.hypot(*canvas.frame(*frame)) / 0.62
    rim = 0.55 + 0.03 * step(0.9, 0.97, far)
    wall = pick(rng, DISHES + CLOTHS)
    drink = mix(pick(rng, DRINKS), (0.95, 0.93, 0.88), step(0.2, 0.6, canvas.noise(5, 3)) * 0.6)
    colour = mix(drink, wall, step(0.86, 0.9, far))
    canvas.put(np.where(far < 1, np.where(far < 0.88, 0.4, rim), -9), colour, 0.5, 60)


def dip(canvas: Canvas, frame: Frame) -> None:
    """A small bowl of ketchup, mustard, mayonnaise or beans."""
    rng = canvas.rng
    far = np.hypot(*canvas.frame(*frame)) / 0.5
    paint = np.array([KETCHUP, MUSTARD, (0.95, 0.92, 0.82), (0.62, 0.28, 0.10)])[rng.integers(4)]
    rim = 0.06 + 0.16 * step(0.5, 0.95, far)
    canvas.put(np.where(far < 1, rim, -9), pick(rng, DISHES), 0.45, 60)
    sauce = far < 0.82 + 0.03 * canvas.noise(3, 2)
    canvas.put(np.where(sauce, 0.15 + 0.03 * canvas.noise(5, 2), -9), paint, 0.5, 50)


def cutlery(canvas: Canvas, frame: Frame) -> None:
    """A knife or a fork of steel or white plastic."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    wide = 0.05 + 0.05 * step(0.3, 0.5, x) + 0.02 * step(-0.3, -0.6, x)
    dome = roll(x, y, 1.0, wide, 3)
    tines = (x > 0.6) & (np.sin(y * 90) > 0.2) & (rng.random() < 0.6)
    metal = (0.75, 0.76, 0.78) if rng.random() < 0.7 else (0.95, 0.95, 0.94)
    canvas.put(np.where(tines, -9, raised(dome, 0.07, 0.03)), metal, 0.7, 60)


def slices(canvas: Canvas, frame: Frame) -> None:
    """Slices of tomato or gherkin, sometimes on lettuce."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    if rng.random() < 0.5:
        leaf(canvas, x, y, 0.8, 0.6, 0.08)
    red = rng.random() < 0.5
    for number in range(int(rng.integers(2, 5))):
        u, v = x - rng.uniform(-0.5, 0.5), y - rng.uniform(-0.4, 0.4)
        lay_slice(canvas, u, v, 0.34, 0.1 + 0.03 * number, red)


def napkin(canvas: Canvas, frame: Frame) -> None:
    """A folded napkin, white or coloured."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    inside = (np.abs(x) < 0.9) & (np.abs(y) < 0.7)
    top = np.where(inside, 0.03 + 0.03 * step(-0.02, 0.02, x) + 0.015 * canvas.noise(2, 2), -9)
    canvas.put(top, pick(rng, [(0.95, 0.95, 0.94), *CLOTHS]), 0.03)


def parcel(canvas: Canvas, frame: Frame) -> None:
    """A box, packet or telephone."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    inside = (np.abs(x) < 0.85) & (np.abs(y) < 0.5)
    colour = np.broadcast_to(pick(rng, [(0.1, 0.1, 0.11), *CLOTHS, *DISHES]), (*x.shape, 3))
    stripe = np.abs(y - rng.uniform(-0.3, 0.3)) < rng.uniform(0.03, 0.15)
    colour = mix(colour, pick(rng, CLOTHS + DISHES), stripe * 0.9)
    canvas.put(np.where(inside, rng.uniform(0.06, 0.5), -9), colour, rng.uniform(0, 0.5), 40)


SIDES = (chips, cup, dip, cutlery, slices, napkin, parcel, chips)
