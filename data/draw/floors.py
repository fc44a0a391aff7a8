"""What leaves are gathered on, besides the tables of grounds.py: paper, stone, soil."""

import numpy as np
from grounds import pick
from scene import Canvas, mix, noise, step

SHEETS = [(0.93, 0.91, 0.85), (0.88, 0.84, 0.74), (0.90, 0.92, 0.94), (0.80, 0.80, 0.78)]
CARDS = [(0.30, 0.42, 0.55), (0.75, 0.45, 0.35), (0.62, 0.68, 0.55), (0.85, 0.72, 0.40)]
STONES = [(0.62, 0.61, 0.58), (0.48, 0.48, 0.50), (0.70, 0.62, 0.52), (0.56, 0.50, 0.46)]
EARTHS = [(0.30, 0.21, 0.14), (0.40, 0.30, 0.20), (0.22, 0.17, 0.13)]


def paper(canvas: Canvas) -> None:
    """A sheet of a herbarium, sometimes with a label and a ruler at its sides."""
    rng = canvas.rng
    colour = pick(rng, SHEETS, 0.05)
    canvas.height = 0.012 * canvas.noise(0.8, 2)
    canvas.colour = np.clip(colour * (1 + 0.02 * canvas.noise(20, 2))[..., None], 0, 1)
    canvas.gloss[:] = 0.03
    x, y = canvas.frame((0, 0), rng.choice([0, 0.5, 1, 1.5]) * np.pi + rng.normal(0, 0.04))
    if rng.random() < 0.35:
        wide, high = rng.uniform(0.35, 0.5), rng.uniform(0.2, 0.28)
        u, v = x - 1.0 + wide, y - 1.0 + high
        label = (np.abs(u) < wide) & (np.abs(v) < high)
        words = (np.sin(v * 75) > 0.3) & (noise(rng, u * 16, np.floor(v * 12) * 3, 1) > -0.15)
        words &= (np.abs(u) < wide * 0.85) & (np.abs(v) < high * 0.8)
        canvas.coat(np.where(label, 0.004, 0), mix((0.97, 0.96, 0.92), (0.3, 0.3, 0.33), words))
    if rng.random() < 0.25:
        u = x + rng.uniform(0.86, 0.98)
        marks = (y * 20 % 1 < 0.12) & (u > 0.02 + 0.03 * (y * 4 % 1 > 0.05))
        ink = mix((0.94, 0.94, 0.90), (0.1, 0.1, 0.1), marks)
        canvas.coat(np.where(np.abs(u) < 0.07, 0.008, 0), ink)


def card(canvas: Canvas) -> None:
    """Coloured cardboard, even or a little faded."""
    rng = canvas.rng
    fade = 1 + 0.08 * canvas.noise(0.7, 2) + 0.015 * canvas.noise(30, 2)
    canvas.height = 0.01 * canvas.noise(1.2, 2)
    canvas.colour = np.clip(pick(rng, CARDS, 0.15) * fade[..., None], 0, 1)
    canvas.gloss[:] = rng.uniform(0.02, 0.12)


def stone(canvas: Canvas) -> None:
    """A slab or a pavement with joints, stains and fine cracks."""
    rng = canvas.rng
    tone = 1 + 0.12 * canvas.noise(1.5, 4) + 0.05 * canvas.noise(18, 2)
    crack = step(0.012, 0.0, np.abs(canvas.noise(0.7, 2))) * rng.choice([0, 0.6])
    x, y = canvas.frame((0, 0), rng.uniform(0, np.pi))
    if rng.random() < 0.5:
        per, shift = rng.uniform(0.7, 1.3), rng.uniform(0, 1, 2)
        row = np.floor(y * per + shift[1] + 0.5)
        near = np.abs((np.stack([x * per + 0.5 * row, y * per]) + shift[:, None, None]) % 1 - 0.5)
        near = near.min(0)
        crack = np.maximum(crack, step(0.02, 0.008, near))
    canvas.height = 0.01 * canvas.noise(4, 2) - 0.02 * crack
    colour = pick(rng, STONES, 0.15) * (tone * (1 - 0.5 * crack))[..., None]
    canvas.colour = np.clip(colour, 0, 1)
    canvas.gloss[:] = rng.uniform(0.02, 0.12)


def soil(canvas: Canvas) -> None:
    """Bare earth with crumbs and pebbles."""
    rng = canvas.rng
    clods = canvas.noise(6, 3)
    canvas.height = 0.02 * clods - 0.02
    canvas.colour = np.clip(pick(rng, EARTHS, 0.15) * (1 + 0.22 * clods)[..., None], 0, 1)
    count = int(rng.integers(10, 60))
    size = rng.uniform(0.008, 0.035, (count, 1)) * rng.uniform(0.6, 1.2, (count, 2))
    grey = rng.uniform(0.25, 0.6, (count, 1)) * np.array([1.05, 1.0, 0.92])
    canvas.bits(rng.uniform(-1.3, 1.3, (count, 2)), size, grey, 0.1)
