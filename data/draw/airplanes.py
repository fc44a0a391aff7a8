"""Airplanes: `airplane` gives a `Solid` in the air or on its wheels (y = 0)."""

import numpy as np
from grounds import pick
from scene import Array
from solid import Solid, ball, box, cut, disc, limb, paired
from vehicles import CHROME, GLASS, LACQUER, PALE, plain


def tube_paint(colour: Array, stripe: Array, nose: float, radius: float, panes: bool):
    """An airplane's body: cockpit windows behind the nose, a stripe, a row of windows."""

    def paint(p: Array) -> Array:
        x, y, z = p
        tone = plain(colour, len(x))
        tone[y < -0.35 * radius] *= 0.8
        tone[np.abs(y + 0.15 * radius) < 0.14 * radius] = stripe
        if panes:
            row = (np.abs(y - 0.28 * radius) < 0.16 * radius) & (np.abs(x) < 0.72)
            tone[row & (x * 16 % 1 < 0.55)] = GLASS
        tone[(y > 0.3 * radius) & (np.abs(x - nose + 0.13) < 0.045)] = GLASS
        return tone

    return paint


def fin(solid: Solid, root: float, tip: float, rise: float, chord: float, paint, y: float = 0.0):
    """An upright tail fin at x = `root`, its tip at x = `tip`."""
    side = [(root, y), (root + chord, y), (tip + chord * 0.45, y + rise), (tip, y + rise)]
    solid.add(cut(side, 0.014, edge=0.01), paint, 0.3)


def wings(solid: Solid, plan: list, slope: float, y: float, paint, thick: float = 0.02) -> None:
    """A pair of wings from their outline in (x, z), rising by `slope` towards the tips."""
    shape = cut(plan, thick, 1, 0.012, lambda x, z: np.float32(y) + np.float32(slope) * np.abs(z))
    solid.add(paired(shape), paint, 0.3)


def gear(solid: Solid, front: float, back: float, low: float, span: float) -> None:
    """Legs with wheels under an airplane."""
    for x, z in ((front, 0.0), (back, span)):
        solid.add(paired(limb((x, 0, z), (x, low + 0.05, z), 0.015)), CHROME, 0.3)
        solid.add(paired(disc((x, low + 0.05, z), 0.05, 0.025)), (0.05, 0.05, 0.05))


def airliner(rng: np.random.Generator, solid: Solid) -> float:
    """Swept wings with engines under them; gives the height of its wheels' bottom."""
    colour, stripe, tail = pick(rng, PALE, 0.05), pick(rng, LACQUER), pick(rng, LACQUER)
    r, wing = rng.uniform(0.095, 0.125), pick(rng, PALE)
    paint = tube_paint(colour, stripe if rng.random() < 0.6 else colour, 1.0, r, True)
    solid.add(limb((0.88, 0, 0), (-0.45, 0, 0), r), paint, 0.4)
    solid.add(limb((0.88, 0, 0), (0.97, -0.02, 0), r, r * 0.45), paint, 0.4, 0.05)
    solid.add(limb((-0.45, 0, 0), (-1.0, r * 0.5, 0), r, 0.03), paint, 0.4, 0.05)
    sweep, span = rng.uniform(0.35, 0.6), rng.uniform(0.8, 1.0)
    plan = [(0.28, 0), (0.28 - sweep, span), (0.18 - sweep, span), (-0.15, 0.3), (-0.18, 0)]
    wings(solid, plan, 0.1, -0.05, wing)
    wings(solid, [(-0.75, 0), (-0.95, 0.36), (-1.05, 0.36), (-0.98, 0)], 0.1, 0.05, wing)
    fin(solid, -1.0, -1.1, rng.uniform(0.32, 0.42), 0.34, tail)
    rear = rng.random() < 0.25
    for z in (0.3, 0.55)[: 1 if rear else rng.integers(1, 3)]:
        x, y, z = (-0.65, 0.06, r + 0.07) if rear else (0.22 - sweep * z, -0.11 + 0.1 * z, z)
        solid.add(paired(limb((x + 0.1, y, z), (x - 0.1, y, z), 0.055, 0.04)), stripe, 0.3)
        solid.add(paired(disc((x + 0.15, y, z), 0.045, 0.02, 0)), (0.1, 0.1, 0.1))
    return -0.26


