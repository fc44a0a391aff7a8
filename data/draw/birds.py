"""Birds and frogs: each function gives a `Solid`, on the ground (y = 0) if it does not fly."""

from dataclasses import dataclass

import numpy as np
from beasts import BLACK, turned
from grounds import pick
from scene import Array, mix, step
from solid import Solid, ball, cut, limb, mottle, paired

FEATHERS = [
    (0.45, 0.35, 0.25), (0.25, 0.35, 0.60), (0.70, 0.18, 0.14), (0.15, 0.15, 0.17),
    (0.85, 0.72, 0.20), (0.60, 0.60, 0.60), (0.35, 0.45, 0.20), (0.93, 0.92, 0.90),
]  # fmt: skip
SKINS = [
    (0.36, 0.50, 0.14),
    (0.25, 0.36, 0.14),
    (0.45, 0.36, 0.20),
    (0.50, 0.62, 0.15),
    (0.3, 0.26, 0.2),
]


def plumage(rng: np.random.Generator):
    """Feathers: one colour above, another below and on the wings."""
    back, breast = pick(rng, FEATHERS, 0.2), pick(rng, FEATHERS, 0.15)
    fine, edge = mottle(rng, 10), rng.uniform(-0.12, 0.12)

    def paint(p: Array) -> Array:
        tone = mix(back, breast, step(0.1, -0.1, p[1] - edge - 0.2 * p[0]))
        return np.clip(tone * (1 + 0.12 * fine(p))[:, None], 0.02, 1)

    return paint, back


def beak(rng, solid: Solid, head: Array, size: float, long: float, paint) -> None:
    """A bird's head that looks along x, a little aside: skull, beak, eyes."""
    turn = turned(rng) * 0.8
    way = np.array([np.cos(turn), -0.12, np.sin(turn)])
    side = np.array([-np.sin(turn), 0, np.cos(turn)])
    tone = pick(rng, [(0.85, 0.55, 0.10), (0.20, 0.18, 0.16), (0.75, 0.70, 0.55)])
    solid.add(ball(head, size), paint, blend=0.06)
    solid.add(
        limb(head + way * size * 0.7, head + way * size * (1 + long), size * 0.36, 0.008), tone, 0.2
    )
    for s in (-1, 1):
        solid.add(
            ball(head + size * (0.5 * way + [0, 0.25, 0] + 0.72 * s * side), size * 0.24),
            BLACK,
            0.6,
        )


def flying(rng: np.random.Generator) -> Solid:
    """A gull, swallow or bird of prey with its wings spread."""
    paint, back = plumage(rng)
    solid = Solid((0, 0, 0), 1.2)
    solid.add(limb((0.28, 0, 0), (-0.3, -0.02, 0), 0.13, 0.07), paint)
    beak(rng, solid, np.array([0.45, 0.05, 0]), 0.095, rng.uniform(0.5, 1.0), paint)
    fan = [(-0.25, 0.04), (-0.25, -0.04), (-0.68, -0.2), (-0.62, 0), (-0.68, 0.2)]
    solid.add(cut(fan, 0.018, 1, 0.012), paint, blend=0.05)
    span, sweep = rng.uniform(0.85, 1.1), rng.uniform(-0.1, 0.45)
    slope = rng.choice([-0.7, 1.0]) * rng.uniform(0.3, 0.9)  # wings down or up: never a mere line
    kink = rng.uniform(0.3, 0.5)
    lead = [(0.25, 0), (0.34, kink), (0.18 - sweep, span)]
    plan = [*lead, (-0.1 - 0.5 * sweep, kink * 1.5), (-0.16, kink * 0.6), (-0.2, 0)]
    tip = np.clip(pick(rng, [back, back * 0.5, BLACK]), 0.02, 1)

    def feathers(p: Array) -> Array:
        return mix(paint(p), tip, step(0.55, 0.8, np.abs(p[2]) / span))

    def rise(x: Array, z: Array) -> Array:
        z = np.abs(z)
        return np.float32(slope) * z - np.float32(1.3 * slope) * np.clip(z - np.float32(kink), 0, 9)

    solid.add(paired(cut(plan, 0.02, 1, 0.014, rise)), feathers, blend=0.06)
    return solid


