"""Cats, dogs, deer and horses: each function gives a `Solid` on the ground (y = 0), see beasts."""

import numpy as np
from beasts import BLACK, Build, chain, coat, ears, face, finish, neck, tail, trunk, turned
from grounds import pick
from solid import Solid, ball, limb

FURS = [  # cats and dogs have the same colours
    (0.12, 0.11, 0.11), (0.45, 0.30, 0.18), (0.72, 0.50, 0.28), (0.85, 0.80, 0.72),
    (0.50, 0.48, 0.46), (0.30, 0.20, 0.14), (0.80, 0.62, 0.42), (0.93, 0.91, 0.88),
]  # fmt: skip
HIDES = [(0.45, 0.28, 0.15), (0.55, 0.36, 0.20), (0.36, 0.22, 0.13), (0.62, 0.45, 0.28)]
BAYS = [*HIDES, (0.12, 0.10, 0.09), (0.75, 0.73, 0.70), (0.70, 0.55, 0.35), (0.5, 0.48, 0.46)]
PINK = (0.75, 0.50, 0.48)


def cat(rng: np.random.Generator) -> Solid:
    """A cat that stands, walks, sits or lies, or only its face."""
    fur = coat(rng, FURS, rng.choice(["plain", "tabby", "tabby", "belly", "patches"]))
    fat = rng.uniform(0.9, 1.25)
    b = Build(0.46, 0.22 * fat, 0.21 * fat, 0.22 * fat, 0.055, 0.2, rng.uniform(0.215, 0.25),
              (0.72, 0.36), fur, fur)  # fmt: skip
    solid = Solid((-0.1, 0.5, 0), 1.35)
    pose = rng.choice(["stand", "walk", "sit", "sit", "lie"])
    shoulder, hip = trunk(rng, solid, b, pose)
    head = neck(rng, solid, b, shoulder, rng.uniform(0.6, 1.2), turned(rng))
    eye = pick(rng, [(0.75, 0.72, 0.20), (0.45, 0.65, 0.30), (0.80, 0.55, 0.15), (0.4, 0.6, 0.75)])
    muzzle = np.array([0.92, 0.9, 0.86]) if rng.random() < 0.4 else None
    face(solid, b, head, eye, pick(rng, [PINK, BLACK]), muzzle)
    ears(solid, head, [(0.0, 0.55, 0.55), (0.05, 1.45, 0.78)], ((0.46, 0.04),), fur)
    ears(solid, head, [(0.25, 0.7, 0.58), (0.14, 1.25, 0.74)], ((0.28, 0.03),), PINK)
    first = rng.uniform(-0.3, 1.2) if pose in ("stand", "walk") else rng.uniform(-0.6, 0.1)
    bend = rng.uniform(-0.2, 0.7)
    tail(solid, hip, b, 0.95, [first + bend * i for i in range(4)], (0.06, 0.05), fur)
    return finish(rng, solid, head, 0.35, rng.uniform(1.7, 2.4))


def dog(rng: np.random.Generator) -> Solid:
    """A dog that stands, runs, sits or lies, or only its face; ears hang or stand."""
    fur = coat(rng, FURS, rng.choice(["plain", "plain", "belly", "patches", "patches"]))
    fat, long = rng.uniform(0.9, 1.2), rng.uniform(0.4, 0.75)
    b = Build(long, 0.25 * fat, 0.2 * fat, 0.2 * fat, 0.065, rng.uniform(0.22, 0.32),
              rng.uniform(0.19, 0.23), (rng.uniform(1.15, 1.7), 0.4), fur, fur)  # fmt: skip
    solid = Solid((0, 0.6, 0), 1.5)
    pose = rng.choice(["stand", "walk", "run", "sit", "lie"])
    shoulder, hip = trunk(rng, solid, b, pose)
    head = neck(rng, solid, b, shoulder, rng.uniform(0.5, 1.1), turned(rng))
    mask = np.array(BLACK) * 2 if rng.random() < 0.25 else None
    face(solid, b, head, np.array([0.2, 0.12, 0.07]), np.array(BLACK), mask)
    flap = coat(rng, FURS, "plain") if rng.random() < 0.4 else fur
    if rng.random() < 0.65:
        low = rng.uniform(-0.9, -0.2)
        ears(solid, head, [(-0.1, 0.7, 0.75), (-0.05, 0.35, 1.08), (0.0, low, 1.1)],
             ((0.26, 0.34), (0.34, 0.26)), flap)  # fmt: skip
    else:
        ears(solid, head, [(-0.15, 0.6, 0.6), (-0.05, 1.35, 0.7)], ((0.36, 0.08),), flap)
    if rng.random() < 0.45:  # a tongue
        tip = b.muzzle[0] + 0.25
        out = [(tip - 0.3, -0.7, 0), (tip, -1.05, 0)]
        ears(solid, head, out, ((0.16, 0.18),), (0.85, 0.35, 0.38))
    if rng.random() < 0.3:
        collar = pick(rng, [(0.8, 0.1, 0.1), (0.1, 0.2, 0.7)])
        solid.add(ball(head.at(-0.9, -0.9, 0), (0.16, 0.05, 0.19)), collar)
    up = rng.uniform(0.2, 1.4)
    tail(solid, hip, b, rng.uniform(0.3, 0.65), [up, up + 0.3, up + 0.5], (0.075, 0.03), fur)
    return finish(rng, solid, head, 0.35, rng.uniform(1.9, 2.7), b.muzzle[0])