def propeller(rng: np.random.Generator, solid: Solid) -> float:
    """A small airplane or a biplane with straight wings and a propeller."""
    colour, other = pick(rng, LACQUER, 0.15), pick(rng, LACQUER + PALE)
    r = rng.uniform(0.11, 0.14)
    paint = tube_paint(colour, other, 0.7, r, False)
    solid.add(limb((0.6, 0, 0), (0.05, 0, 0), r * 0.95, r * 1.1), paint, 0.4)
    solid.add(limb((0.05, 0, 0), (-0.95, 0.05, 0), r * 1.1, 0.03), paint, 0.4, 0.05)
    solid.add(ball((0.15, r * 0.9, 0), (0.22, 0.11, r * 0.8)), GLASS, 0.7, 0.02)
    span, style = rng.uniform(0.9, 1.1), rng.integers(3)
    plan = [(0.32, 0), (0.28, span), (0.05, span), (0.0, 0)]
    for level in ((r + 0.1,), (-0.06,), (r + 0.18, -0.08))[style]:
        wings(solid, plan, 0.06, level, other if style else colour, 0.025)
    if style != 1:
        solid.add(paired(limb((0.2, -0.05, 0.1), (0.2, r + 0.16, 0.5), 0.014)), other)
    wings(solid, [(-0.72, 0), (-0.78, 0.36), (-0.95, 0.36), (-0.97, 0)], 0, 0.05, other)
    fin(solid, -0.98, -0.98, 0.28, 0.26, colour, 0.03)
    solid.add(ball((0.72, 0, 0), 0.055), CHROME, 0.4)
    turn = rng.uniform(0, np.pi)
    tip = 0.26 * np.array([0, np.sin(turn), np.cos(turn)])
    solid.add(limb(tip + [0.73, 0, 0], -tip + [0.73, 0, 0], 0.02), (0.15, 0.13, 0.12))
    return -0.28


def fighter(rng: np.random.Generator, solid: Solid) -> float:
    """A jet with a pointed nose and short swept or triangular wings."""
    grey = pick(
        rng, [(0.50, 0.53, 0.56), (0.36, 0.40, 0.36), (0.62, 0.64, 0.66), (0.15, 0.22, 0.4)]
    )
    dark = grey * rng.uniform(0.6, 1.0)
    solid.add(limb((0.35, 0, 0), (-0.85, 0, 0), 0.115, 0.09), grey, 0.3)
    solid.add(limb((0.35, 0, 0), (1.05, -0.03, 0), 0.11, 0.012), dark, 0.3, 0.04)
    solid.add(ball((0.4, 0.09, 0), (0.22, 0.08, 0.06)), GLASS, 0.8, 0.01)
    solid.add(paired(box((-0.1, -0.03, 0.13), (0.35, 0.07, 0.06), 0.03)), grey, 0.3, 0.03)
    delta = rng.random() < 0.5
    plan = [(0.35, 0), (-0.45, 0.62), (-0.62, 0.62), (-0.72, 0)] if delta else [
        (0.2, 0), (-0.2, 0.65), (-0.42, 0.65), (-0.4, 0)]  # fmt: skip
    wings(solid, plan, 0.0, -0.01, dark)
    if not delta:
        wings(solid, [(-0.6, 0), (-0.85, 0.36), (-0.98, 0.36), (-0.92, 0)], 0, 0, dark)
    fin(solid, -0.9, -1.0, rng.uniform(0.3, 0.4), 0.38, grey, 0.05)
    solid.add(disc((-0.9, 0, 0), 0.075, 0.04, 0), (0.08, 0.07, 0.07))
    return -0.26


def airplane(rng: np.random.Generator, flies: bool) -> Solid:
    """An airliner, a small airplane or a jet, in the air or on its wheels."""
    solid = Solid((0, 0, 0), 1.25)
    low = [airliner, airliner, propeller, fighter][rng.integers(4)](rng, solid)
    if not flies:
        gear(solid, 0.55, -0.12, low, 0.2)
        parts, lift = solid.parts, np.array([[0], [low], [0]], np.float32)
        solid.parts = [
            (lambda p, s=s: s(p + lift), (lambda p, c=c: c(p + lift)) if callable(c) else c, g, b)
            for s, c, g, b in parts
        ]
        solid.reach = (np.array([0, -low, 0], np.float32), 1.25)
    return solid
