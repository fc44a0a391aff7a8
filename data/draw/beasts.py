"""Cats, dogs, deer and horses: one skeleton with other measures, poses, coats and heads."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from grounds import pick
from scene import Array, mix, step
from solid import Solid, ball, limb, mottle, paired

BLACK = (0.05, 0.045, 0.045)


@dataclass
class Build:
    """The measures of an animal whose trunk is one unit long from shoulder to hip.

    `leg` is the length of a leg, `chest`, `belly`, `rump` radii of the trunk, `thick` a leg's
    radius, `neck` the neck's length and `skull` the head's radius; `muzzle` (length, radius at
    its end), in skulls; `paint` colours points (3, N), `points` the lower legs.
    """

    leg: float
    chest: float
    belly: float
    rump: float
    thick: float
    neck: float
    skull: float
    muzzle: tuple[float, float]
    paint: Callable[[Array], Array] | Array
    points: Callable[[Array], Array] | Array


@dataclass
class Head:
    """A head's middle, its axes (3, 3: forward, up, side) and its radius."""

    middle: Array
    axes: Array
    size: float

    def at(self, forward: float, up: float, side: float) -> Array:
        """A place on the head, in radii of the skull from its middle: (3,)."""
        return self.middle + self.size * np.array([forward, up, side]) @ self.axes


def turned(rng: np.random.Generator) -> float:
    """How far a head is turned to a side (radian)."""
    return rng.normal(0, 0.55)


def coat(rng: np.random.Generator, colours: list, kind: str):
    """Fur: "plain", "belly" (pale below), "tabby" (striped), "patches" or "spots" of white."""
    base, dark = pick(rng, colours, 0.2), rng.uniform(0.35, 0.6)
    fine, coarse = mottle(rng, 9), mottle(rng, rng.uniform(1.2, 2.5))
    white, other = np.array([0.93, 0.91, 0.87]), pick(rng, colours, 0.2)
    often = rng.uniform(22, 32)

    def paint(p: Array) -> Array:
        tone = base * (1 + 0.13 * fine(p))[:, None]
        if kind == "tabby":
            stripes = step(-0.1, 0.6, np.sin(often * p[0] + 8 * p[1] + 2 * fine(p)))
            tone = mix(tone, base * dark, stripes * 0.8)
        elif kind == "patches":
            tone = mix(tone, other, step(0, 0.2, coarse(p[::-1])))
            tone = mix(tone, white, step(0, 0.15, coarse(p)))
        elif kind == "spots":
            tone = mix(tone, white, step(0.8, 1.1, fine(1.6 * p)) * (p[1] > 0.7) * 0.8)
        elif kind == "belly":
            tone = mix(tone, white, step(0.1, -0.35, coarse(p) * 0.2 + p[1] - 0.35))
        return np.clip(tone, 0.02, 1)

    return paint


def legs(rng: np.random.Generator, solid: Solid, b: Build, pose: str, tops: tuple) -> None:
    """Four legs under shoulder and hip (`tops`, (3,) each); their pose differs, left and right."""
    swing = {"stand": 0.1, "walk": 0.4, "run": 0.9}.get(pose, 0.05)
    for rear, top in enumerate(tops):
        for side in (-1, 1):
            lean = rng.normal(0, swing) if pose != "run" else rng.uniform(0.3, 1.0) * (-1) ** rear
            start = top + np.array([0, -0.02, side * b.chest * 0.5])
            fold = (0.12 if rear else -0.05) + abs(rng.normal(0, swing * 0.4))
            upper, lower = b.leg * 0.52, b.leg * 0.52
            knee = start + upper * np.array([np.sin(lean + fold), -np.cos(lean + fold), 0])
            foot = knee + lower * np.array([np.sin(lean - fold * 1.6), -np.cos(lean - fold), 0])
            if pose != "run":
                foot[1] = b.thick * 0.7
            wide = b.thick * (2.1 if rear else 1.7)
            solid.add(limb(start, knee, wide, b.thick * 1.05), b.paint, blend=0.08)
            solid.add(limb(knee, foot, b.thick, b.thick * 0.75), b.points, blend=0.03)
            toe = foot + np.array([0.06, 0, 0]) * b.thick / 0.05
            solid.add(limb(foot, toe, b.thick * 0.9), b.points, blend=0.02)


def folded(solid: Solid, b: Build, pose: str, tops: tuple) -> None:
    """The legs of an animal that sits or lies."""
    shoulder, hip = tops
    z, r = b.chest * 0.75, b.thick
    solid.add(paired(ball((hip[0] + 0.08, b.rump * 0.85, z * 1.1), (0.24, b.rump * 0.9, 0.11))),
              b.paint, blend=0.06)  # fmt: skip
    solid.add(paired(limb((hip[0], r, z * 1.4), (hip[0] + 0.34, r, z * 1.4), r * 1.2)), b.points,
              blend=0.03)  # fmt: skip
    if pose == "sit":
        foot = (shoulder[0] + 0.08, r, z * 0.7)
        solid.add(paired(limb((shoulder[0], shoulder[1], z * 0.7), foot, r * 1.7, r)), b.paint,
                  blend=0.06)  # fmt: skip
        toe = (foot[0] + 0.09, r, z * 0.7)
        solid.add(paired(limb(foot, toe, r * 1.1)), b.points, blend=0.03)
        return
    elbow = (shoulder[0] - 0.02, b.chest * 0.6, z)
    solid.add(paired(limb(elbow, (shoulder[0] + 0.42, r, z * 0.8), r * 1.6, r)), b.points,
              blend=0.05)  # fmt: skip


