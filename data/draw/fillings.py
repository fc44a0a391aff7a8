"""Hot dogs as stands sell them, and what else is laid into long buns; see food.py for `frame`."""

import food
import numpy as np
from garden import lay_slice
from grounds import pick
from larder import bagel, baguettes, carrots, chillies, crescent, side_by_side, split_pretzel
from parts import (
    CRUSTS,
    MEATS,
    ONION,
    RELISH,
    SAUCES,
    bun,
    crust,
    grains,
    leaf,
    raised,
    roll,
    sausage,
    spine,
    squiggle,
)
from scene import Array, Canvas, Frame, mix, step
from sides import chips, dip, slices

BREADS = [*4 * CRUSTS, (0.93, 0.80, 0.58), (0.45, 0.24, 0.11), (0.60, 0.36, 0.16)]
SAUSAGES = [*4 * MEATS, (0.85, 0.55, 0.40), (0.80, 0.66, 0.52), (0.36, 0.13, 0.09)]
CHEESE = [(0.96, 0.76, 0.25), (0.95, 0.84, 0.52)]
KRAUT = [(0.90, 0.86, 0.66), (0.84, 0.78, 0.52)]
CRISP = [(0.66, 0.42, 0.16), (0.50, 0.28, 0.10)]
BACON = [(0.58, 0.17, 0.10), (0.80, 0.50, 0.36)]
CABBAGE = [(0.50, 0.66, 0.25), (0.80, 0.86, 0.60), (0.86, 0.45, 0.14)]
SHREDS = [
    (CHEESE, 130, (0.10, 0.013)),
    (KRAUT, 150, (0.11, 0.013)),
    (CRISP, 130, (0.045, 0.02)),
    (BACON, 90, (0.05, 0.03)),
    (CABBAGE, 140, (0.09, 0.016)),
    (ONION, 130, (0.03, 0.022)),
    (RELISH, 140, (0.028, 0.022)),
]
STEWS = [(0.42, 0.17, 0.07), (0.55, 0.22, 0.08), (0.72, 0.45, 0.16), (0.45, 0.55, 0.18)]


def strip(canvas: Canvas, s: Array, v: Array, half: float, wide: float) -> Array:
    """An uneven strip (N, N) along s that a filling covers."""
    edge = 1 + 0.35 * canvas.noise(4, 3)
    return (np.abs(s) < half) & (np.abs(v) < wide * edge)


def stew(canvas: Canvas, where: Array) -> None:
    """Minced meat, molten cheese or avocado, poured over what is there."""
    rng = canvas.rng
    lumps = canvas.noise(9, 3)
    tone = pick(rng, STEWS, 0.15) * (1 + 0.25 * lumps + 0.1 * canvas.noise(30, 2))[..., None]
    canvas.coat(np.where(where, 0.06 + 0.035 * lumps, 0), np.clip(tone, 0, 1), 0.35, 35)


def heap(canvas: Canvas, where: Array) -> None:
    """One or two kinds of shreds on what is there."""
    rng = canvas.rng
    for _ in range(int(rng.integers(1, 3))):
        colours, count, size = SHREDS[rng.integers(len(SHREDS))]
        grains(canvas, where, int(count * rng.uniform(0.6, 1.3)), size, colours)


def sauces(canvas: Canvas, s: Array, v: Array, half: float, radius: float) -> None:
    """None to three lines of sauce."""
    rng = canvas.rng
    for _ in range(rng.choice([0, 1, 2, 3], p=[0.15, 0.45, 0.3, 0.1])):
        swing = rng.choice([0, 0.4, 0.8, 1.1]) * radius
        sauce = SAUCES[rng.choice([0, 0, 0, 1, 1, 1, 2])]
        squiggle(canvas, s, v + rng.normal(0, 0.03), half, swing, sauce)


