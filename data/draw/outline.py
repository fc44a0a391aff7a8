"""The outline and the veins of one leaf, as lines; no two leaves of a species are alike.

Lines are arrays (K, 2) of x and y in the blade's own axes, see species.py.
"""

from dataclasses import dataclass

import numpy as np
from scene import Array, noise, wander
from species import Lobes, Node, Species

Vein = tuple[Array, float, float]  # line, width where it begins, width where it ends


@dataclass
class Lines:
    """A leaf as lines: the closed outline of its blade, its veins, its petiole from the base."""

    outline: Array
    veins: list[Vein]
    petiole: Array


def lobed(rng: np.random.Generator, lobes: Lobes) -> list[Node]:
    """The nodes of a half with lobes along the midrib, wide beyond the middle."""
    count, wide = int(rng.integers(lobes.count[0], lobes.count[1] + 1)), rng.uniform(*lobes.width)
    bay, gap = rng.uniform(*lobes.bay), 0.70 / count
    nodes: list[Node] = [("s", 0.05, 0.05), ("s", 0.09, 0.13)]
    for number in range(count):
        y = 0.17 + gap * (number + rng.uniform(0.3, 0.5))
        x = wide * np.interp(y, [0.2, 0.35, 0.6, 0.85], lobes.shape)
        x *= rng.uniform(0.88, 1.1)
        if lobes.pointed:
            nodes += [("t", x * 0.78, y - 0.2 * gap), ("T", x, y + 0.25 * gap)]
            nodes += [("t", x * 0.72, y + 0.36 * gap)]
        else:
            nodes += [("s", x * 0.86, y - 0.18 * gap), ("R", x, y + 0.12 * gap)]
            nodes += [("s", x * 0.84, y + 0.36 * gap)]
        inner = bay * rng.uniform(0.85, 1.15) * (1 - 0.35 * (number == count - 1))
        nodes.append(("n", x * inner, y + 0.55 * gap))
    end = [("t", 0.15, 0.90), ("t", 0.07, 0.94)]
    return nodes + (end if lobes.pointed else [("s", 0.13, 0.93), ("s", 0.09, 0.985)])


def nodes_of(rng: np.random.Generator, kind: Species) -> list[Node]:
    """The nodes of one half: some teeth missing, bays more or less deep; last the tip."""
    nodes = lobed(rng, kind.lobes) if kind.lobes else kind.half
    deep, chosen = rng.uniform(0.85, 1.12), []
    for node, x, y in nodes:
        if node == "t" and rng.random() < 0.12:
            continue
        depth = deep * rng.uniform(0.95, 1.05) if node in "nv" and not kind.lobes else 1
        chosen.append((node, x * depth, y * depth if kind.palmate else y))
    return chosen


def curve(run: Array) -> Array:
    """A smooth line (16 (K - 1), 2) through the points `run` (K, 2): a Catmull-Rom spline."""
    ends = 2 * run[0] - run[1], 2 * run[-1] - run[-2]
    points = np.concatenate([ends[:1], run, ends[1:]])
    t, parts = np.linspace(0, 1, 16, endpoint=False)[:, None], []
    for a, b, c, d in zip(points, points[1:], points[2:], points[3:], strict=False):
        bow = 2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)
        parts.append(b + 0.5 * t * (c - a + t * bow))
    return np.concatenate(parts)


def trace(nodes: list[Node], sag: float) -> Array:
    """The line through the nodes from base to tip, with corners at tips, teeth and sharp bays."""
    line, run = [], [np.array([0.0, 0.0])]
    for node, x, y in nodes:
        run.append(np.array([x, y]))
        if node not in "Ttv":
            continue
        if len(run) == 2:  # an edge between two corners: hollow
            across = (run[1] - run[0])[::-1] * (-1, 1)
            run.insert(1, (run[0] + run[1]) / 2 + sag * across)
        line.append(curve(np.array(run)))
        run = run[-1:]
    if len(run) > 1:
        line.append(curve(np.array(run)))
    return np.concatenate([*line, run[-1:]])


def serrate(rng: np.random.Generator, line: Array, kind: Species) -> Array:
    """The line (K, 2) resampled to (900, 2), with teeth that point to the tip and with waves."""
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    s = np.linspace(0, 1, 900)
    line = np.stack([np.interp(s * along[-1], along, values) for values in line.T], 1)
    run = np.gradient(line, axis=0)
    run /= np.linalg.norm(run, axis=1, keepdims=True) + 1e-9
    phase = s * rng.uniform(*kind.teeth) + 0.35 * wander(rng, s * 9)
    saw = (phase % 1) ** 1.3
    if kind.double:
        saw = 0.75 * saw + 0.4 * (phase * 3 % 1)
    height = kind.tooth * rng.uniform(0.8, 1.2) * saw * np.clip(s * 8, 0, 1) * (1 - s**6)
    swing = kind.wavy * wander(rng, s * 5, 3) * np.sin(np.pi * s)
    outward = run[:, ::-1] * (1, -1)
    return line + outward * (height + swing)[:, None] + 0.6 * run * height[:, None]


