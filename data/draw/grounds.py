"""What things lie on: one function a ground, each covers an empty `Canvas`."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw
from scene import REACH, Array, Canvas, mix, noise, step

TIMBER = [(0.50, 0.33, 0.20), (0.72, 0.54, 0.36), (0.38, 0.25, 0.17), (0.80, 0.68, 0.52)]
CLOTHS = [(0.80, 0.12, 0.12), (0.15, 0.30, 0.60), (0.15, 0.45, 0.25), (0.85, 0.55, 0.12)]
PLAINS = [(0.88, 0.86, 0.80), (0.45, 0.55, 0.62), (0.62, 0.20, 0.20), (0.35, 0.45, 0.36)]
DISHES = [(0.95, 0.95, 0.93), (0.90, 0.92, 0.95), (0.55, 0.68, 0.75), (0.92, 0.87, 0.75)]


def pick(rng: np.random.Generator, colours: list, spread: float = 0.08) -> Array:
    """One of the colours (3,), a little lighter, darker or shifted."""
    colour = np.array(colours[rng.integers(len(colours))])
    return np.clip(colour * rng.uniform(1 - spread, 1 + spread) + rng.normal(0, 0.015, 3), 0, 1)


def wood(canvas: Canvas) -> None:
    """Boards with grain, rings and gaps."""
    rng = canvas.rng
    x, y = canvas.frame((0, 0), rng.choice([0, np.pi / 2]) + rng.normal(0, 0.15))
    wide = rng.uniform(0.35, 0.8)
    board = np.floor(y / wide + rng.uniform())
    inside = np.abs((y / wide + 10) % 1 - 0.5)
    rings = noise(rng, x * 0.7 + board * 7.3, y * 4 + board * 3.1, 3)
    grain = noise(rng, x * 2.5 + board * 5.7, y * 45, 3)
    lines = np.sin(rings * rng.uniform(10, 18)) * 0.5 + 0.5
    tone = 1 + 0.12 * np.sin(board * 12.9) - 0.22 * lines**2 + 0.14 * grain
    gap = step(0.5 - 0.012 / wide, 0.5, inside)
    tone = tone * (1 - 0.6 * gap)
    canvas.height = 0.003 * grain - 0.03 * gap
    canvas.colour = np.clip(pick(rng, TIMBER) * tone[..., None], 0.03, 1)
    canvas.gloss = np.full_like(x, rng.uniform(0.03, 0.2))


def dark_table(canvas: Canvas) -> None:
    """Slate or dark lacquer with scratches and dust."""
    rng = canvas.rng
    tone = rng.uniform(0.14, 0.3) * (1 + 0.25 * canvas.noise(2.5, 6))
    dust = step(1.1, 1.5, canvas.noise(40, 2)) * 0.15
    canvas.height = 0.01 * canvas.noise(5, 6)
    canvas.colour = np.clip(tone[..., None] * np.array([1, 1.02, 1.05]) + dust[..., None], 0, 1)
    canvas.gloss = np.full_like(tone, rng.uniform(0.1, 0.3))


def _weave(canvas: Canvas, x: Array, y: Array) -> Array:
    """Threads and folds of a cloth: heights (N, N)."""
    threads = np.sin(x * 130) * np.sin(y * 130)
    return 0.05 * canvas.noise(0.9, 2) + 0.0025 * threads + 0.004 * canvas.noise(12, 2)


def checked_cloth(canvas: Canvas) -> None:
    """A gingham table cloth: full colour where stripes cross, half where one runs alone."""
    rng = canvas.rng
    x, y = canvas.frame((0, 0), rng.uniform(0, np.pi))
    bend = 0.02 * canvas.noise(1.5, 2)
    per = rng.uniform(2.2, 5)
    stripes = ((x + bend) * per % 1 < 0.5) * 0.5 + ((y + bend) * per % 1 < 0.5) * 0.5
    canvas.height = _weave(canvas, x, y)
    canvas.colour = mix((0.93, 0.92, 0.88), pick(rng, CLOTHS), stripes + 0.05 * canvas.noise(60, 1))
    canvas.gloss[:] = 0.02


def plain_cloth(canvas: Canvas) -> None:
    """Linen in one colour, sometimes with a coloured border."""
    rng = canvas.rng
    x, y = canvas.frame((0, 0), rng.uniform(0, np.pi))
    canvas.height = _weave(canvas, x, y) * 1.3
    colour = pick(rng, PLAINS)
    canvas.colour = np.clip(colour * (1 + 0.05 * canvas.noise(50, 2)[..., None]), 0, 1)
    if rng.random() < 0.5:
        far = np.abs(y - rng.uniform(0.5, 0.8))
        stripe = (far < 0.03) | (np.abs(far - 0.08) < 0.012)
        canvas.tint(stripe * 0.8, pick(rng, CLOTHS))
    canvas.gloss[:] = 0.02


def plate(canvas: Canvas) -> None:
    """A round dish with a raised rim, standing on wood, stone or cloth."""
    rng = canvas.rng
    [wood, dark_table, plain_cloth, checked_cloth][rng.integers(4)](canvas)
    x, y = canvas.frame(tuple(rng.uniform(-0.12, 0.12, 2)), 0)
    radius, wide = np.hypot(x, y), rng.uniform(0.92, 1.12)
    canvas.height -= canvas.height.max() + 0.02
    rim = 0.02 + 0.11 * step(0.68 * wide, 0.97 * wide, radius)
    top = np.where(radius < wide, rim - 0.02, -9)
    colour = np.broadcast_to(pick(rng, DISHES, 0.04), (*x.shape, 3))
    if rng.random() < 0.4:
        band = (np.abs(radius / wide - rng.uniform(0.8, 0.95)) < rng.uniform(0.006, 0.03)) * 0.8
        colour = mix(colour, pick(rng, CLOTHS), band)
    canvas.put(top, colour, 0.45, 60)
    canvas.height = np.maximum(canvas.height, -0.12)


def paper_tray(canvas: Canvas) -> None:
    """A plastic basket, lined with creased paper that is often checked."""
    rng = canvas.rng
    [wood, dark_table, plain_cloth][rng.integers(3)](canvas)
    canvas.height -= canvas.height.max() + 0.05
    x, y = canvas.frame(tuple(rng.uniform(-0.1, 0.1, 2)), rng.uniform(0, np.pi))
    size, wide = rng.uniform(0.95, 1.2), rng.uniform(0.75, 1)
    edge = (np.abs(x / size) ** 5 + np.abs(y / size / wide) ** 5) ** 0.2
    rise = 0.16 * step(0.86, 0.97, edge)
    wall = np.where(edge < 1.03, rise - 0.05, -9)
    slots = (np.sin(x * 40) * np.sin(y * 40) > 0.3) & (edge > 0.9)
    canvas.put(np.where(slots, wall - 0.04, wall), pick(rng, CLOTHS), 0.3, 40)
    creases = 0.05 * np.abs(canvas.noise(1.6, 3)) + 0.012 * np.abs(canvas.noise(6, 2))
    paper = np.where(edge < 0.93 + 0.04 * canvas.noise(2, 2), rise + creases, -9)
    per = rng.uniform(4, 8)
    checks = ((x * per % 1 < 0.5) ^ (y * per % 1 < 0.5)) * rng.choice([0, 0.9])
    white = [(0.93, 0.92, 0.88), (0.80, 0.66, 0.48)][int(rng.random() < 0.35)]
    canvas.put(paper - 0.04, mix(white, pick(rng, CLOTHS), checks), 0.08, 15)
    canvas.height = np.maximum(canvas.height, -0.15)


def grass(canvas: Canvas) -> None:
    """A lawn: some thousand blades, the later ones higher and lighter."""
    rng = canvas.rng
    count, blades = canvas.count, 2600
    paint = Image.new("RGB", (count, count), (40, 55, 22))
    rise = Image.new("F", (count, count), 0)
    brush, relief = ImageDraw.Draw(paint), ImageDraw.Draw(rise)
    per_unit = count / (2 * REACH)
    for blade in range(blades):
        start, turn = rng.uniform(0, count, 2), rng.uniform(0, 2 * np.pi)
        end = start + np.array([np.cos(turn), np.sin(turn)]) * rng.uniform(0.1, 0.3) * per_unit
        green = np.array([95, 135, 48]) * (0.5 + 0.6 * blade / blades) * rng.uniform(0.75, 1.25)
        green[0] *= rng.uniform(0.7, 1.35)
        line, wide = [*start, *end], int(rng.integers(2, 5))
        brush.line(line, tuple(green.clip(0, 255).astype(int)), wide)
        relief.line(line, 0.08 * blade / blades, wide)
    canvas.height = np.asarray(rise) - 0.07
    canvas.colour = np.asarray(paint, np.float32) / 255
    canvas.gloss[:] = 0.1


GROUNDS: tuple[Callable[[Canvas], None], ...] = (
    wood,
    plate,
    checked_cloth,
    paper_tray,
    plain_cloth,
    dark_table,
    grass,
)