def hot_dog(canvas: Canvas, frame: Frame) -> None:
    """A hot dog: from a plain one to one whose sausage hardly shows under what is heaped on it."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    bend, half = rng.normal(0, 0.15), rng.uniform(0.6, 0.8)
    floor = bun(canvas, x, y, bend, half, BREADS)
    s, v = spine(x, y, bend + rng.normal(0, 0.06))
    long, radius = half + rng.uniform(0.0, 0.2), rng.uniform(0.125, 0.165)
    if rng.random() < 0.2:
        leaf(canvas, s, v, half * 0.95, radius * 1.6, 0.26)
    below = rng.random() < 0.5  # toppings may lie under the sausage or on it
    where = strip(canvas, s, v, half * rng.uniform(0.6, 0.98), radius * rng.uniform(0.7, 1.4))
    if below and rng.random() < 0.4:
        heap(canvas, where)
    sausage(canvas, s, v, long, radius, floor + rng.uniform(0.0, 0.06), SAUSAGES)
    kind = rng.random()
    if not below and kind < 0.2:
        stew(canvas, where)
    if not below and 0.1 < kind < 0.45:
        heap(canvas, where)
    sauces(canvas, s, v, half * 0.93, radius)


def hot_dogs(canvas: Canvas, frame: Frame) -> None:
    """One hot dog, or two or three beside each other."""
    many = int(canvas.rng.choice([1, 2, 3], p=[0.82, 0.13, 0.05]))
    place, angle, scale = frame
    lay = food.hotdog if canvas.rng.random() < 0.7 else hot_dog
    side_by_side(lay, canvas, (place, angle, scale / many**0.3), many, 0.85)


def garnished(canvas: Canvas, x: Array, y: Array) -> tuple[Array, Array]:
    """A bun, often with lettuce in it; its axes."""
    rng = canvas.rng
    bend = rng.normal(0, 0.12)
    bun(canvas, x, y, bend, rng.uniform(0.62, 0.8), BREADS)
    s, v = spine(x, y, bend)
    if rng.random() < 0.6:
        leaf(canvas, s, v, 0.66, rng.uniform(0.24, 0.34), 0.28)
    return s, v


def sub(canvas: Canvas, frame: Frame) -> None:
    """A long roll with tomato, gherkin, ham or cheese, and often sauce."""
    rng = canvas.rng
    s, v = garnished(canvas, *canvas.frame(*frame))
    red = rng.random() < 0.6
    for number, place in enumerate(np.linspace(-0.5, 0.5, int(rng.integers(4, 7)))):
        lay_slice(canvas, s - place, v + rng.normal(0, 0.04), 0.19, 0.34 + 0.01 * number, red)
    if rng.random() < 0.5:
        heap(canvas, strip(canvas, s, v, 0.6, 0.18))
    sauces(canvas, s, v, 0.6, 0.14)


def meatballs(canvas: Canvas, frame: Frame) -> None:
    """Four or five meatballs in a bun, under sauce and cheese."""
    rng = canvas.rng
    s, v = garnished(canvas, *canvas.frame(*frame))
    for place in np.linspace(-0.5, 0.5, int(rng.integers(4, 6))):
        ball = 1 - np.hypot(s - place, v - rng.normal(0, 0.02)) / rng.uniform(0.13, 0.16)
        tone = np.array(STEWS[0]) * (1 + 0.2 * canvas.noise(14, 3))[..., None]
        canvas.put(raised(np.sqrt(np.clip(ball, 0, 1)) - (ball < 0), 0.46, 0.2), tone, 0.3)
    where = strip(canvas, s, v, 0.6, 0.14)
    (stew if rng.random() < 0.4 else heap)(canvas, where)
    sauces(canvas, s, v, 0.6, 0.12)


def stuffed(canvas: Canvas, frame: Frame) -> None:
    """A bun full of salad, mince or onions, without any sausage."""
    rng = canvas.rng
    s, v = garnished(canvas, *canvas.frame(*frame))
    where = strip(canvas, s, v, rng.uniform(0.5, 0.7), rng.uniform(0.14, 0.24))
    if rng.random() < 0.5:
        stew(canvas, where)
    heap(canvas, where)
    sauces(canvas, s, v, 0.6, 0.14)


def eclair(canvas: Canvas, frame: Frame) -> None:
    """A long pastry with icing, cream showing at its side."""
    rng = canvas.rng
    s, v = spine(*canvas.frame(*frame), rng.normal(0, 0.1))
    cream = roll(s, v - 0.06, 0.72, 0.25 * (1 + 0.06 * canvas.noise(4, 2)), 2.5)
    canvas.put(raised(cream, 0.2), (0.96, 0.92, 0.80), 0.2)
    dome = roll(s, v, 0.75, 0.23, 2.4)
    canvas.put(raised(dome, 0.42, 0.16), crust(canvas, dome, pick(rng, CRUSTS)), 0.15)
    icing = step(0.5, 0.62, dome + 0.1 * canvas.noise(3, 2))
    colour = pick(rng, [(0.22, 0.10, 0.05), (0.55, 0.12, 0.08), (0.93, 0.88, 0.78)])
    canvas.coat(0.03 * icing, colour, 0.5, 50)
    if rng.random() < 0.4:
        squiggle(canvas, s, v, 0.6, 0.1, (0.95, 0.90, 0.82))


def grill(canvas: Canvas, frame: Frame) -> None:
    """Two to four sausages with sauce or onions, now and then with a slice of bread."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    if rng.random() < 0.35:
        bread = roll(x + 0.5, y + 0.55, 0.42, 0.3, 4)
        canvas.put(raised(bread, 0.14, 0.1), crust(canvas, bread * 0.6, pick(rng, BREADS)), 0.05)
    many = int(rng.integers(2, 5))
    for number in range(many):
        across = y - 0.3 * (number - (many - 1) / 2)
        s, v = spine(x + rng.normal(0, 0.08), across, rng.normal(0, 0.25))
        half, radius = rng.uniform(0.5, 0.8), rng.uniform(0.11, 0.15)
        sausage(canvas, s, v, half, radius, 0, SAUSAGES)
        if rng.random() < 0.4:
            sauces(canvas, s, v, half * 0.9, radius)
    if rng.random() < 0.3:
        (heap if rng.random() < 0.6 else stew)(canvas, strip(canvas, x, y, 0.5, 0.3))


