"""What is seen of a dog between and under its hair: skin, eyes, nose, lips, tongue."""

import numpy as np
from anatomy import Dog
from bodies import unit, vector
from coat import Coat
from scene import Array, mix, step

FUR, NOSE, TONGUE, MOUTH = range(4)
LIP, WET, PINK, INSIDE = (
    vector(0.03, 0.025, 0.025),
    vector(0.01, 0.01, 0.012),
    vector(0.80, 0.36, 0.38),
    vector(0.10, 0.03, 0.03),
)


def kind_of(dog: Dog, p: Array, q: Array) -> Array:
    """Which of fur, nose, tongue, mouth lies at points `p` (`q` in the head's axes): (N,)."""
    fur = np.minimum(dog.fur(q), dog.body(p)) - 0.01
    return np.stack([fur, dog.nose(q, False), dog.tongue(q), dog.mouth(q)]).argmin(0)


def eyes(coat: Coat, parts: dict[str, Array], colour: Array) -> tuple[Array, Array, Array]:
    """`colour` (N, 3) with the eyes painted in, their highlights (N,), and where they are (N,)."""
    build = coat.dog.build
    u, v, close = coat.eye(parts["m"])
    lid = np.hypot(u, v * (1 + 0.25 * u * u))
    rim, ball = close * step(1.42, 1.18, lid), close * step(1.06, 0.94, lid)
    far = np.hypot(u * build.eye[2], (v - 0.05) * build.eye[3]) / (build.eye[3] * 1.15)
    inner, outer = build.iris
    paint = mix(inner, outer, step(0.55, 1.0, far))
    paint = mix(paint, WET, step(0.62, 0.5, far))
    paint = mix(paint, (0.30, 0.24, 0.20), step(0.98, 1.12, far))
    paint = paint * (0.45 + 0.55 * step(0.75, -0.1, v))[:, None]  # the upper lid's shadow
    colour = mix(mix(colour, LIP, rim), paint, ball)
    lamp = 0.22 * np.sign(coat.lamp[0])
    spot = np.hypot(u * np.sign(parts["q"][0]) - lamp, v - 0.3)
    gleam = ball * (0.9 * step(0.27, 0.15, spot) + 0.10 * step(0.1, 0.9, v))
    return colour, gleam, rim > 0.4


def lips(dog: Dog, parts: dict[str, Array]) -> tuple[Array, Array]:
    """Where the lips meet (N,), and the groove from the nose down to them (N,): 0 to 1."""
    m, head = parts["m"], parts["head"] > 0.5
    apart = np.abs(dog.upper(m) - dog.lower(m))
    seam = step(0.075, 0.03, apart) * head * step(0.0, 0.5, m[2])
    front = (m[2] > dog.build.muzzle[4] - 0.25) & (m[1] < dog.nose_at[1])
    return seam, step(0.03, 0.012, m[0]) * front * parts["head"]


def ear_hollows(dog: Dog, parts: dict[str, Array]) -> Array:
    """1 on the inner side of pricked ears, 0 elsewhere (N,)"""
    if not dog.build.cup:
        return np.zeros_like(parts["ear"])
    facing = unit(vector(*dog.build.ear_faces))
    return parts["ear"] * step(
        -0.02, 0.05, facing @ (parts["m"] - vector(*dog.build.ear[0])[:, None])
    )


def skin(coat: Coat, p: Array, normal: Array, parts: dict[str, Array]) -> tuple:
    """The surface without its hair: colour (N, 3), highlight (N,), and how much hair grows (N,)."""
    dog, kind = coat.dog, kind_of(coat.dog, p, parts["q"])
    colour, gleam, bald = eyes(coat, parts, coat.tone(p, parts) * 0.8)
    seam, groove = lips(dog, parts)
    colour = mix(colour, LIP, np.maximum(seam, 0.8 * groove))
    inner = ear_hollows(dog, parts)
    colour = mix(colour, colour * 0.45 + vector(0.24, 0.15, 0.14), inner)
    facing = np.clip(unit(coat.lamp + vector(0, 0.25, 0.95)) @ normal, 0, 1)
    grain = coat.bumps(p, 26)
    above = np.clip((dog.head.T @ normal)[1], 0, 1)
    wet = np.clip(0.30 * facing**18 + 0.12 * above**2 + 0.015 * grain, 0, 1)
    for number, tone, gloss in (
        (NOSE, dog.build.nose_tone, 1),
        (TONGUE, PINK, 0.6),
        (MOUTH, INSIDE, 0),
    ):
        here = (kind == number)[:, None]
        colour = np.where(here, vector(*tone) * (1 + 0.12 * grain)[:, None], colour)
        gleam = np.where(here[:, 0], gloss * wet, gleam)
    return colour, gleam, (1 - 0.75 * inner) * ((kind == FUR) & ~bald & (seam < 0.5))
