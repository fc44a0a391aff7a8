"""The coat of one dog: which colour the hair has at each place, how long it is, how it lies."""

import numpy as np
from anatomy import Dog
from bodies import length, unit, vector
from scene import Array, mix, step


class Bumps:
    """Smooth noise in space: about -1 to 1, bumps one unit wide."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.grid = rng.standard_normal(32**3).astype(np.float32)

    def __call__(self, p: Array, cells: float, octaves: int = 1) -> Array:
        """The noise (N,) at points `p` (3, N), with bumps 1 / `cells` wide and finer ones"""
        total = np.zeros(p.shape[1], np.float32)
        for octave in range(octaves):
            place = p * (cells * 2**octave) + 7.3 * octave
            whole = np.floor(place).astype(np.int32)
            share = place - whole
            share = share * share * (3 - 2 * share)
            for corner in range(8):
                i, j, k = corner & 1, corner >> 1 & 1, corner >> 2
                x, y, z = ((whole[n] + bit) % 32 for n, bit in enumerate((i, j, k)))
                weight = np.ones_like(total)
                for n, bit in enumerate((i, j, k)):
                    weight *= share[n] if bit else 1 - share[n]
                total += self.grid[(x * 32 + y) * 32 + z] * weight / 2**octave
        return total


def near(q: Array, centre: Array, radii: Array, edge: float, wave: Array) -> Array:
    """1 inside an ellipsoid, 0 outside, a wavy edge between"""
    far = length((q - vector(*centre)[:, None]) / vector(*radii)[:, None])
    return 1 - step(1 - edge, 1 + edge, far + 0.12 * wave)


class Coat:
    """The surface of one dog, evaluated at points of it.

    `build.coat` is what breeds.py says of it; `lamp` is where the light comes from (3,).
    """

    def __init__(self, rng: np.random.Generator, dog: Dog, lamp: Array) -> None:
        self.dog, self.lamp, self.bumps = dog, lamp, Bumps(rng)
        coat = dog.build.coat
        shift = 1 + rng.normal(0, 0.05) + rng.normal(0, 0.012, 3)
        self.colours = {
            name: np.clip(np.array(tone) * shift, 0, 0.97)
            for name, tone in coat["variants"][rng.integers(len(coat["variants"]))].items()
        }
        self.layers = [self.vary(rng, *layer) for layer in coat["layers"]]
        self.hair = coat["hair"]

    @staticmethod
    def vary(rng: np.random.Generator, part: str, name: str, centre, radii, *how: float) -> tuple:
        """A layer of the breed's pattern as this dog has it"""
        if centre is not None:
            centre = np.array(centre) + rng.normal(0, 0.035, 3) * np.sign(np.abs(centre))
            radii = np.array(radii) * rng.normal(1, 0.1, 3).clip(0.7, 1.3)
        return part, name, centre, radii, *how

    def parts(self, p: Array) -> dict[str, Array]:
        """Shares (N,) of head, ear and body at `p`, and `q`, `p` in the head's axes, mirrored."""
        q = self.dog.to_head(p)
        side = np.sign(q[0])
        m = np.stack([np.abs(q[0]), q[1], q[2]])
        head = np.minimum(self.dog.upper(m), self.dog.lower(m))
        ear, body = self.dog.ear(m, side), self.dog.body(p)
        is_body = step(-0.12, 0.12, np.minimum(head, ear) - body)
        is_ear = step(-0.06, 0.05, head - ear) * (1 - is_body)
        return {"q": q, "m": m, "body": is_body, "ear": is_ear, "head": 1 - is_body - is_ear}

    def tone(self, p: Array, parts: dict[str, Array]) -> Array:
        """The colour of the hair that grows at `p` (N, 3)."""
        wave = self.bumps(p, 2.2, 3)
        flat = np.stack([np.abs(p[0]), p[1], p[2]])
        colour = np.broadcast_to(self.colours[self.dog.build.coat["base"]], (p.shape[1], 3))
        for part, name, centre, radii, edge, strength in self.layers:
            share = parts[part]
            if centre is not None:
                where = flat if part == "body" else parts["m"]
                share = share * near(where, centre, radii, edge, wave)
            colour = mix(colour, self.colours[name], share * strength)
        return colour

    def length_at(self, parts: dict[str, Array], p: Array) -> Array:
        """How long the hair is at `p` (N,)."""
        h, m = self.hair, parts["m"]
        snout = step(0.2, 0.75, m[2]) * step(0.9, 0.3, np.abs(m[1] + 0.2))
        cheek = step(0.35, 0.8, m[0]) * step(0.2, -0.4, m[1]) * step(0.9, 0.1, m[2])
        head = h["head"] + (h["cheek"] - h["head"]) * cheek
        head = head + (h["face"] - head) * np.maximum(
            snout, step(0.65, 0.35, length(m - self.dog.eye_at[:, None]))
        )
        body = h["neck"] + (h["chest"] - h["neck"]) * step(-1.2, -2.4, p[1])
        body = body + (h["leg"] - body) * step(-3.4, -4.2, p[1])
        return head * parts["head"] + h["ear"] * parts["ear"] + body * parts["body"]

    def flow(self, p: Array, parts: dict[str, Array]) -> Array:
        """The direction (3, N) in which the hair is combed, before it is laid on the skin."""
        q = parts["q"]
        away = unit(q - (self.dog.nose_at + vector(0, 0.1, 0.7))[:, None])
        away = away + vector(0, -0.25, -0.1)[:, None] * step(0.3, -0.3, q[1])
        e = np.array(self.dog.build.ear, np.float32)
        ear = unit(e[2] - e[0])[:, None] * np.stack([np.sign(q[0]), 0 * q[0] + 1, 0 * q[0] + 1])
        head = self.dog.head @ (away * (1 - parts["ear"]) + ear * parts["ear"])
        body = np.stack([0.25 * p[0], -1 + 0 * p[0], -0.25 + 0 * p[0]])
        return head * (1 - parts["body"]) + body * parts["body"]

    def eye(self, m: Array) -> tuple[Array, Array, Array]:
        """Place on the eye: across, up (both -1 to 1 within it), and whether it is near."""
        d = m - self.dog.eye_at[:, None]
        u, v, w = self.dog.eye_axes @ d
        wide, high = self.dog.build.eye[2:]
        return u / wide, v / high, np.abs(w) < 0.3
