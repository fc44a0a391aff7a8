"""Fruit and vegetables: one function each, see food.py for what `frame` is."""

import numpy as np
from grounds import pick
from parts import raised, roll, spine
from scene import Array, Canvas, Frame, mix, noise, step, wander


def banana(canvas: Canvas, frame: Frame) -> None:
    """One banana or two, with ridges, brown flecks and a stalk."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    bend = rng.uniform(0.5, 0.95) * rng.choice([-1, 1])
    for number in range(int(rng.integers(1, 3))):
        s, v = spine(x, y + (0.3 * number + 0.15) * np.sign(bend), bend)
        thin = 0.17 * np.clip(1.12 - 0.9 * np.abs(s / 0.85) ** 5, 0.25, 1)
        dome = roll(s, v, 0.9, thin, 1.7)
        flecks = step(0.75, 1.1, canvas.noise(9, 4)) * 0.7
        tone = mix((0.93, 0.76, 0.16), (0.68, 0.68, 0.15), step(0.5, 0.85, s))
        tone = mix(tone, (0.35, 0.22, 0.08), np.maximum(flecks, step(0.82, 0.9, np.abs(s))))
        canvas.put(raised(dome, 0.3) + 0.012 * (np.abs(v - 0.05) < 0.01), tone, 0.15, 20)


def lay_carrot(canvas: Canvas, x: Array, y: Array, half: float, radius: float, lift: float) -> None:
    """A carrot along x, its underside `lift` high."""
    rng = canvas.rng
    s, v = spine(x, y, rng.normal(0, 0.15))
    thin = radius * (0.72 - 0.42 * np.clip(s / half, -1, 1)) * (1 + 0.05 * wander(rng, s * 6))
    dome = roll(s, v, half, thin)
    rings = step(0.75, 0.97, noise(rng, s * 14, v * 2.5, 2)) * 0.4
    tone = mix((0.90, 0.46, 0.10), (0.66, 0.28, 0.06), rings)
    canvas.put(raised(dome, 1.8 * radius, 0.3 * radius) + lift - 0.012 * rings, tone, 0.2, 25)
    stalks = roll(s + half + 0.05, v + 0.03 * np.sin(s * 20), 0.12, 0.05)
    canvas.put(raised(stalks, 0.2) + lift, (0.35, 0.50, 0.15), 0.1)


def carrot(canvas: Canvas, frame: Frame) -> None:
    """One to three carrots."""
    x, y = canvas.frame(*frame)
    many = int(canvas.rng.integers(1, 4))
    for number in range(many):
        lay_carrot(canvas, x, y - 0.34 * (number - (many - 1) / 2), 0.8, 0.19, 0)


def corn(canvas: Canvas, frame: Frame) -> None:
    """A cob of corn with rows of kernels, sometimes with husks."""
    rng = canvas.rng
    s, y = canvas.frame(*frame)
    thin = 0.23 * (0.9 - 0.35 * np.clip(s / 0.8, -1, 1) ** 3)
    dome = roll(s, y, 0.78, thin, 2)
    row = np.arcsin(np.clip(y / thin, -1, 1)) / 0.42
    shift = 0.5 * (np.floor(row) % 2)
    kernel = np.sqrt(np.abs(np.sin(np.pi * row) * np.sin(np.pi * (s / 0.075 + shift))))
    if rng.random() < 0.6:
        for side in (-1, 1):
            t, w = spine(s + 0.75, (y - 0.12 * side) * side, 0.7)
            husk = raised(roll(t, w, 0.5, 0.16, 2), 0.16) + 0.02 * np.sin(w * 90)
            canvas.put(husk, mix((0.60, 0.70, 0.30), (0.85, 0.85, 0.55), w * 4 + 0.5), 0.1)
    tone = mix((0.66, 0.42, 0.06), (0.96, 0.80, 0.25), kernel + 0.2 * canvas.noise(8, 2))
    canvas.put(raised(dome, 0.4) + 0.035 * kernel, tone, 0.35, 45)


def cucumber(canvas: Canvas, frame: Frame) -> None:
    """A cucumber or a pickle, with warts and pale streaks."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    s, v = spine(x, y, rng.normal(0, 0.3))
    dome = roll(s, v, rng.uniform(0.6, 0.9), rng.uniform(0.16, 0.22), 2.2)
    streaks = step(0.1, 1, noise(rng, s * 2, v * 14, 3))
    green = pick(rng, [(0.18, 0.36, 0.10), (0.40, 0.46, 0.12)])
    tone = mix(green, green * 1.7, streaks * 0.7)
    warts = step(0.85, 1.2, canvas.noise(9, 2))
    canvas.put(raised(dome, 0.3, 0.03) + 0.02 * warts, np.clip(tone, 0, 1), 0.35, 30)


def chilli(canvas: Canvas, frame: Frame) -> None:
    """Red peppers, thin or thick, with green stalks."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    many = int(rng.integers(1, 4))
    for number in range(many):
        place = 0.36 * (number - (many - 1) / 2)
        s, v = spine(x + rng.normal(0, 0.1), y - place, rng.normal(0, 0.6))
        thin = rng.uniform(0.1, 0.17) * np.clip(0.8 - 0.7 * s, 0.1, 1.2)
        dome = roll(s, v, 0.75, thin)
        red = pick(rng, [(0.72, 0.07, 0.04), (0.80, 0.22, 0.05)])
        canvas.put(raised(dome, 0.28), red * (1 + 0.06 * canvas.noise(3, 2))[..., None], 0.55, 50)
        stalk = roll(s + 0.82, v + 0.3 * (s + 0.7) ** 2, 0.16, 0.045)
        canvas.put(raised(stalk, 0.18), (0.25, 0.42, 0.12), 0.2)


def lay_slice(canvas: Canvas, x: Array, y: Array, radius: float, height: float, red: bool) -> None:
    """A slice of tomato or cucumber."""
    far, turn = np.hypot(x, y) / radius, np.arctan2(y, x)
    if red:
        seedy = step(0.1, 0.5, np.sin(turn * 5)) * (np.abs(far - 0.55) < 0.25)
        tone = mix((0.80, 0.16, 0.08), (0.88, 0.45, 0.15), seedy * 0.8)
    else:
        tone = mix((0.80, 0.88, 0.60), (0.20, 0.38, 0.10), step(0.84, 0.92, far))
        tone = mix(tone, (0.88, 0.90, 0.70), (np.sin(turn * 9) > 0.5) * (np.abs(far - 0.4) < 0.15))
    canvas.put(np.where(far < 1, height + 0.15 * x, -9), tone, 0.4, 40)