def antlers(rng: np.random.Generator, solid: Solid, head) -> None:
    """A pair of antlers with three or four points each."""
    bone, tall = pick(rng, [(0.55, 0.42, 0.28), (0.75, 0.66, 0.5)]), rng.uniform(1.6, 2.8)
    for side in (-1, 1):
        beam = [(-0.3, 0.8, 0.35), (-0.9, 0.8 + 0.5 * tall, 1.2), (-0.3, 0.8 + tall, 1.7)]
        places = [head.at(f, u, s * side) for f, u, s in beam]
        chain(solid, places, 0.16 * head.size, 0.1 * head.size, bone, 0)
        for share, out in ((0.35, 0.9), (0.8, 0.8), (1.0, -0.5)):
            start = places[1] * share + places[0] * (1 - share)
            point = start + head.size * out * (0.7 * head.axes[0] + 0.9 * head.axes[1])
            solid.add(limb(start, point, 0.11 * head.size, 0.04 * head.size), bone)


def deer(rng: np.random.Generator) -> Solid:
    """A stag, a hind or a spotted fawn that stands, walks, grazes, runs or lies."""
    fur = coat(rng, HIDES, rng.choice(["belly", "belly", "plain", "spots"]))
    b = Build(rng.uniform(0.72, 0.9), 0.22, 0.19, 0.21, 0.045, rng.uniform(0.45, 0.6),
              rng.uniform(0.135, 0.16), (1.75, 0.42), fur, fur)  # fmt: skip
    solid = Solid((0.15, 0.85, 0), 1.75)
    pose = rng.choice(["stand", "stand", "walk", "run", "lie"])
    shoulder, hip = trunk(rng, solid, b, pose)
    grazes = pose in ("stand", "walk") and rng.random() < 0.2
    rise = -0.75 if grazes else rng.uniform(0.75, 1.3)
    b.neck *= 1.5 if grazes else 1
    head = neck(rng, solid, b, shoulder, rise, turned(rng))
    face(solid, b, head, np.array(BLACK), np.array(BLACK), None)
    ears(solid, head, [(-0.3, 0.5, 0.7), (-0.4, 0.85, 1.3), (-0.35, 1.15, 1.75)],
         ((0.2, 0.36), (0.36, 0.08)), fur)  # fmt: skip
    if rng.random() < 0.6:
        antlers(rng, solid, head)
    white = (0.93, 0.90, 0.84)
    solid.add(ball(hip + [-0.13, -0.02, 0], (0.1, 0.13, 0.12)), white, blend=0.03)
    tail(solid, hip, b, 0.16, [-0.6, -1.0], (0.05, 0.03), fur if rng.random() < 0.5 else white)
    return finish(rng, solid, head, 0.22, rng.uniform(2.8, 3.8), b.muzzle[0])


def horse(rng: np.random.Generator) -> Solid:
    """A horse that stands, walks, gallops or grazes, or its head; with mane and long tail."""
    fur = coat(rng, BAYS, rng.choice(["plain", "plain", "plain", "patches"]))
    dark = pick(rng, [(0.07, 0.06, 0.05), (0.85, 0.80, 0.66), (0.30, 0.20, 0.12)])
    socks = [fur, np.array(BLACK) * 1.5, np.array([0.9, 0.88, 0.85])][rng.integers(3)]
    b = Build(rng.uniform(0.72, 0.82), 0.29, 0.27, 0.28, 0.06, rng.uniform(0.55, 0.65), 0.16,
              (rng.uniform(2.1, 2.5), 0.55), fur, socks)  # fmt: skip
    solid = Solid((0.15, 0.9, 0), 1.8)
    pose = rng.choice(["stand", "stand", "walk", "run"])
    shoulder, hip = trunk(rng, solid, b, pose)
    grazes = pose != "run" and rng.random() < 0.25
    rise = -0.8 if grazes else rng.uniform(0.45, 1.05)
    b.neck *= 1.4 if grazes else 1
    head = neck(rng, solid, b, shoulder, rise, turned(rng) * 0.7)
    face(solid, b, head, np.array(BLACK), fur(np.zeros((3, 1)))[0] * 0.6, None)
    ears(solid, head, [(-0.3, 0.7, 0.4), (-0.25, 1.5, 0.45)], ((0.28, 0.06),), fur)
    if rng.random() < 0.5:
        solid.add(
            limb(head.at(0.85, 0.45, 0), head.at(2.0, 0.12, 0), 0.04, 0.03), (0.93, 0.92, 0.9)
        )
    back = np.array([-np.sin(rise), np.cos(rise), 0])
    start = shoulder + np.array([0.02, b.chest * 0.7, 0])
    crest = [
        start + s * (head.at(-0.5, 0.6, 0) - start) + 0.1 * b.chest * back
        for s in (0, 0.35, 0.7, 1)
    ]
    chain(solid, [*crest, head.at(0.35, 1.05, 0)], 0.085, 0.055, dark, 0.02)
    for side in (-1, 1)[: rng.integers(1, 3)]:
        chain(solid, [c + [0, -0.09, 0.09 * side] for c in crest[1:]], 0.06, 0.05, dark, 0.02)
    lift = rng.uniform(0.1, 0.6) if pose == "run" else -0.9
    tail(solid, hip, b, 0.75, [lift, lift - 0.5, -1.3], (0.06, 0.075), dark)
    return finish(rng, solid, head, 0.2, rng.uniform(2.6, 3.6), b.muzzle[0])