@dataclass
class Species:
    """The measures of a bird on its legs, in lengths of its trunk.

    `leg`: length of its legs; `rise`: how far the head is over the trunk; `fat`: 1 is a pigeon's
    girth; `skull`, `throat`: radii; `beak`: in skulls; `tail`: length.
    """

    leg: float
    rise: float
    fat: float
    skull: float
    throat: float
    beak: float
    tail: float


SONGBIRD = Species(0.16, 0.26, 1.0, 0.18, 0.15, 0.7, 0.45)
DUCK = Species(0.1, 0.42, 0.95, 0.14, 0.09, 1.2, 0.2)
WADER = Species(0.6, 0.6, 0.75, 0.11, 0.055, 2.2, 0.35)
OSTRICH = Species(0.75, 0.85, 1.1, 0.11, 0.055, 1.2, 0.4)


def feet(rng: np.random.Generator, solid: Solid, high: float) -> None:
    """Two thin legs under a trunk that is `high` over the ground."""
    tone = pick(rng, [(0.80, 0.50, 0.15), (0.25, 0.20, 0.16), (0.7, 0.55, 0.45)])
    for side in (-1, 1):
        foot = np.array([rng.normal(0.02, 0.06), 0.015, 0.1 * side])
        solid.add(limb((-0.03, high - 0.15, 0.09 * side), foot, 0.028, 0.02), tone)
        solid.add(limb(foot, foot + [0.13, 0, 0.03 * side], 0.022), tone)


def perching(rng: np.random.Generator) -> Solid:
    """A songbird, duck, heron or ostrich on its legs, on the ground or on a branch."""
    paint, back = plumage(rng)
    kind = [SONGBIRD, SONGBIRD, DUCK, WADER, OSTRICH][rng.integers(5)]
    fat, rise = kind.fat * rng.uniform(0.9, 1.1), kind.rise * rng.uniform(0.85, 1.15)
    y, tilt = kind.leg * rng.uniform(0.8, 1.2) + 0.24 * fat, rng.uniform(0.02, 0.22)
    solid, middle = Solid((0, 0.75, 0), 1.4), np.array([[0], [y], [0]], np.float32)

    def feathers(p: Array) -> Array:
        return paint(p - middle)

    chest, rump = (0.22, y + tilt * 0.4, 0), (-0.3, y - tilt * 0.4, 0)
    solid.add(limb(chest, rump, 0.25 * fat, 0.15 * fat), feathers)
    end = (-0.5 - kind.tail * rng.uniform(0.7, 1.3), y - tilt + 0.1, 0)
    solid.add(limb((-0.4, y, 0), end, 0.09, 0.05), back * 0.8, blend=0.06)
    wing = limb((0.1, y + 0.06, 0.21 * fat), (-0.5, y - 0.04, 0.1), 0.11 * fat, 0.03)
    solid.add(paired(wing), back * rng.uniform(0.55, 0.9), blend=0.02)
    head = np.array([0.36 + 0.1 * rng.random(), y + rise, 0])
    solid.add(limb(chest, head, kind.throat * 1.3, kind.throat), feathers, blend=0.1)
    beak(rng, solid, head, kind.skull, kind.beak, feathers)
    feet(rng, solid, y)
    if kind is SONGBIRD and rng.random() < 0.6:
        slope = rng.normal(0, 0.15)
        branch = (0, -0.05, -1.6), (0, -0.05 + slope, 1.6)
        solid.add(limb(*branch, 0.07), (0.35, 0.26, 0.18))
        solid.focus = (np.array([-0.08, y * 0.9, 0], np.float32), 0.68)
    return solid


