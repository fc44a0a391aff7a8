"""A dog's body as distance fields: skull, muzzle, ears, neck, chest, legs.

One unit is about half the width of the head. The head's middle is at (0, 0, 0); the nose
points to +z. Both halves are alike, so most is measured at |x|.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from bodies import cone, cut, ellipsoid, join, length, slope, turn, unit, vector
from scene import Array

PIVOT = vector(0, -0.55, -0.75)  # where the head turns on the neck


@dataclass(frozen=True)
class Build:
    """The measures of a breed's head and body. Points are (x, y, z), radii half widths."""

    skull: tuple = (0.92, 0.76, 0.95)
    skull_y: float = 0.14
    cheek: tuple = (0.5, -0.22, 0.05, 0.45)  # x, y, z, radius
    brow: tuple = (0.34, 0.4, 0.37, 0.27)  # x, y, z, radius
    muzzle: tuple = (
        0.33,
        0.44,
        -0.46,
        -0.3,
        1.45,
    )  # radii at nose, at root; y there; length
    flews: tuple = (0.2, -0.6, 0.24)  # x, y, radius of the upper lips
    jaw: tuple = (0.19, -0.8)  # radius, y
    nose: tuple = (0.23, 0.16)  # half width, half height
    nose_tone: tuple = (0.035, 0.033, 0.036)
    eye: tuple = (0.4, 0.14, 0.135, 0.1)  # x, y, half width, half height
    slant: float = 0.15
    iris: tuple = ((0.20, 0.10, 0.04), (0.12, 0.06, 0.03))
    ear: tuple = ((0.5, 0.75, -0.3), (0.75, 1.3, -0.35), (0.85, 1.75, -0.35))  # base, middle, tip
    ear_wide: tuple = (0.36, 0.3, 0.04)  # radii there
    ear_faces: tuple = (0.35, 0.1, 1.0)
    ear_thin: float = 3.5
    cup: float = 0.75  # how wide the hollow is; 0 for hanging ears
    neck: tuple = (0.72, 0.95)  # radius at the head, at the chest
    chest: tuple = (1.15, 1.2, 1.1)
    leg: tuple = (0.5, 0.32)  # x, radius
    folds: float = 0  # wrinkles on the forehead
    others: dict = field(default_factory=dict)  # measures that some of the breed have instead
    coat: dict = field(default_factory=dict)  # see coat.py


def chain(p: Array, points: Array, radii: Array, thin: tuple) -> Array:
    """A flat ribbon of two rods, for ears and tongues."""
    first = cone(p, points[0], points[1], radii[0], radii[1], thin)
    return join(first, cone(p, points[1], points[2], radii[1], radii[2], thin), 0.08)


