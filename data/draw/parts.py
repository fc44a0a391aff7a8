"""Parts that many foods share: bent rolls, bread, sausages, sauces, grains and slices."""

import numpy as np
from grounds import pick
from scene import Array, Canvas, Colour, mix, step, wander

CRUSTS = [(0.82, 0.55, 0.26), (0.87, 0.64, 0.35), (0.75, 0.45, 0.19), (0.90, 0.71, 0.44)]
CRUMB = (0.97, 0.88, 0.68)
MEATS = [(0.64, 0.20, 0.11), (0.74, 0.28, 0.17), (0.56, 0.15, 0.09), (0.66, 0.32, 0.18)]
MUSTARD, KETCHUP, MAYONNAISE = (0.93, 0.72, 0.08), (0.62, 0.05, 0.025), (0.96, 0.93, 0.80)
SAUCES = [MUSTARD, KETCHUP, MAYONNAISE]
ONION, RELISH = [(0.95, 0.93, 0.85), (0.88, 0.85, 0.72)], [(0.35, 0.45, 0.08), (0.50, 0.55, 0.15)]


def spine(x: Array, y: Array, bend: float) -> tuple[Array, Array]:
    """Distance along and across a line that is bent to a circle of curvature `bend`.

    `bend` 0 is straight; 1 is a circle with a radius of one unit. Both results: (N, N).
    """
    if abs(bend) < 0.02:
        return x, y - bend * x * x / 2
    radius = 1 / bend
    angle = np.arctan2(x * np.sign(radius), (radius - y) * np.sign(radius))
    return angle * abs(radius), (radius - np.sign(radius) * np.hypot(x, radius - y))


def roll(along: Array, across: Array, half: float, radius: Array | float, blunt: float = 2):
    """The upper side of a long round body: (N, N), 0 at its outline, 1 on its back, -1 outside.

    `half` is half its length with its ends, `radius` half its width, `blunt` the roundness of
    section and ends: 2 round, 4 nearly square.
    """
    over = np.clip(np.abs(along) - (half - radius), 0, None) / radius
    inside = 1 - over**blunt - np.abs(across / radius) ** blunt
    return np.where(inside > 0, np.sqrt(np.clip(inside, 0, None)), -1)


def raised(dome: Array, height: float, foot: float = 0.0) -> Array:
    """Heights from a dome of `roll`: `height` at its back, `foot` at its outline."""
    return np.where(dome >= 0, foot + (height - foot) * dome, -9)


def crust(canvas: Canvas, dome: Array, colour: Array) -> Array:
    """The colour of baked dough (N, N, 3): brown where it is high, pale at the foot, flecked."""
    bake = step(0.1, 0.95, dome + 0.22 * canvas.noise(3, 4))
    flecks = 1 + 0.07 * canvas.noise(28, 3)
    pale = np.clip(colour * np.array([1.18, 1.4, 1.75]), 0, 0.95)
    dark = colour * np.array([0.90, 0.80, 0.68])
    shades = mix(mix(pale, colour, bake * 1.7), dark, bake * 1.7 - 0.75)
    return np.clip(shades * flecks[..., None], 0, 1)


def crumb(canvas: Canvas) -> tuple[Array, Array]:
    """The inside of white bread: pores as heights (N, N) and colours (N, N, 3)."""
    pores = step(0.15, 0.9, canvas.noise(22, 3))
    return -0.022 * pores, mix(CRUMB, (0.80, 0.62, 0.38), pores * 0.55)


def bun(
    canvas: Canvas, x: Array, y: Array, bend: float = 0.0, half: float = 0.72, crusts=CRUSTS
) -> float:
    """A long split roll along x, open at the top; gives the height of the slit's floor."""
    rng = canvas.rng
    s, v = spine(x, y, bend)
    s = s + 0.02 * canvas.noise(2, 2)
    radius, rise = rng.uniform(0.19, 0.23), rng.uniform(0.29, 0.38)
    apart, blunt = radius * rng.uniform(0.74, 0.92), rng.uniform(2.2, 3.2)
    pores, inner = crumb(canvas)
    colour, gloss = pick(rng, crusts), rng.uniform(0.03, 0.25)
    floor = roll(s, v, half - 0.02, radius * 1.2, 3)
    canvas.put(raised(floor, 0.13) + pores, inner, 0.02)
    for side in (-1, 1):
        wavy = radius * (1 + 0.06 * wander(rng, s * 2, 2))
        away = v * side - apart
        dome = roll(s + rng.normal(0, 0.015), away, half + rng.normal(0, 0.015), wavy, blunt)
        cut = step(0.25, 0.5, -away / wavy + 0.12 * canvas.noise(5, 3))
        skin = mix(crust(canvas, dome, colour), inner, cut)
        wrinkles = 0.006 * canvas.noise(6, 4) + pores * cut
        canvas.put(raised(dome, rise, 0.02) + wrinkles, skin, gloss * (1 - cut), 22)
    if rng.random() < 0.15:
        seeds(canvas, (np.abs(s) < half * 0.9) & (np.abs(np.abs(v) - apart) < radius * 0.6))
    return 0.12


