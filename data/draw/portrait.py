"""From a dog, a camera and a light to a picture: its surface, then its hairs, one by one."""

from dataclasses import dataclass

import numpy as np
from anatomy import Dog
from bodies import Camera, enlarge, march, openness, slope, sunlit, unit, vector
from coat import Coat
from scene import Array
from skin import skin

COARSE, FINE = 160, 320  # points to a side: of the surface that is searched; of the picture
HAIRS, JOINTS = 34000, 14


@dataclass
class Daylight:
    """A lamp or the sun `towards` (3,) which the camera's axes point; linear colours (3,)."""

    towards: Array
    lamp: Array
    sky: Array


@dataclass
class Surface:
    """Points of a dog: where they are and their normals (3, N), sky and lamp that they see (N,)."""

    p: Array
    normal: Array
    open_sky: Array
    lit: Array

    def at(self, chosen: Array) -> "Surface":
        """Some of the points"""
        return Surface(
            self.p[:, chosen], self.normal[:, chosen], self.open_sky[chosen], self.lit[chosen]
        )

    def light(self, normal: Array, coat: Coat, light: Daylight) -> Array:
        """What falls on the points (N, 3) if their normals were `normal`"""
        direct = np.clip((coat.lamp @ normal + 0.25) / 1.25, 0, 1) * self.lit
        sky = (0.6 + 0.4 * normal[1]) * self.open_sky
        return direct[:, None] * light.lamp + sky[:, None] * light.sky


def seen(dog: Dog, camera: Camera, lamp: Array) -> tuple[Surface, Array]:
    """What the camera sees of the dog, and the places (N,) of these points in the flat picture.

    The surface is searched on a coarse grid and enlarged: hair hides what that smooths away.
    """
    start, towards = camera.rays(COARSE)
    far = march(dog.whole, start, towards, 9.0, 19.0)
    met = np.flatnonzero(~np.isnan(far))
    p = start + towards[:, met] * far[met]
    normal = slope(dog.whole, p)
    maps = np.zeros((9, COARSE * COARSE), np.float32)
    maps[:3, met], maps[3:6, met], maps[8, met] = p, normal, 1
    maps[6, met], maps[7, met] = openness(dog.bare, p, normal), sunlit(dog.whole, p, lamp)
    maps = enlarge(maps.reshape(9, COARSE, COARSE), FINE).reshape(9, -1)
    places = np.flatnonzero(maps[8] > 0.5)
    maps = maps[:, places] / maps[8, places]
    return Surface(maps[:3], unit(maps[3:6]), maps[6], maps[7]), places


def strands(rng: np.random.Generator, coat: Coat, roots: Surface, parts: dict) -> Array:
    """The hairs that grow at the roots: points (3, N, JOINTS) and the way they start (3, N)."""
    p, n, hair = roots.p, roots.normal, coat.hair
    count = p.shape[1]
    long = coat.length_at(parts, p) * rng.uniform(0.6, 1.15, count)
    lock = np.stack([coat.bumps(p + 9 * k, hair["lock"], 2) for k in range(3)])
    comb = coat.flow(p, parts) + lock * hair["wild"] + rng.normal(0, 0.12, p.shape)
    comb = unit(comb - n * (comb * n).sum(0))
    start = unit(comb + n * hair["lift"] * rng.uniform(0.7, 1.3, count))
    bend = vector(0, -1, 0)[:, None] * hair["droop"] + comb * 0.5
    curl = hair["curl"] * np.cross(start.T, n.T).T
    s = np.linspace(0, 1, JOINTS)
    wave = np.sin(s * 7 + lock[0][:, None] * 5) * s
    path = start[..., None] * s + bend[..., None] * s * s / 2 + curl[..., None] * wave
    return (p[..., None] + long[:, None] * path).astype(np.float32), start


def fur(rng: np.random.Generator, coat: Coat, roots: Surface, light: Daylight) -> tuple:
    """Hairs and their linear colours, root to tip: (3, N, JOINTS), (N, JOINTS, 3)."""
    parts, hair = coat.parts(roots.p), coat.hair
    points, start = strands(rng, coat, roots, parts)
    streak = coat.bumps(roots.p, hair["tuft"], 2) + 0.6 * rng.normal(0, 1, len(roots.lit))
    tone = coat.tone(roots.p, parts) * (1 + hair["streak"] * streak)[:, None]
    tone = np.clip(tone, 0.005, 1) ** 2.2
    tone = tone * roots.light(unit(roots.normal + 0.35 * start), coat, light)
    sheen = (1 - (coat.lamp @ start) ** 2).clip(0, 1) ** 8 * roots.lit * hair["sheen"]
    tone = tone + 0.15 * sheen[:, None] * light.lamp
    return points, tone[:, None] * np.linspace(0.62, 1.12, JOINTS)[:, None]


def render(
    rng: np.random.Generator, dog: Dog, camera: Camera, light: Daylight
) -> tuple[Array, Array]:
    """The dog in linear light (FINE, FINE, 3), and where it is (FINE, FINE)."""
    coat = Coat(rng, dog, camera.world.T @ light.towards)
    surface, places = seen(dog, camera, coat.lamp)
    colour, gleam, grows = skin(coat, surface.p, surface.normal, coat.parts(surface.p))
    picture, there = np.zeros((FINE * FINE, 3), np.float32), np.zeros(FINE * FINE, bool)
    picture[places] = colour**2.2 * surface.light(surface.normal, coat, light)
    picture[places] += gleam[:, None] * light.lamp * 0.8
    there[places] = True
    grows = np.flatnonzero(rng.random(len(places)) < grows)
    roots = surface.at(grows[rng.integers(0, len(grows), HAIRS)])
    points, tones = fur(rng, coat, roots, light)
    column, row, near = (values.ravel() for values in camera.project(points, FINE))
    column, row = np.rint(column).astype(int), np.rint(row).astype(int)
    inside = (column >= 0) & (column < FINE) & (row >= 0) & (row < FINE)
    order = np.argsort(near, kind="stable")  # what is nearer is painted later
    order = order[inside[order]]
    spots = row[order] * FINE + column[order]
    picture[spots], there[spots] = tones.reshape(-1, 3)[order], True
    return picture.reshape(FINE, FINE, 3), there.reshape(FINE, FINE)
