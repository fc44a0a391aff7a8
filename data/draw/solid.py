"""Solid things in space, made of parts: each part tells how far a point is from its surface.

Such distances can be blended, so that a leg grows out of a body without a seam, and a ray of
sight finds the surface by going forward as far as the distance says. Points are (3, N): x to the
front of the thing, y up, z to its side; distances are (N,), negative inside.
"""

from collections.abc import Callable, Sequence

import numpy as np
from scene import Array, Colour

Shape = Callable[[Array], Array]
Paint = Colour | Callable[[Array], Array]


def length(*parts: Array) -> Array:
    """The length of vectors, given coordinate by coordinate."""
    return np.sqrt(sum(part * part for part in parts))


def ball(centre: Sequence[float], radii: float | Sequence[float]) -> Shape:
    """A ball, or an ellipsoid with one radius for each axis; its distance is close, not exact."""
    c, r = np.asarray(centre, float), np.broadcast_to(radii, 3).astype(float)

    def distance(p: Array) -> Array:
        x, y, z = ((p[i] - np.float32(c[i])) / np.float32(r[i]) for i in range(3))
        far = length(x, y, z)
        steep = length(x / np.float32(r[0]), y / np.float32(r[1]), z / np.float32(r[2]))
        return far * (far - 1) / np.maximum(steep, 1e-4)

    return distance


def limb(a: Sequence[float], b: Sequence[float], thick: float, thin: float | None = None) -> Shape:
    """A rod with round ends from a to b: radius `thick` at a, `thin` at b."""
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    along = b - a
    scale = np.float32(1 / max(float(along @ along), 1e-9))
    taper = np.float32((thick if thin is None else thin) - thick)

    def distance(p: Array) -> Array:
        x, y, z = p[0] - a[0], p[1] - a[1], p[2] - a[2]
        share = np.clip((x * along[0] + y * along[1] + z * along[2]) * scale, 0, 1)
        away = length(x - share * along[0], y - share * along[1], z - share * along[2])
        return away - (np.float32(thick) + taper * share)

    return distance


def corner(*beyond: Array) -> Array:
    """The distance from where several slabs meet, from the distances to each of them."""
    inside = np.minimum(np.maximum.reduce(beyond), 0)
    return inside + length(*(np.maximum(part, 0) for part in beyond))


def box(centre: Sequence[float], half: Sequence[float], edge: float = 0.01) -> Shape:
    """A box with its half lengths along the axes and edges rounded by the radius `edge`."""

    def distance(p: Array) -> Array:
        sides = (
            np.abs(p[i] - np.float32(centre[i])) - np.float32(half[i] - edge) for i in range(3)
        )
        return corner(*sides) - np.float32(edge)

    return distance


def disc(centre: Sequence[float], radius: float, half: float, axis: int = 2) -> Shape:
    """A cylinder, `half` its length along an axis: 0, 1 or 2 for x, y, z."""
    first, second = [i for i in range(3) if i != axis]

    def distance(p: Array) -> Array:
        round_ = length(
            p[first] - np.float32(centre[first]), p[second] - np.float32(centre[second])
        )
        ends = np.abs(p[axis] - np.float32(centre[axis])) - np.float32(half)
        return corner(round_ - np.float32(radius), ends)

    return distance


def outline(points: Sequence[tuple[float, float]], u: Array, v: Array) -> Array:
    """The distance (N,) of the points (u, v) from a polygon, negative inside it."""
    nearest, inside = np.full(u.shape, np.float32(1e9)), np.zeros(u.shape, bool)
    for (au, av), (bu, bv) in zip(points, [*points[1:], points[0]], strict=True):
        eu, ev, du, dv = np.float32(bu - au), np.float32(bv - av), u - au, v - av
        share = np.clip((du * eu + dv * ev) / (eu * eu + ev * ev), 0, 1)
        nearest = np.minimum(nearest, (du - share * eu) ** 2 + (dv - share * ev) ** 2)
        if bv != av:
            inside ^= ((v >= av) != (v >= bv)) & (du < eu * dv / ev)
    return np.sqrt(nearest) * np.where(inside, -1, 1)