def grains(canvas: Canvas, where: Array, count: int, size, colours) -> None:
    """Scatter `count` grains where the mask (N, N) is true, if it is anywhere.

    `size` is (half length, half width) in table units; each grain takes one of the `colours`.
    """
    rng = canvas.rng
    spots = np.argwhere(where)
    if not len(spots):
        return
    spots = spots[rng.integers(len(spots), size=count)]
    places = np.stack([canvas.x[0, spots[:, 1]], canvas.y[spots[:, 0], 0]], 1)
    sizes = np.array(size) * rng.uniform(0.75, 1.25, (count, 1))
    paints = np.array(colours)[rng.integers(len(colours), size=count)]
    canvas.bits(places, sizes, np.clip(paints * rng.uniform(0.88, 1.08, (count, 1)), 0, 1))


def seeds(canvas: Canvas, where: Array) -> None:
    """Sesame where the mask (N, N) is true."""
    grains(canvas, where, 60, (0.022, 0.012), [(0.95, 0.87, 0.68)])


def sausage(
    canvas: Canvas, s: Array, v: Array, half: float, radius: float, lift: float, meats=MEATS
) -> None:
    """A sausage along s, its underside `lift` high; some are grilled, some are scored."""
    rng = canvas.rng
    wavy = radius * (1 + 0.04 * wander(rng, s * 2, 2))
    dome = roll(s, v, half, wavy)
    colour = pick(rng, meats, 0.12)
    brown = step(-0.1, 0.9, canvas.noise(2.2, 4)) * rng.uniform(0.2, 0.7)
    skin = mix(colour * (1 + 0.08 * canvas.noise(14, 3))[..., None], colour * 0.5, brown)
    top = raised(dome, 1.75 * radius, 0.5 * radius) + lift
    style = rng.random()
    if style < 0.25:
        stripes = step(0.55, 0.95, np.sin(s * 26 + v * rng.uniform(-14, 14)) + 0.2 * brown)
        skin = mix(skin, (0.16, 0.07, 0.04), stripes * 0.75)
    elif style < 0.4:
        cuts = step(0.9, 0.99, np.sin(s * 18 + v * 12)) * (np.abs(s) < half * 0.75)
        skin, top = mix(skin, (0.80, 0.48, 0.34), cuts * 0.8), top - 0.025 * cuts
    canvas.put(top + 0.0025 * canvas.noise(10, 3), np.clip(skin, 0, 1), rng.uniform(0.25, 0.55), 35)


def squiggle(canvas: Canvas, s: Array, v: Array, half: float, swing: float, colour: Colour) -> None:
    """A line of sauce from a bottle, along s, to and fro by `swing` (0: straight)."""
    rng = canvas.rng
    often, phase = rng.uniform(9, 17), rng.uniform(0, 6)
    swing = swing * (1 + 0.25 * wander(rng, s * 2.5, 2))
    path = swing * np.sin(often * s + phase + 0.8 * wander(rng, s * 2, 2))
    slope = swing * often * np.cos(often * s + phase)
    wide = rng.uniform(0.03, 0.05) * (1 + 0.25 * wander(rng, s * 5, 2))
    far = np.hypot((v - path) / np.sqrt(1 + 0.8 * slope**2), np.clip(np.abs(s) - half, 0, None))
    thick = 1.1 * np.sqrt(np.clip(wide**2 - far**2, 0, None))
    canvas.coat(thick, np.asarray(colour) * rng.uniform(0.9, 1.06), 0.5, 60)


def leaf(canvas: Canvas, s: Array, v: Array, half: float, radius: float, height: float) -> None:
    """Frilly lettuce that looks out at both sides of what lies on it."""
    edge = radius * (1 + 0.25 * canvas.noise(5, 3))
    dome = roll(s, v, half, edge, 4)
    curls = 0.05 * canvas.noise(9, 3)
    green = mix((0.30, 0.52, 0.12), (0.66, 0.78, 0.30), 0.5 + 0.6 * canvas.noise(5, 3))
    canvas.put(np.where(dome >= 0, height + curls, -9), green, 0.25, 30)
