"""Solid bodies as distance fields, seen by a camera: where each line of sight meets the surface.

Points are (3, N): x to the right, y up, z towards the viewer. A distance is negative inside.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scene import Array, sample

Field = Callable[[Array], Array]
FAR = 14.0  # the camera's distance from the middle of the dog


def length(p: Array) -> Array:
    """Lengths (N,) of vectors (3, N)"""
    return np.sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2])


def unit(p: Array) -> Array:
    """Vectors (3, N) or (3,) made one long"""
    return p / np.maximum(np.sqrt((p * p).sum(0)), 1e-6)


def vector(*values: float) -> Array:
    return np.array(values, np.float32)


def ellipsoid(p: Array, centre: Array, radii: Array) -> Array:
    """Distance (N,) to an ellipsoid, about right near it."""
    q = (p - vector(*centre)[:, None]) / vector(*radii)[:, None]
    far = length(q)
    return far * (far - 1) / np.maximum(length(q / vector(*radii)[:, None]), 1e-6)


def cone(p: Array, a: Array, b: Array, ra: float, rb: float, thin: tuple | None = None) -> Array:
    """Distance (N,) to a rod from `a` with radius `ra` to `b` with `rb`.

    `thin` is (axis, factor): the rod is flattened along this axis.
    """
    a, b = vector(*a), vector(*b)
    along = b - a
    q = p - a[:, None]
    t = np.clip((along @ q) / (along @ along), 0, 1)
    q = q - along[:, None] * t
    radius = ra + (rb - ra) * t
    if thin is None:
        return length(q) - radius
    axis, factor = vector(*thin[0]), thin[1]
    q = q + axis[:, None] * ((factor - 1) * (axis @ q))
    return (length(q) - radius) / max(factor, 1) ** 0.8


def join(a: Array, b: Array, soft: float) -> Array:
    """The two bodies as one, the crease between them filled over `soft`."""
    h = np.maximum(soft - np.abs(a - b), 0) / soft
    return np.minimum(a, b) - h * h * soft / 4


def cut(a: Array, b: Array, soft: float) -> Array:
    """`a` without `b`"""
    return -join(-a, b, soft)


def turn(yaw: float, pitch: float, roll: float) -> Array:
    """Rotation (3, 3): about z by `roll`, then x by `pitch`, then y by `yaw` (radian)."""
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    cr, sr = np.cos(roll), np.sin(roll)
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return (about_y @ about_x @ about_z).astype(np.float32)


@dataclass
class Camera:
    """It looks along -z at (x, y, 0); the picture reaches `half` to each side there."""

    x: float
    y: float
    half: float
    world: Array  # rotation (3, 3) from the dog's axes to the camera's

    def rays(self, side: int) -> tuple[Array, Array]:
        """Where the lines of sight start (3, 1) and run to (3, side * side), in the dog's axes."""
        axis = (np.arange(side, dtype=np.float32) + 0.5) / side * 2 - 1
        across, down = (grid.ravel() for grid in np.meshgrid(axis, axis))
        towards = np.stack([across * self.half, -down * self.half, np.full_like(across, -FAR)])
        return self.world.T @ vector(self.x, self.y, FAR)[:, None], self.world.T @ unit(towards)

    def project(self, p: Array, side: int) -> tuple[Array, Array, Array]:
        """Column, row and nearness of points (3, ...) in a picture `side` points wide."""
        w = np.tensordot(self.world, p, 1)
        near = FAR / (FAR - w[2]) / self.half
        column = ((w[0] - self.x) * near + 1) / 2 * side - 0.5
        row = (1 - (w[1] - self.y) * near) / 2 * side - 0.5
        return column, row, w[2]


def march(field: Field, start: Array, towards: Array, first: float, last: float) -> Array:
    """How far (N,) along each line the surface is; nan where the line misses it."""
    far = np.full(towards.shape[1], first, np.float32)
    active = np.arange(len(far))
    hit = np.zeros(len(far), bool)
    for _ in range(70):
        gap = field(start + towards[:, active] * far[active])
        far[active] += gap * 0.95
        hit[active] = gap < 0.006
        active = active[(gap >= 0.006) & (far[active] < last)]
        if not len(active):
            break
    near = active[field(start + towards[:, active] * far[active]) < 0.03] if len(active) else active
    hit[near] = True
    return np.where(hit, far, np.nan)


def slope(field: Field, p: Array) -> Array:
    """Normals (3, N) of the surface at `p`"""
    total = np.zeros_like(p)
    for corner in ((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)):
        corner = vector(*corner)[:, None]
        total += corner * field(p + 0.012 * corner)
    return unit(total)


def openness(field: Field, p: Array, normal: Array) -> Array:
    """How much of the sky reaches `p` (N,): 0 in deep creases, 1 in the open"""
    lost = np.zeros(p.shape[1], np.float32)
    for reach, share in ((0.08, 0.9), (0.2, 0.6), (0.45, 0.45)):
        lost += share * np.clip(reach - field(p + normal * reach), 0, reach) / reach
    return np.clip(1 - 0.75 * lost, 0.1, 1)


def sunlit(field: Field, p: Array, lamp: Array) -> Array:
    """How much of the lamp's light reaches `p` (N,), with a soft edge"""
    lit = np.ones(p.shape[1], np.float32)
    for far in (0.12, 0.25, 0.4, 0.6, 0.85, 1.2, 1.7, 2.4):
        lit = np.minimum(lit, 0.5 + field(p + lamp[:, None] * far) / (0.22 * far))
    return np.clip(lit, 0, 1)


def enlarge(field: Array, side: int) -> Array:
    """A map (C, n, n) enlarged to (C, side, side), bilinear"""
    n = field.shape[-1]
    axis = (np.arange(side, dtype=np.float32) + 0.5) * n / side - 0.5
    column, row = np.meshgrid(axis, axis)
    return np.moveaxis(sample(np.moveaxis(field, 0, -1), column, row), -1, 0)