def cut(
    points: Sequence[tuple[float, float]],
    half: float | Callable[[Array, Array], Array],
    axis: int = 2,
    edge: float = 0.01,
    middle: float | Callable[[Array, Array], Array] = 0.0,
) -> Shape:
    """A polygon sawn out of a board that lies across an axis.

    The polygon's coordinates are the two other axes. `half`, half the board's thickness, and
    `middle`, where it lies on the axis, may be functions of these two, to taper and to bend.
    """
    first, second = [i for i in range(3) if i != axis]

    def distance(p: Array) -> Array:
        u, v = p[first], p[second]
        thick = half(u, v) if callable(half) else np.float32(half)
        where = middle(u, v) if callable(middle) else np.float32(middle)
        side = np.abs(p[axis] - where) - thick + np.float32(edge)
        safe = 0.7 if callable(half) or callable(middle) else 1
        return corner(outline(points, u, v) + np.float32(edge), side) * np.float32(safe) - edge

    return distance


def paired(shape: Shape) -> Shape:
    """The shape and its mirror image on the other side (z to -z)."""
    return lambda p: shape(np.stack([p[0], p[1], np.abs(p[2])]))


def mottle(rng: np.random.Generator, cells: float, waves: int = 14) -> Shape:
    """Smooth random values in space, about -1 to 1, with bumps about 1 / `cells` wide."""
    ways = rng.normal(0, 2.2 * cells, (waves, 3)).astype(np.float32)
    starts = rng.uniform(0, 6.3, (waves, 1)).astype(np.float32)
    return lambda p: np.sin(ways @ p + starts).sum(0) * np.float32(1.2 / waves**0.5)


class Solid:
    """Parts with their paint. `reach` is a ball (centre (3,), radius) that holds all of them.

    `focus` is the ball that a photographer would frame, if it is not all of the thing.
    """

    def __init__(self, centre: Sequence[float], radius: float) -> None:
        self.parts: list[tuple[Shape, Paint, float, float]] = []
        self.reach = (np.asarray(centre, np.float32), float(radius))
        self.focus: tuple[Array, float] | None = None

    def add(self, shape: Shape, paint: Paint, gloss: float = 0.05, blend: float = 0.0) -> None:
        """One more part: `gloss` 0 to 1 mirrors the sky, `blend` is how far seams are rounded."""
        self.parts.append((shape, paint, gloss, blend))

    def distance(self, p: Array) -> Array:
        """How far the points (3, N) are from the surface: (N,)."""
        total = self.parts[0][0](p)
        for shape, _, _, blend in self.parts[1:]:
            near = shape(p)
            if blend:
                share = np.clip(0.5 + 0.5 / blend * (near - total), 0, 1)
                total = near + share * (total - near) - np.float32(blend) * share * (1 - share)
            else:
                total = np.minimum(total, near)
        return total

    def look(self, p: Array) -> tuple[Array, Array]:
        """Colour (N, 3), sRGB, and gloss (N,) of points on the surface."""
        away = np.stack([shape(p) for shape, *_ in self.parts])
        soft = np.array([[0.25 * blend + 0.002] for *_, blend in self.parts], np.float32)
        share = np.exp(-np.clip((away - away.min(0)) / soft, 0, 30))
        share /= share.sum(0)
        colour, gloss = np.zeros((p.shape[1], 3), np.float32), np.zeros(p.shape[1], np.float32)
        for part, (_, paint, shiny, _) in zip(share, self.parts, strict=True):
            some = part > 0.01
            if some.any():
                tone = paint(p[:, some]) if callable(paint) else np.asarray(paint, np.float32)
                colour[some] += part[some, None] * tone
                gloss[some] += part[some] * shiny
        return np.clip(colour, 0.01, 1), gloss