class Dog:
    """A dog of one build in one pose; `gape` is how far its mouth is open (0 to 0.5)."""

    def __init__(self, build: Build, head: Array, gape: float, ears: Array, hang: float) -> None:
        """`head` is the rotation of the head, `ears` shifts (2, 3) of the ears' tips."""
        self.build, self.head, self.gape, self.ears, self.hang = build, head, gape, ears, hang
        tip, _, y, _, z = build.muzzle
        self.nose_at = vector(0, y + 0.66 * tip, z - 0.06)
        x, y, *_ = build.eye
        p = vector(x, y, 3)[:, None]
        for _ in range(40):
            p[2] -= self.fur(p) * 0.8
        self.eye_at = p[:, 0]
        facing = unit(slope(self.fur, p)[:, 0] + vector(0, 0, 1.2))
        across = unit(np.cross(vector(0, 1, 0), facing))
        tilt = np.cos(build.slant) * across + np.sin(build.slant) * np.cross(facing, across)
        self.eye_axes = np.stack([tilt, np.cross(facing, tilt), facing])

    def to_head(self, p: Array) -> Array:
        return self.head.T @ (p - PIVOT[:, None]) + PIVOT[:, None]

    def upper(self, q: Array) -> Array:
        """Skull and muzzle without the lower jaw; `q` in the head's axes, x mirrored."""
        b = self.build
        tip, root, tip_y, root_y, z = *b.muzzle[:2], b.muzzle[3], b.muzzle[2], b.muzzle[4]
        d = ellipsoid(q, (0, b.skull_y, -0.3), b.skull)
        d = join(
            d, ellipsoid(q, b.cheek[:3], (b.cheek[3], b.cheek[3] * 1.1, b.cheek[3] * 1.3)), 0.3
        )
        d = join(d, ellipsoid(q, b.brow[:3], (b.brow[3],) * 3), 0.2)
        snout = cone(q, (0, root_y, 0.3), (0, tip_y, z - tip), root, tip, ((1, 0, 0), 0.9))
        d = join(d, snout, 0.22)
        nose, wide = self.nose_at - vector(0, 0.03, 0.16), b.nose[0] * 0.75
        d = join(d, cone(q, (0, root_y + 0.12, 0.45), nose, wide * 1.2, wide), 0.18)
        x, y, r = b.flews
        lips = cone(q, (x + 0.12, y, 0.45), (x, y + 0.04, z - r * 0.9), r, r * 0.95)
        return join(d, lips, 0.1)

    def chin(self) -> Array:
        """Where the lower jaw ends (3,): it turns about its hinge as the mouth opens."""
        r, y = self.build.jaw
        hinge = vector(0, -0.4, 0.1)
        return hinge + turn(0, self.gape, 0) @ (
            vector(0, y, self.build.muzzle[4] - r - 0.2) - hinge
        )

    def lower(self, q: Array) -> Array:
        r = self.build.jaw[0]
        return cone(q, (0, -0.45, 0.1), self.chin(), r * 1.7, r, ((1, 0, 0), 0.8))

    def ear(self, q: Array, side: Array) -> Array:
        """Ears; `q` mirrored, `side` the sign of x before."""
        b, n = self.build, unit(vector(*self.build.ear_faces))
        points = np.array(b.ear, np.float32)
        weight = np.clip((length(q - points[0][:, None]) / 0.8), 0, 1.3)
        q = q - np.where(side > 0, self.ears[0][:, None], self.ears[1][:, None]) * weight
        d = chain(q, points, b.ear_wide, (n, b.ear_thin))
        if b.cup:
            hollow = chain(
                q, points + n * 0.13, np.array(b.ear_wide) * b.cup, (n, b.ear_thin * 0.8)
            )
            d = cut(d, hollow, 0.05)
        return d

    def body(self, p: Array) -> Array:
        b = self.build
        q = np.stack([np.abs(p[0]), p[1], p[2]])
        d = cone(q, (0, -0.3, -0.8), (0, -1.7, -1.25), *b.neck)
        w, h, deep = b.chest
        d = join(d, ellipsoid(q, (0, -2.2, -1.35), b.chest), 0.4)
        d = join(d, ellipsoid(q, (0, -2.5, -3.0), (w * 1.05, h * 0.95, 2.0)), 0.5)
        x, r = b.leg
        d = join(d, cone(q, (x + 0.25, -2.0, -1.0), (x, -4.2, -0.75), r * 1.5, r), 0.12)
        return join(d, ellipsoid(q, (x, -4.5, -0.55), (r * 1.25, r * 0.8, r * 1.5)), 0.15)

    def fur(self, p: Array) -> Array:
        """Skull, muzzle, jaw and ears, `p` in the head's axes."""
        side = np.sign(p[0])
        q = np.stack([np.abs(p[0]), p[1], p[2]])
        d = join(self.upper(q), self.lower(q), 0.04)
        if self.build.folds:
            d = d + self.build.folds * np.sin(q[1] * 19 + 6 * q[0] * q[0]) * np.exp(
                -((q[0] / 0.5) ** 2) - ((q[1] - 0.5) / 0.33) ** 2
            )
        return join(d, self.ear(q, side), 0.12)

    def nose(self, p: Array, holes: bool = True) -> Array:
        """The nose, with or without nostrils"""
        w, h = self.build.nose
        q = np.stack([np.abs(p[0]), p[1], p[2]]) - self.nose_at[:, None]
        d = ellipsoid(q, (0, 0, -0.05), (w * 0.8, h, 0.2))
        d = join(d, ellipsoid(q, (w * 0.62, -h * 0.1, -0.06), (w * 0.42, h * 0.7, 0.17)), 0.05)
        if not holes:
            return d
        hole = ellipsoid(q, (w * 0.48, -h * 0.15, 0.13), (w * 0.22, h * 0.3, 0.08))
        return cut(d, hole, 0.03)

    def tongue(self, p: Array) -> Array:
        """The tongue, out of reach when the mouth is shut"""
        if self.gape < 0.1:
            return np.full(p.shape[1], 9, np.float32)
        r, chin = self.build.jaw[0], self.chin()
        middle = chin + vector(0, r * 0.95, 0.08)
        end = chin + vector(0, -0.15 - self.hang, r + 0.13)
        first = cone(p, (0, -0.5, 0.4), middle, 0.22, 0.22, ((0, 1, 0), 2.4))
        return join(first, cone(p, middle, end, 0.22, 0.18, ((0, 0.3, 0.95), 2.4)), 0.1)

    def mouth(self, p: Array) -> Array:
        """The dark inside of the mouth"""
        if self.gape < 0.1:
            return np.full(p.shape[1], 9, np.float32)
        middle = (self.chin() + vector(0, self.build.flews[1], self.build.muzzle[4])) / 2
        return cone(p, (0, -0.5, 0.3), middle - vector(0, 0, 0.35), 0.33, 0.2)

    def bare(self, p: Array) -> Array:
        """The distance (N,) to the dog without nose and tongue, `p` in the body's axes."""
        return join(self.fur(self.to_head(p)), self.body(p), 0.3)

    def whole(self, p: Array) -> Array:
        """The distance (N,) to the dog, `p` in the body's axes."""
        q = self.to_head(p)
        d = join(self.fur(q), self.body(p), 0.3)
        return np.minimum(np.minimum(d, self.nose(q)), np.minimum(self.tongue(q), self.mouth(q)))