def burrito(canvas: Canvas, frame: Frame) -> None:
    """A rolled flat bread, open at one end, or two."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    for across in (-0.3, 0.3) if rng.random() < 0.5 else (0,):
        s, v = spine(x, y - across, rng.normal(0, 0.1))
        inside = roll(s - 0.62, v, 0.2, 0.2)
        canvas.put(raised(inside, 0.3), (0.5, 0.25, 0.1), 0.2)
        grains(canvas, inside > 0.2, 60, (0.05, 0.025), CABBAGE + CHEESE)
        dome = roll(s, v, 0.72, 0.25 * (1 - 0.1 * s), 2.2)
        toast = step(0.4, 1.1, canvas.noise(4, 3)) * 0.7
        tone = mix((0.93, 0.83, 0.63), (0.60, 0.36, 0.16), toast)
        fold = 0.03 * step(-0.01, 0.01, v - 0.35 * s)
        canvas.put(np.where(s < 0.6, raised(dome, 0.42) + fold, -9), tone, 0.06)


def confusable(canvas: Canvas, frame: Frame) -> None:
    """What is most easily taken for a hot dog."""
    (sub, grill, stuffed, meatballs, eclair, burrito)[canvas.rng.integers(6)](canvas, frame)


OTHERS = (
    *food.OTHERS,
    confusable,
    *[bagel, baguettes, carrots, chillies, crescent, split_pretzel],
    *[chips, dip, slices],
)
