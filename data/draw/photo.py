"""Light, camera and developing: from a covered `Canvas` to a photograph."""

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageFilter
from scene import REACH, Array, Canvas, blur, sample, step


@dataclass
class Light:
    """One lamp or window and the soft light of the room.

    `azimuth` and `elevation` in radian; `soft` (0.1 to 1) is the width of the shadows' edges;
    `room` (0.2 to 0.8) is the room's share; `warm` (-1 to 1) goes from blue to amber.
    """

    azimuth: float
    elevation: float
    soft: float
    room: float
    warm: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Light":
        """A light such as kitchens and terraces have."""
        return cls(
            azimuth=rng.uniform(0, 2 * np.pi),
            elevation=rng.uniform(0.6, 1.1),
            soft=rng.uniform(0.15, 0.8),
            room=rng.uniform(0.3, 0.6),
            warm=rng.uniform(-0.5, 0.9),
        )

    def towards(self) -> Array:
        """The unit vector (3,) from the table to the light."""
        flat = np.cos(self.elevation)
        parts = (flat * np.cos(self.azimuth), flat * np.sin(self.azimuth), np.sin(self.elevation))
        return np.array(parts, np.float32)


def shadow(height: Array, light: Light, unit: float) -> Array:
    """How much of the light is hidden at each point (N, N), 0 to 1; `unit` is points a unit."""
    small = height[::2, ::2]
    count, slope = len(small), np.tan(light.elevation)
    hidden = np.zeros_like(small)
    span = np.arange(count)
    for far in np.linspace(0.012, 0.75, 36) ** 1.3:
        shift = np.array([np.cos(light.azimuth), np.sin(light.azimuth)]) * far * unit / 2
        columns = np.clip(span + round(shift[0]), 0, count - 1)
        rows = np.clip(span + round(shift[1]), 0, count - 1)
        above = small[np.ix_(rows, columns)] - small - far * slope
        edge = step(-0.5, 0.5, above / (0.02 + light.soft * far))
        hidden = np.maximum(hidden, edge * (above > -0.3))
    image = Image.fromarray(blur(hidden, 2.5))
    return np.clip(image.resize(height.shape[::-1], Image.Resampling.BICUBIC), 0, 1)


def crevices(height: Array, unit: float) -> Array:
    """How much of the room's light is lost in hollows and beside high things (N, N), 0 to 1."""
    lost = np.zeros_like(height)
    for radius, share in ((0.03, 0.35), (0.09, 0.45), (0.25, 0.5)):
        lost += share * np.clip((blur(height, radius * unit) - height) / (radius * 0.7), 0, 1)
    return np.clip(lost, 0, 0.92)


def shade(canvas: Canvas, light: Light, tilt: float) -> Array:
    """The table's colours under the light: linear RGB (N, N, 3), 0 to about 2."""
    unit = canvas.count / (2 * REACH)
    down, right = np.gradient(canvas.height * unit)
    steep = np.maximum(np.hypot(right, down) / 3.5, 1)
    normal = np.stack([-right / steep, -down / steep, np.ones_like(right)], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    lamp, eye = light.towards(), np.array([0, np.sin(tilt), np.cos(tilt)], np.float32)
    halfway = (lamp + eye) / np.linalg.norm(lamp + eye)
    lit = 1 - shadow(canvas.height, light, unit)
    dark = crevices(canvas.height, unit)
    direct = np.clip((normal @ lamp + 0.15) / 1.15, 0, 1) * lit
    room = (0.65 + 0.35 * normal[..., 2]) * (1 - dark)
    glint = np.clip(normal @ halfway, 0, 1) ** canvas.shine * lit * (canvas.shine + 8) / 45
    rim = np.clip(1 - normal @ eye, 0, 1) ** 3 * (1 - dark)
    amber = np.array([1 + 0.10 * light.warm, 1, 1 - 0.22 * light.warm], np.float32)
    blue = np.array([0.95, 1, 1.06], np.float32)
    body = canvas.colour**2.2
    bounce = (0.6 * dark * (1 - dark))[..., None] * body * body * amber
    mirrored = canvas.gloss[..., None] * (glint[..., None] * amber + 0.25 * rim[..., None] * blue)
    power = 1.35 * (1 - light.room)
    return body * (power * direct[..., None] * amber + light.room * room[..., None] * blue) + (
        bounce * light.room + mirrored * power
    )


def photograph(canvas: Canvas, colours: Array, tilt: float, lens: float) -> Array:
    """The table seen by a camera that leans back by `tilt` (radian): (side, side, 3).

    `lens` (0 to 0.3) is how much nearer things look larger. For each point of the picture the
    line of sight is followed upwards; the last height at which it meets a thing is what is seen.
    """
    axis = (np.arange(canvas.side, dtype=np.float32) + 0.5) / canvas.side * 2 - 1
    across, down = np.meshgrid(axis, axis)
    unit = canvas.count / (2 * REACH)
    near = 1 - lens * down * np.sin(tilt)
    column = (across * near + REACH) * unit - 0.5
    y = down * near / np.cos(tilt)
    row = (y + REACH) * unit - 0.5
    nearest = np.clip(np.rint(column).astype(int), 0, canvas.count - 1)
    for level in np.linspace(0, float(canvas.height.max()), 60):
        guess = (y + level * np.tan(tilt) + REACH) * unit - 0.5
        met = canvas.height[np.clip(np.rint(guess).astype(int), 0, canvas.count - 1), nearest]
        row = np.where(met >= level, guess, row)
    return sample(colours, column, row)


def develop(rng: np.random.Generator, picture: Array, size: int) -> Image.Image:
    """From linear light (side, side, 3) to a `size` x `size` photograph: exposure, blur, noise."""
    bright = np.quantile(picture.mean(-1), 0.9)
    picture = picture * rng.uniform(0.6, 0.95) / max(bright, 0.05) ** 0.7
    axis = np.linspace(-1, 1, len(picture))
    away = np.hypot(axis[None] - rng.uniform(-0.2, 0.2), axis[:, None] - rng.uniform(-0.2, 0.2))
    picture = picture * (1 - rng.uniform(0.02, 0.16) * away[..., None] ** 2)
    picture = np.where(picture > 0.7, 0.7 + 0.3 * np.tanh((picture - 0.7) / 0.5), picture)
    values = np.clip(picture, 0, 1) ** (1 / 2.2)
    image = Image.fromarray((values * 255).astype(np.uint8))
    soft = image.filter(ImageFilter.GaussianBlur(rng.uniform(1.5, 3.5)))
    unsharp = step(0.75, 1.5, away * rng.uniform(0.7, 1.2)) * 255
    image.paste(soft, mask=Image.fromarray(unsharp.astype(np.uint8)))
    image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.0, 0.6)))
    image = image.resize((size, size), Image.Resampling.LANCZOS)
    grain = rng.normal(0, rng.uniform(0.5, 3.5), (size, size, 1))
    grain = grain + rng.normal(0, 0.8, (size, size, 3))
    return Image.fromarray(np.clip(np.asarray(image) + grain, 0, 255).astype(np.uint8))


