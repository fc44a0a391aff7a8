"""Hot dogs, and other food that looks like them: one function a food.

Each function lays its food on a `Canvas` whose ground is already there. `frame` is where it
goes: (centre, angle, scale), as `Canvas.frame` takes it.
"""

import numpy as np
from bakery import baguette, burger, churro, croissant, doughnut, pizza, pretzel, sandwich
from garden import banana, carrot, chilli, corn, cucumber, lay_carrot
from grounds import pick
from parts import (
    KETCHUP,
    MUSTARD,
    ONION,
    RELISH,
    SAUCES,
    bun,
    grains,
    leaf,
    raised,
    roll,
    sausage,
    spine,
    squiggle,
)
from scene import Canvas, Frame, mix, step


def hotdog(canvas: Canvas, frame: Frame) -> None:
    """A sausage in a split bun, with mustard, ketchup or both, often with onions or relish."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    bend, half = rng.normal(0, 0.12), rng.uniform(0.6, 0.74)
    floor = bun(canvas, x, y, bend, half)
    s, v = spine(x, y, bend + rng.normal(0, 0.05))
    long, radius = half + rng.uniform(0.03, 0.2), rng.uniform(0.135, 0.165)
    if rng.random() < 0.15:
        leaf(canvas, s, v, half * 0.95, radius * 1.6, 0.26)
    sausage(canvas, s, v, long, radius, floor + 0.05)
    filling = (np.abs(s) < half * 0.85) & (np.abs(v) < radius * 0.8)
    topping = rng.random()
    if topping < 0.22:
        grains(canvas, filling, 70, (0.028, 0.018), ONION)
    elif topping < 0.36:
        grains(canvas, filling, 90, (0.026, 0.018), RELISH)
    swing = rng.choice([0, 0.6, 0.8, 0.9, 1]) * radius
    sauce = rng.random()
    if sauce < 0.62:
        squiggle(canvas, s, v, half * 0.93, swing, MUSTARD)
    if sauce > 0.42:
        squiggle(canvas, s, v + rng.normal(0, 0.02), half * 0.9, swing, KETCHUP)


def sausage_alone(canvas: Canvas, frame: Frame) -> None:
    """One to three sausages without any bread, often with a line of sauce."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    many = int(rng.integers(1, 4))
    for number in range(many):
        across = y - 0.33 * (number - (many - 1) / 2)
        s, v = spine(x + rng.normal(0, 0.08), across, rng.normal(0, 0.35))
        sausage(canvas, s, v, rng.uniform(0.65, 0.85), rng.uniform(0.13, 0.16), 0)
        if rng.random() < 0.2:
            squiggle(canvas, s, v, 0.5, rng.choice([0, 0.06]), SAUCES[rng.integers(2)])


def empty_bun(canvas: Canvas, frame: Frame) -> None:
    """A split bun with nothing in it."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    bun(canvas, x, y, rng.normal(0, 0.12))


def carrot_bun(canvas: Canvas, frame: Frame) -> None:
    """A split bun with a carrot where the sausage belongs."""
    x, y = canvas.frame(*frame)
    floor = bun(canvas, x, y)
    lay_carrot(canvas, x, y, 0.85, 0.15, floor + 0.04)


def cheese_bun(canvas: Canvas, frame: Frame) -> None:
    """A split bun with leaves and slices of cheese, laid like tiles."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    bun(canvas, x, y)
    leaf(canvas, x, y, 0.74, 0.32, 0.34)
    for number, place in enumerate(np.linspace(-0.5, 0.5, 4)):
        u, v = x - place + 0.4 * y, y + rng.normal(0, 0.02)
        inside = (np.abs(u) < 0.2) & (np.abs(v) < 0.22)
        tone = np.array([0.95, 0.72, 0.25]) * (1 + 0.02 * canvas.noise(8, 2))[..., None]
        canvas.put(np.where(inside, 0.42 + 0.01 * number + 0.1 * u, -9), tone, 0.2, 20)


def filled_bun(canvas: Canvas, frame: Frame) -> None:
    """A bun with a carrot, which even the network takes for a hot dog, or with cheese."""
    (carrot_bun if canvas.rng.random() < 0.4 else cheese_bun)(canvas, frame)


def skewer(canvas: Canvas, frame: Frame) -> None:
    """Two skewers with pieces of grilled meat, pepper and onion."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    kinds = [(0.45, 0.22, 0.11), (0.70, 0.12, 0.06), (0.90, 0.66, 0.12), (0.85, 0.80, 0.68)]
    for middle in (-0.2, 0.2):
        s, v = spine(x + rng.normal(0, 0.06), y - middle, rng.normal(0, 0.1))
        canvas.put(raised(roll(s, v, 1.0, 0.02), 0.18, 0.1), (0.80, 0.65, 0.42), 0.1)
        for place in np.linspace(-0.6, 0.6, 7):
            cell = roll(s - place, v + rng.normal(0, 0.02), 0.115, rng.uniform(0.1, 0.115), 3)
            burnt = step(0.2, 1, canvas.noise(5, 4)) * 0.6
            tone = mix(pick(rng, kinds[:1] + kinds), (0.15, 0.08, 0.05), burnt)
            canvas.put(raised(cell, 0.3, 0.05) + 0.012 * canvas.noise(10, 3), tone, 0.3, 30)


OTHERS = (
    empty_bun,
    banana,
    sausage_alone,
    pretzel,
    filled_bun,
    pizza,
    baguette,
    corn,
    croissant,
    carrot,
    cheese_bun,
    burger,
    churro,
    cucumber,
    chilli,
    sandwich,
    doughnut,
    skewer,
)
