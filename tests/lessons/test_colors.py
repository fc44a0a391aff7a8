"""Colours of the figures, as colour-blind people see them: simulated, and measured in CIE Lab."""

import base64
import io
import re

import nbformat
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from helpers.plot import COLORS
from tests.lessons.committed import LESSONS, SOLUTIONS, outputs

# Machado, Oliveira and Fernandes (2009), table 1, severity 1.0; for linear RGB
SEEN_WITH = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
XYZ = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750]]
XYZ += [[0.0193339, 0.1191920, 0.9503041]]
WHITE = [0.95047, 1.0, 1.08883]  # D65
APART = 15  # of two colours of the palette; eyes notice 2.3 side by side
TINTS_APART = 7.5  # of what a figure shows, transparent marks on white included


def lab(colors, seen_with: str = "") -> np.ndarray:
    """Returns sRGB colours, from 0 to 1, shape (..., 3), in CIE Lab."""
    c = np.asarray(colors, dtype=float)
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    if seen_with:
        linear = (linear @ np.transpose(SEEN_WITH[seen_with])).clip(0, 1)
    t = linear @ np.transpose(XYZ) / WHITE
    f = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116)
    x, y, z = np.moveaxis(f, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def closest(colors, seen_with: str = "") -> float:
    """Returns the distance of the two colours that are hardest to tell apart."""
    seen = lab(colors, seen_with)
    distances = np.linalg.norm(seen[:, None] - seen[None], axis=-1)
    return distances[np.triu_indices(len(seen), 1)].min(initial=np.inf)


def colors_in(picture: Image.Image, share: float = 0.0004) -> np.ndarray:
    """Returns the colours that cover this share or more: no greys, each 20 or more apart."""
    area, kept = picture.width * picture.height, []
    counts = sorted(picture.convert("RGB").getcolors(area), reverse=True)
    for color in [np.array(rgb) / 255 for count, rgb in counts if count >= share * area]:
        colorful = np.hypot(*lab(color)[1:]) >= 15
        if colorful and all(np.linalg.norm(lab(color) - lab(other)) >= 20 for other in kept):
            kept.append(color)
    return np.array(kept).reshape(-1, 3)


@pytest.mark.parametrize(
    ("seen_with", "confused"),
    [
        ("protanopia", ["#ff0000", "#006600"]),
        ("deuteranopia", ["#ff6666", "#00cc66"]),
        ("tritanopia", ["#cc0066", "#cc3333"]),
    ],
)
def test_the_simulation_confuses_known_pairs_and_leaves_greys_as_they_are(seen_with, confused):
    colors = [to_rgb(color) for color in confused]
    assert closest(colors) > 30 and closest(colors, seen_with) < TINTS_APART
    np.testing.assert_allclose(lab(to_rgb("grey"), seen_with), lab(to_rgb("grey")), atol=0.05)


@pytest.mark.parametrize("seen_with", ["", *SEEN_WITH])
def test_the_colours_of_the_palette_are_told_apart(seen_with):
    assert closest([to_rgb(color) for color in COLORS], seen_with) >= APART


@pytest.mark.parametrize("file", LESSONS + SOLUTIONS, ids=lambda f: f"{f.parent.name}/{f.stem}")
def test_the_colours_of_a_figure_are_told_apart_by_everybody(file):
    shown = [o.get("data", {}).get("text/html", "") for o in outputs(nbformat.read(file, 4))]
    for code in re.findall(r'src="data:image/png;base64,([^"]+)"', "".join(shown)):
        figure = Image.open(io.BytesIO(base64.b64decode(code)))
        found = (colors_in(figure, share) for share in (0.0004, 0.0003))  # few marks, much white
        colors = next((each for each in found if len(each)), None)
        assert colors is not None, "a figure without colours"
        for seen_with in SEEN_WITH:
            assert closest(colors, seen_with) >= TINTS_APART, seen_with