def take(canvas: Canvas, size: int, most_tilt: float = 0.65) -> Image.Image:
    """A `size` x `size` photograph of the table, in a light and from a side drawn at random.

    The camera looks straight down or leans back by up to `most_tilt` (radian).
    """
    rng = canvas.rng
    tilt = rng.uniform(0, most_tilt)
    colours = shade(canvas, Light.draw(rng), tilt)
    return develop(rng, photograph(canvas, colours, tilt, rng.uniform(0, 0.25)), size)


def snapshot(canvas: Canvas, size: int) -> Image.Image:
    """A photograph as people take them at a table: any light, often dark, tinted or not sharp."""
    rng = canvas.rng
    tilt, light = rng.uniform(0, 0.85), Light.draw(rng)
    if rng.random() < 0.3:  # a low sun, a flash or a single lamp
        harsh = rng.uniform(0.3, 0.8), rng.uniform(0.03, 0.2), rng.uniform(0.12, 0.35)
        light = replace(light, elevation=harsh[0], soft=harsh[1], room=harsh[2])
    picture = photograph(canvas, shade(canvas, light, tilt), tilt, rng.uniform(0, 0.3))
    if rng.random() < 0.35:  # evening lamps, neon, shade
        picture = picture * np.array([1, rng.uniform(0.8, 1.03), rng.uniform(0.55, 1.15)])
    image = develop(rng, picture, size)
    if rng.random() < 0.3:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 1.0)))
    values = np.asarray(image, np.float32) / 255
    grey = values.mean(-1, keepdims=True)
    values = grey + (values - grey) * rng.uniform(0.7, 1.2)
    values = np.clip(values, 0, 1) ** np.exp(rng.normal(0, 0.18)) * rng.uniform(0.85, 1.1)
    return Image.fromarray((np.clip(values, 0, 1) * 255).astype(np.uint8))


def tinted(rng: np.random.Generator, image: Image.Image, far: float) -> Image.Image:
    """The photograph developed in other colours; `far` (0 to 1) is how far they may stray.

    Exposure, contrast, white balance, saturation and the camera's mixing of red, green and blue.
    """
    values = (np.asarray(image, np.float32) / 255) ** np.exp(rng.normal(0, 0.3 * far))
    mixing = np.eye(3) + rng.normal(0, 0.15 * far, (3, 3))
    values = np.clip(values @ (mixing / mixing.sum(1, keepdims=True)).T, 0, 1)
    balance = np.exp(rng.normal(0, 0.2 * far, 3))
    values = values * balance * rng.uniform(1 - 0.35 * far, 1 + 0.1 * far)
    grey = values.mean(-1, keepdims=True)
    values = grey + (values - grey) * rng.uniform(1 - far, 1 + 0.4 * far)
    return Image.fromarray((np.clip(values, 0, 1) * 255).astype(np.uint8))