def bird(rng: np.random.Generator, flies: bool) -> Solid:
    """A bird on the wing or on its legs."""
    return flying(rng) if flies else perching(rng)


def frog_side(rng: np.random.Generator, solid: Solid, high: float, wide: float, side: int, skin):
    """The folded hind leg and the fore leg at one side (-1 or 1) of a frog."""
    out = side * rng.uniform(0.42, 0.55) * wide
    knee = np.array([0.12 + rng.normal(0, 0.06), 0.32, out * 1.15])
    heel = np.array([-0.45, 0.08, out * 1.1])
    solid.add(limb((-0.5, 0.2, 0.2 * side), knee, 0.15, 0.11), skin, 0.25, 0.05)
    solid.add(limb(knee, heel, 0.1, 0.06), skin, 0.25, 0.03)
    solid.add(limb(heel, (0.0, 0.03, out * 1.45), 0.05, 0.035), skin, 0.25, 0.02)
    hand = np.array([0.4 + rng.normal(0, 0.06), 0.04, 0.36 * side * wide])
    elbow = np.array([0.2, 0.17, 0.42 * side * wide])
    solid.add(limb((0.22, high * 0.6, 0.26 * side), elbow, 0.1, 0.07), skin, 0.25, 0.04)
    solid.add(limb(elbow, hand, 0.06, 0.04), skin, 0.25, 0.03)
    for toe in (-0.5, 0.1, 0.7):
        way = np.array([np.cos(toe), -0.1, np.sin(toe) * side])
        solid.add(limb(hand, hand + 0.13 * way, 0.025), skin)


def frog(rng: np.random.Generator) -> Solid:
    """A frog or toad that squats: wide mouth, eyes on top of the head, folded hind legs."""
    base, other = pick(rng, SKINS, 0.25), pick(rng, [*SKINS, (0.2, 0.2, 0.1)], 0.2)
    pale = pick(rng, [(0.85, 0.85, 0.65), (0.8, 0.75, 0.6), base])
    coarse, fine, often = mottle(rng, rng.uniform(2, 5)), mottle(rng, 9), rng.uniform(0.1, 0.9)

    def skin(p: Array) -> Array:
        tone = mix(base, other, step(often, often + 0.25, coarse(p)) * 0.8)
        tone = mix(tone, pale, step(0.24, 0.1, p[1] + 0.03 * fine(p)))
        return np.clip(tone * (1 + 0.1 * fine(p))[:, None], 0.02, 1)

    solid, high, wide = Solid((0, 0.3, 0), 1.1), rng.uniform(0.38, 0.6), rng.uniform(0.9, 1.15)
    solid.add(ball((-0.15, 0.27, 0), (0.5, 0.26, 0.36 * wide)), skin, 0.25)
    solid.add(ball((0.36, high, 0), (0.34, 0.17, 0.30 * wide)), skin, 0.25, 0.22)
    solid.add(ball((0.2, high * 0.6, 0), (0.3, 0.22, 0.3 * wide)), skin, 0.25, 0.15)
    solid.add(ball((0.4, high - 0.04, 0), (0.315, 0.018, 0.285 * wide)), base * 0.35)
    iris = pick(rng, [(0.80, 0.62, 0.15), (0.75, 0.25, 0.12), (0.6, 0.55, 0.4)])
    for side in (-1, 1):
        eye = np.array([0.38, high + 0.17, 0.21 * wide * side])
        solid.add(ball(eye - [0.02, 0.02, 0], 0.105), skin, 0.25, 0.05)
        solid.add(ball(eye + [0.03, 0.01, 0.045 * side], 0.085), iris, 0.6)
        solid.add(ball(eye + [0.065, 0.015, 0.085 * side], 0.055), (0.02, 0.02, 0.02), 0.8)
        frog_side(rng, solid, high, wide, side, skin)
    return solid