def individual(rng: np.random.Generator, build: Build) -> Build:
    """One dog of the breed: no two have the same measures."""

    def vary(values: tuple, spread: float = 0.06) -> tuple:
        return tuple(value * (1 + rng.normal(0, spread)) for value in values)

    if build.others and rng.random() < 0.4:
        build = replace(build, **build.others)
    ear = np.array(build.ear)
    ear = ear[0] + (ear - ear[0]) * rng.normal(1, 0.1) + rng.normal(0, 0.03, 3)
    return replace(
        build,
        skull=vary(build.skull),
        cheek=(*build.cheek[:3], build.cheek[3] * rng.normal(1, 0.08)),
        muzzle=vary(build.muzzle),
        flews=vary(build.flews),
        nose=vary(build.nose),
        eye=vary(build.eye, 0.08),
        slant=build.slant + rng.normal(0, 0.06),
        ear=tuple(map(tuple, ear)),
        ear_wide=vary(build.ear_wide, 0.1),
        neck=vary(build.neck),
        chest=vary(build.chest),
    )


def pose(rng: np.random.Generator, build: Build) -> Dog:
    """A dog that looks about where the camera is."""
    build = individual(rng, build)
    head = turn(rng.normal(0, 0.36), rng.normal(0.05, 0.15), rng.normal(0, 0.13))
    gape = rng.uniform(0.18, 0.34) if rng.random() < 0.4 else 0.0
    return Dog(
        build, head, gape, rng.normal(0, 0.07, (2, 3)).astype(np.float32), rng.uniform(0, 0.2)
    )