def trunk(rng: np.random.Generator, solid: Solid, b: Build, pose: str) -> tuple[Array, Array]:
    """The body without legs; gives the places of shoulder and hip, (3,) each."""
    height = b.leg + b.chest * 0.55
    shoulder, hip = np.array([0.5, height, 0]), np.array([-0.5, height + 0.02, 0])
    if pose == "sit":
        tall = max(0.75 * height, 0.55)
        shoulder, hip = np.array([0.12, tall, 0]), np.array([-0.32, b.rump * 1.0, 0])
    elif pose == "lie":
        shoulder, hip = np.array([0.45, b.chest * 1.05, 0]), np.array([-0.5, b.rump * 0.95, 0])
    middle = (shoulder + hip) / 2 - [0, b.chest * 0.12, 0]
    solid.add(limb(shoulder, middle, b.chest, b.belly), b.paint)
    solid.add(limb(middle, hip, b.belly, b.rump), b.paint, blend=0.1)
    (folded(solid, b, pose, (shoulder, hip)) if pose in ("sit", "lie") else
     legs(rng, solid, b, pose, (shoulder, hip)))  # fmt: skip
    return shoulder, hip


def neck(rng, solid: Solid, b: Build, shoulder: Array, rise: float, turn: float) -> Head:
    """The neck at the angle `rise` (radian), and the head, turned to the side by `turn`."""
    start = shoulder + np.array([b.chest * 0.3, b.chest * 0.35, 0])
    end = start + b.neck * np.array([np.cos(rise), np.sin(rise), 0])
    end[1] = max(end[1], b.skull * 1.15)
    solid.add(limb(start, end, b.chest * 0.72, b.skull * 0.72), b.paint, blend=0.1)
    dip = rng.uniform(-0.25, 0.35) + (0.5 if rise < 0 else 0)
    flat = np.array([np.cos(turn), 0, np.sin(turn)])
    forward = flat * np.cos(dip) - np.array([0, np.sin(dip), 0])
    side = np.array([-np.sin(turn), 0, np.cos(turn)])
    axes = np.stack([forward, np.cross(side, forward), side])
    return Head(end + 0.25 * b.skull * forward, axes, b.skull)


def face(solid: Solid, b: Build, head: Head, eye: Array, nose: Array, muzzle: Array | None) -> None:
    """Skull, muzzle, eyes and nose; `muzzle` is another colour for it."""
    long, thin = b.muzzle
    solid.add(ball(head.middle, head.size), b.paint, blend=0.06)
    start, tip = head.at(0.35, -0.2, 0), head.at(long, -0.38, 0)
    solid.add(limb(start, tip, head.size * (0.55 + thin) / 1.6, head.size * thin),
              b.paint if muzzle is None else muzzle, blend=0.04 + 0.05 * head.size)  # fmt: skip
    solid.add(ball(head.at(long + thin * 0.8, -0.22, 0), head.size * thin * 0.55), nose, 0.4)
    mouth = head.at(long + thin * 0.65, -0.62, 0)
    solid.add(ball(mouth, head.size * thin * 0.3), (0.15, 0.08, 0.08))
    for side in (-1, 1):
        solid.add(ball(head.at(0.74, 0.2, 0.5 * side), head.size * 0.24), eye, 0.3)
        solid.add(ball(head.at(0.93, 0.2, 0.55 * side), head.size * 0.13), (0.02, 0.02, 0.02), 0.5)


def ears(solid: Solid, head: Head, points: tuple, thick: tuple, paint) -> None:
    """A pair of ears along `points` (skull radii: forward, up, side), as wide as `thick`."""
    for side in (-1, 1):
        places = [head.at(f, u, s * side) for f, u, s in points]
        for (a, b), (r, q) in zip(zip(places, places[1:], strict=False), thick, strict=True):
            solid.add(limb(a, b, r * head.size, q * head.size), paint, blend=0.02)


def chain(solid: Solid, places: list, thick: float, thin: float, paint, blend: float = 0.03):
    """A tail or mane: rods one after the other through `places` (3,), thinner to the end."""
    radii = np.linspace(thick, thin, len(places))
    for a, b, r, q in zip(places, places[1:], radii, radii[1:], strict=False):
        solid.add(limb(a, b, r, q), paint, blend=blend)


def tail(solid: Solid, hip: Array, b: Build, long: float, angles: list, thick: tuple, paint):
    """A tail from the hip backwards; `angles` (radian) of its pieces: 0 is level, above 0 up."""
    place = hip + np.array([-b.rump * 0.85, b.rump * 0.35, 0])
    places = [place]
    for angle in angles:
        place = place + long / len(angles) * np.array([-np.cos(angle), np.sin(angle), 0])
        place[1] = max(place[1], thick[1])
        places.append(place)
    chain(solid, places, *thick, paint)


def finish(rng, solid: Solid, head: Head, portrait: float, wide: float, long: float = 0.7):
    """The solid; with the probability `portrait` its frame is only the head.

    The frame's middle lies half of the muzzle's length `long` before the skull's; its radius is
    `wide`. Both are in skulls.
    """
    if rng.random() < portrait:
        solid.focus = (head.at(0.5 * long, -0.1, 0).astype(np.float32), head.size * wide)
    return solid
