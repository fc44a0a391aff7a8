"""A camera that looks at a `Solid` in a `Place`: rays, light, shadow, picture."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter
from scene import Array, blur
from scenery import Place
from solid import Solid, length

SIDE = 96  # points of the picture before it is shrunk


@dataclass
class View:
    """Where the camera stands.

    `around` (radian): 0 sees the thing's side, pi / 2 its front; `up` the camera's elevation;
    `away` its distance in radii of the thing; `roll` its tilt; `share` the part of the picture's
    side that the thing fills (above 1 it is cut); `shift` where its middle lies, in sides.
    """

    around: float
    up: float
    away: float
    roll: float
    share: float
    shift: tuple[float, float]

    def axes(self) -> Array:
        """The camera's right, up and forward (3, 3), one a row."""
        flat = np.cos(self.up)
        back = np.array([flat * np.sin(self.around), np.sin(self.up), flat * np.cos(self.around)])
        right = np.array([np.cos(self.around), 0, -np.sin(self.around)])
        over = np.cross(back, right)
        cos, sin = np.cos(self.roll), np.sin(self.roll)
        return np.stack([cos * right + sin * over, cos * over - sin * right, -back])


def march(solid: Solid, start: Array, way: Array, steps: int = 44) -> Array:
    """How far rays from `start` go along `way` (both (3, N)) to the solid: (N,), inf if never."""
    centre, radius = solid.reach
    middle = ((centre[:, None] - start) * way).sum(0)
    aside = length(*(start + way * middle - centre[:, None]))
    half = np.sqrt(np.clip(radius**2 - aside**2, 0, None))
    far = np.full(way.shape[1], np.inf, np.float32)
    active = np.flatnonzero((aside < radius) & (middle + half > 0))
    t = np.maximum(middle - half, 0)[active]
    end = (middle + half)[active]
    for _ in range(steps):
        if not len(active):
            break
        gap = solid.distance(start[:, active] + way[:, active] * t)
        hit = gap < 0.0015 * radius
        far[active[hit]] = t[hit]
        t = t + 0.9 * gap
        go = ~hit & (t < end)
        active, t, end = active[go], t[go], end[go]
    return far


def normals(solid: Solid, p: Array) -> Array:
    """Unit vectors (3, N) that stand on the surface at points (3, N)."""
    small = np.float32(0.004 * solid.reach[1])
    total = np.zeros_like(p)
    for corner in ((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)):
        way = np.array(corner, np.float32)[:, None]
        total += way * solid.distance(p + way * small)
    return total / np.maximum(length(*total), 1e-9)


def sunlit(solid: Solid, p: Array, sun: Array, soft: float) -> Array:
    """How much of the sun reaches points (3, N): 0 to 1; `soft` is the width of shadows' edges."""
    centre, radius = solid.reach
    offset = p - centre[:, None]
    near = length(*np.cross(offset.T, sun).T) < radius
    active = np.flatnonzero(near & ((offset * sun[:, None]).sum(0) < radius))
    lit, t = np.ones(p.shape[1], np.float32), np.full(len(active), 0.02 * radius, np.float32)
    for _ in range(22):
        if not len(active):
            break
        gap = solid.distance(p[:, active] + sun[:, None] * t)
        lit[active] = np.minimum(lit[active], np.clip(0.5 + 0.5 * gap / (soft * t), 0, 1))
        t = t + np.clip(gap, 0.02 * radius, 0.3 * radius)
        go = (lit[active] > 0.02) & (t < 2.2 * radius)
        active, t = active[go], t[go]
    return lit


def open_sky(solid: Solid, p: Array, normal: Array) -> Array:
    """How much of the sky points (3, N) see beside the solid itself: 0.2 to 1."""
    lost = np.zeros(p.shape[1], np.float32)
    for far, weight in ((0.05, 0.5), (0.14, 0.35), (0.35, 0.3)):
        reach = np.float32(far * solid.reach[1])
        gap = solid.distance(p + normal * reach)
        lost += weight * np.clip(1 - gap / reach, 0, 1)
    return 1 - np.clip(lost, 0, 0.8)


def lighten(place: Place, colour: Array, normal: Array, lit: Array, sky: Array) -> Array:
    """Linear light (N, 3) from matt surfaces of an sRGB colour (N, 3)."""
    sun = np.clip((normal * place.sun.astype(np.float32)[:, None]).sum(0), 0, 1) * lit
    room = sky * (0.42 + 0.22 * normal[1])
    return colour**2.2 * (place.power * sun[:, None] * place.tint + room[:, None])


def surface(solid: Solid, place: Place, p: Array, way: Array) -> Array:
    """Linear light (N, 3) from the solid at points (3, N), seen along directions (3, N)."""
    normal = normals(solid, p)
    colour, gloss = solid.look(p)
    sun = place.sun.astype(np.float32)
    lit = sunlit(solid, p + normal * np.float32(0.01 * solid.reach[1]), sun, 0.15)
    light = lighten(place, colour, normal, lit, open_sky(solid, p, normal))
    facing = np.clip(-(normal * way).sum(0), 0, 1)
    mirrored = way + 2 * normal * facing
    glint = np.clip((mirrored * sun[:, None]).sum(0), 0, 1) ** 40 * lit * place.power * 2
    above = np.where(mirrored[1] > -0.05, 1, 0.35)[:, None] * place.far(mirrored) ** 2.2
    share = (gloss * (0.25 + 0.75 * (1 - facing) ** 3))[:, None]
    return light * (1 - share) + share * above + (gloss * glint)[:, None]


