"""What hides a part of food on a photograph: hands, paper, a bite, and a ground out of focus."""

import numpy as np
from grounds import CLOTHS, pick
from parts import raised, roll
from PIL import Image, ImageFilter
from places import PLACES, backdrop
from scene import Canvas, Frame, mix, step

SKINS = [(0.93, 0.74, 0.62), (0.86, 0.63, 0.49), (0.66, 0.44, 0.31), (0.44, 0.28, 0.20)]
PAPERS = [(0.94, 0.93, 0.90), (0.90, 0.88, 0.80), (0.78, 0.63, 0.45), (0.72, 0.73, 0.75)]


def far_ground(canvas: Canvas) -> None:
    """A street, a room or a meadow far below and out of focus, as behind food in a hand."""
    rng = canvas.rng
    light = backdrop(rng, int(rng.integers(len(PLACES))), canvas.count)
    image = Image.fromarray((np.clip(light, 0, 1) ** (1 / 2.2) * 255).astype(np.uint8))
    image = image.filter(ImageFilter.GaussianBlur(rng.uniform(2, 9)))
    canvas.colour = np.asarray(image, np.float32) / 255
    canvas.height[:] = -0.2


def hand(canvas: Canvas, frame: Frame) -> None:
    """A hand under the food: its arm goes out of the picture, its fingers close round it."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    skin, side = pick(rng, SKINS), rng.choice([-1, 1])
    x, y = x + rng.uniform(-0.45, 0.45), y * side
    tone = skin * (1 + 0.05 * canvas.noise(3, 3))[..., None]
    slant = rng.normal(0, 0.35)
    lean = x - slant * y
    palm = roll(y + 1.3, lean, 1.75, 0.33 + 0.06 * step(0.9, 0.3, np.abs(y)), 2.4)
    canvas.put(raised(palm, 0.16, -0.1), tone, 0.12, 20)
    if rng.random() < 0.5:  # a sleeve
        sleeve = roll(y + 2.2, lean, 1.2, 0.4, 3)
        canvas.put(raised(sleeve, 0.2, -0.1) + 0.02 * canvas.noise(5, 2), pick(rng, CLOTHS, 0.3))
    over = rng.uniform(0.02, 0.3)  # how far the fingers reach over the food
    for finger in range(4):
        tip = over + rng.normal(0, 0.03) + 0.04 * abs(finger - 1.6)
        digit(canvas, y - (tip + 0.56) / 2, x - 0.165 * (finger - 1.5), (0.56 - tip) / 2, tone)
    digit(canvas, -y - (over + 0.9) / 2, x - 0.5 * (y + over), (0.9 - over) / 2, tone, 0.095)


def digit(canvas: Canvas, s: np.ndarray, v: np.ndarray, half: float, tone, wide=0.082) -> None:
    """A finger along s, with its tip and nail at -`half`, above whatever lies there."""
    crease = np.exp(-(((s + half - 0.2) / 0.02) ** 2))
    dome = roll(s, v, half, wide * (1 - 0.06 * crease), 2.2)
    shade = mix(tone, tone * (0.92, 0.75, 0.68), crease * 0.5 + step(0.5, 0, dome) * 0.5)
    canvas.put(raised(dome, 0.5, 0.12), shade, 0.12, 20)
    nail = roll(s + half - 0.07, v, 0.05, 0.042, 2.5)
    canvas.put(raised(nail, 0.505, 0.5), np.clip(tone * (1.08, 1.0, 1.0) + 0.04, 0, 1), 0.4, 40)


def wrap(canvas: Canvas, frame: Frame) -> None:
    """Paper or foil about one end of the food, or about its side."""
    rng = canvas.rng
    x, y = canvas.frame(*frame)
    turn = rng.choice([0, np.pi, np.pi / 2, -np.pi / 2]) + rng.normal(0, 0.25)
    along = x * np.cos(turn) + y * np.sin(turn)
    edge = rng.uniform(0.15, 0.5) if abs(np.cos(turn)) > 0.7 else rng.uniform(0.12, 0.25)
    under = canvas.noise(1.2, 2)
    inside = (along > edge + 0.06 * under) & (np.abs(x) < 1.0) & (np.abs(y) < 0.52 + 0.05 * under)
    creases = np.abs(canvas.noise(3, 3))
    colour = np.broadcast_to(pick(rng, PAPERS, 0.04), (*x.shape, 3))
    if rng.random() < 0.4:
        per = rng.uniform(4, 9)
        checks = (x * per % 1 < 0.5) ^ (y * per % 1 < 0.5)
        colour = mix(colour, pick(rng, CLOTHS), checks * 0.85)
    gloss = 0.6 if colour[0, 0, 2] > 0.74 and rng.random() < 0.3 else 0.06
    canvas.put(np.where(inside, 0.05 + 0.02 * creases, -9), colour, gloss)
    canvas.coat(np.where(inside, 0.02 + 0.05 * creases, 0), colour, gloss)


class Bite:
    """Takes a bite from what is laid between `Bite(canvas)` and `taken(frame)`."""

    def __init__(self, canvas: Canvas) -> None:
        """Remember what lies under the food."""
        self.canvas = canvas
        self.under = canvas.height.copy(), canvas.colour.copy(), canvas.gloss.copy()

    def taken(self, frame: Frame) -> None:
        """Bite off an end."""
        canvas, rng = self.canvas, self.canvas.rng
        x, y = canvas.frame(*frame)
        end = x * rng.choice([-1, 1]) - rng.uniform(0.25, 0.5)
        gone = (
            end + 0.09 * np.abs(np.sin(y * 9 + rng.uniform(0, 3))) + 0.02 * canvas.noise(9, 2) > 0
        )
        for field, before in zip(
            (canvas.height, canvas.colour, canvas.gloss), self.under, strict=True
        ):
            field[gone] = before[gone]