def bow(start: Array, end: Array, swell: float) -> Array:
    """A line (40, 2) from start to end that swells to its left by `swell` lengths."""
    t = np.linspace(0, 1, 40)[:, None]
    left = (end - start)[::-1] * (-1, 1)
    return start + (end - start) * t + left * swell * 4 * t * (1 - t)


def branches(
    rng: np.random.Generator, kind: Species, main: Array, count: int, reach: float
) -> list[Vein]:
    """`count` veins to each side of the line `main`, in turn, each `reach` long."""
    veins = []
    for number in range(2 * count):
        side, share = (-1, 1)[number % 2], 0.12 + 0.78 * (number + rng.uniform(0, 0.5)) / count / 2
        place = int(share * (len(main) - 1))
        run = main[min(place + 2, len(main) - 1)] - main[max(place - 2, 0)]
        turn = np.radians(kind.vein_angle + rng.normal(0, 3)) * side + np.arctan2(run[1], run[0])
        end = main[place] + reach * np.array([np.cos(turn), np.sin(turn)])
        veins.append((bow(main[place], end, 0.06 * side), 0.011, 0.004))
    return veins


def radiating(rng: np.random.Generator) -> list[Vein]:
    """The veins of a fan: they part from the base and fork."""
    veins = []
    for number, turn in enumerate(np.linspace(-0.92, 0.92, 45)):
        ray = np.array([np.sin(turn), np.cos(turn)])
        start = ray * (0.0, 0.45, 0.22, 0.5)[number % 4]
        veins.append((bow(start, ray * 1.2, rng.normal(0, 0.005)), 0.009, 0.005))
    return veins


def veins_of(
    rng: np.random.Generator, kind: Species, halves: list[list[Node]], top: float
) -> list[Vein]:
    """Midrib, main veins to lobes, side veins; what goes beyond the margin is cut off later.

    `halves` are the nodes of the right and the left half, `top` the height of the tip.
    """
    if kind.fan:
        return radiating(rng)
    base, many = np.zeros(2), int(rng.integers(kind.side_veins[0], kind.side_veins[1] + 1))
    midrib = bow(base, np.array([0, top]), 0)
    veins = [(midrib, 0.026, 0.007)]
    for side, nodes in zip((1, -1), halves, strict=True):
        for node, x, y in nodes[:-1]:
            if node in "TR":
                end = np.array([x * side, y])
                root = base if kind.palmate else np.array([0, max(y - 0.85 * x, 0.03)])
                main = bow(root, end, 0.05 * side)
                veins.append((main, 0.020 if kind.palmate else 0.014, 0.005))
                veins += branches(rng, kind, main, 3, 0.3 * np.hypot(*(end - root)))
        for angle, length in kind.basal:
            turn = np.radians(angle + rng.normal(0, 4))
            end = length * np.array([np.sin(turn) * side, np.cos(turn)])
            main = bow(base, end, 0.10 * side * (1 if angle < 90 else -1))
            veins.append((main, 0.017, 0.005))
            veins += branches(rng, kind, main, 3, 0.3 * length)
    if kind.lobes is None:
        veins += branches(rng, kind, midrib, many, 0.28 if kind.palmate else 0.75)
    return veins


def warp(rng: np.random.Generator, kind: Species, points: Array) -> Array:
    """The points (K, 2) moved as growth, wind and drying move them, smoothly."""
    x, y = points.T
    y = y - kind.oblique * rng.choice([-1, 1]) * np.clip(x * 4, -1, 1) * np.clip(1 - 2 * y, 0, 1)
    far, turn = np.hypot(x, y), np.arctan2(x, y)
    far = far * (1 + 0.06 * wander(rng, turn * 1.3))
    turn = turn + 0.06 * wander(rng, turn * 1.3)
    x, y = far * np.sin(turn) * rng.normal(1, 0.07), far * np.cos(turn)
    x = x * (1 + 0.05 * wander(rng, np.sign(x) * 3 + y))
    x, y = (p + 0.03 * noise(rng, x * 1.6, y * 1.6, 2) for p in (x, y))
    x = x + rng.normal(0, 0.13) * y**2
    return np.stack([x, y], 1)


def grow(rng: np.random.Generator, kind: Species) -> Lines:
    """One leaf of a species, as lines."""
    top = rng.uniform(0.55, 0.92) if kind.fan else (0.86 if kind.tip == "n" else 1.0)
    halves = [[*nodes_of(rng, kind), (kind.tip, 0.0, top)] for _ in range(2)]
    right, left = (serrate(rng, trace(nodes, kind.sag), kind) for nodes in halves)
    outline = np.concatenate([right, (left * (-1, 1))[::-1]])
    veins = veins_of(rng, kind, halves, top)
    parts = np.split(
        warp(rng, kind, np.concatenate([outline, *(line for line, _, _ in veins)])),
        np.cumsum([len(outline)] + [len(line) for line, _, _ in veins])[:-1],
    )
    veins = [(line, *vein[1:]) for line, vein in zip(parts[1:], veins, strict=True)]
    end = rng.uniform(*kind.petiole) * np.array([rng.normal(0, 0.3), -1])
    return Lines(parts[0], veins, bow(parts[0][0], parts[0][0] + end, rng.normal(0, 0.1)))