def background(solid: Solid, place: Place, eye: Array, way: Array) -> tuple[Array, Array]:
    """Linear light (N, 3) along directions without the solid; how far the ground is (N,)."""
    light = place.far(way).astype(np.float32) ** 2.2
    far = np.full(way.shape[1], np.inf, np.float32)
    down = np.flatnonzero(way[1] < -1e-3) if place.ground else np.zeros(0, int)
    if not len(down):
        return light, far
    far[down] = -eye[1] / way[1, down]
    p = eye[:, None] + way[:, down] * far[down]
    size = solid.reach[1]
    colour = place.ground(p[0] / size, p[2] / size).astype(np.float32)
    upright = np.zeros_like(p)
    upright[1] = 1
    sun = place.sun.astype(np.float32)
    if place.water:
        ripple = colour.mean(1) - colour.mean()
        mirrored = way[:, down] * np.array([[1], [-1], [1]], np.float32)
        mirrored[1] = np.abs(mirrored[1] + 1.5 * ripple)
        mirrored /= length(*mirrored)
        glass = place.far(mirrored).astype(np.float32) ** 2.2
        met = march(solid, p, mirrored, 24)
        some = np.flatnonzero(np.isfinite(met))
        glass[some] = 0.8 * solid.look(p[:, some] + mirrored[:, some] * met[some])[0] ** 2.2 * 0.7
        share = (0.15 + 0.7 * (1 - np.abs(way[1, down])) ** 3)[:, None]
        light[down] = colour**2.2 * (1 - share) + glass * share
    else:
        lit = sunlit(solid, p, sun, 0.2)
        matt = lighten(place, colour, upright, lit, open_sky(solid, p, upright))
        haze = np.clip(far[down] / (80 * size) - 0.05, 0, 0.5)[:, None]
        level = place.sky(way[0, down], way[0, down] * 0) ** 2.2
        light[down] = matt * (1 - haze) + level * haze
    return light, far


def rays(axes: Array, u: Array, v: Array) -> Array:
    """Directions (3, N) through the points (u, v) of a picture one unit before the camera."""
    way = axes[0][:, None] * u + axes[1][:, None] * v + axes[2][:, None]
    return (way / length(*way)).astype(np.float32)


def grid(count: int) -> tuple[Array, Array]:
    """Points of a picture, right and up, from -0.5 to 0.5: two arrays (count * count,)."""
    line = ((np.arange(count) + 0.5) / count - 0.5).astype(np.float32)
    right, down = np.meshgrid(line, line)
    return right.ravel(), -down.ravel()


def framed(solid: Solid, view: View, eye: Array) -> tuple[float, float, float]:
    """The middle (u, v) of the picture one unit before the camera, and its side."""
    axes = view.axes()
    centre, radius = solid.focus or solid.reach
    middle = axes @ (centre - eye)
    u, v, half = middle[0] / middle[2], middle[1] / middle[2], radius / middle[2]
    if solid.focus is None:  # a coarse look at how much of the picture the thing takes
        across, over = grid(36)
        across, over = u + across * 2.2 * half, v + over * 2.2 * half
        way = rays(axes, across, over)
        seen = np.isfinite(march(solid, np.repeat(eye[:, None], way.shape[1], 1), way, 30))
        across, over = across[seen], over[seen]
        u, v = (across.max() + across.min()) / 2, (over.max() + over.min()) / 2
        half = max(np.ptp(across), np.ptp(over)) / 2
    side = 2 * half / view.share
    return u - view.shift[0] * side, v - view.shift[1] * side, side


def develop(rng: np.random.Generator, light: Array, size: int) -> Image.Image:
    """From linear light (SIDE, SIDE, 3) to a `size` x `size` photograph: exposure, blur, grain.

    The grain is grey, and weaker than on larger pictures, because it is most of a file's weight.
    """
    grey = light.mean(-1, keepdims=True)
    light = np.clip(grey + (light - grey) * rng.uniform(0.25, 1.1), 0, None)
    light = light * rng.uniform(0.3, 1.0) / max(np.quantile(grey, 0.9), 0.05) ** 0.8
    light = np.where(light > 0.7, 0.7 + 0.3 * np.tanh((light - 0.7) / 0.5), light)
    image = Image.fromarray((np.clip(light, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8))
    image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 2.8) * SIDE / 128))
    image = image.resize((size, size), Image.Resampling.LANCZOS)
    grain = rng.normal(0, rng.uniform(0, 2.5), (size, size, 1))
    return Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8))


def photograph(
    rng: np.random.Generator, solid: Solid, place: Place, view: View, size: int
) -> Image.Image:
    """A `size` x `size` photograph of the solid in its place."""
    axes = view.axes()
    eye = (solid.reach[0] - axes[2] * view.away * solid.reach[1]).astype(np.float32)
    if place.ground:
        eye[1] = max(eye[1], 0.05 * solid.reach[1])
    u, v, side = framed(solid, view, eye)
    across, over = grid(SIDE)
    way = rays(axes, u + across * side, v + over * side)
    light, ground = background(solid, place, eye, way)
    depth = rng.uniform(1, 4)
    soft = [blur(light[:, i].reshape(SIDE, SIDE), depth * SIDE / 128).ravel() for i in range(3)]
    light = np.clip(np.stack(soft, 1), 0, None)
    far = march(solid, np.repeat(eye[:, None], way.shape[1], 1), way)
    seen = np.flatnonzero(far < ground)
    p = eye[:, None] + way[:, seen] * far[seen]
    light[seen] = surface(solid, place, p, way[:, seen])
    return develop(rng, light.reshape(SIDE, SIDE, 3), size)
