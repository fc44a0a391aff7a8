"""Ten species of leaves, each a table of what a botanist would name as its marks.

A blade is described in its own axes: x across, y from the base (0, 0) to the tip (0, 1).
`half` lists the nodes of the right half's outline from base to tip as (kind, x, y):

    T  pointed tip of a lobe, a main vein leads there     t  tooth, missing on some leaves
    R  round tip of a lobe, a main vein leads there       s  point of a smooth line
    n  round bay between lobes, more or less deep         v  sharp bay between lobes
"""

from dataclasses import dataclass

Node = tuple[str, float, float]
Span = tuple[float, float]  # least and most, drawn anew for each leaf


@dataclass(frozen=True)
class Lobes:
    """Lobes along a midrib.

    `width` is half the width at the widest lobe, `shape` the share of it at heights 0.2, 0.35, 0.6
    and 0.85. `bay` is the share of the width left in the bays.
    """

    count: tuple[int, int]
    width: Span
    shape: tuple[float, float, float, float]
    bay: Span
    pointed: bool


@dataclass(frozen=True)
class Species:
    """Marks of a leaf; lengths in lengths of the blade, angles in degrees from the tip.

    `teeth` are least and most on one side, `tooth` their depth, `double` says whether they bear
    smaller ones. `side_veins` leave the midrib at `vein_angle`; `basal` veins leave the base, each
    (angle, length); a `fan` has neither. `sag` hollows the edges between teeth. `oblique` is how
    much lower the blade starts on one side, `wavy` the swing of its margin.
    """

    petiole: Span
    half: tuple[Node, ...] = ()
    lobes: Lobes | None = None
    tip: str = "T"
    palmate: bool = False
    fan: bool = False
    side_veins: tuple[int, int] = (5, 7)
    vein_angle: float = 45
    basal: tuple[tuple[float, float], ...] = ()
    teeth: tuple[int, int] = (0, 0)
    tooth: float = 0.0
    double: bool = False
    sag: float = 0.0
    oblique: float = 0.0
    wavy: float = 0.004


NORWAY_MAPLE = (
    *[("s", 0.10, -0.09), ("s", 0.25, -0.13), ("t", 0.42, -0.19), ("T", 0.66, -0.10)],
    *[("t", 0.53, 0.04), ("n", 0.45, 0.09), ("t", 0.68, 0.08), ("t", 0.83, 0.22)],
    *[("T", 0.98, 0.50), ("t", 0.70, 0.52), ("t", 0.54, 0.60), ("n", 0.34, 0.46)],
    *[("t", 0.45, 0.68), ("t", 0.24, 0.80)],
)
RED_MAPLE = (
    *[("s", 0.08, -0.03), ("s", 0.22, -0.01), ("s", 0.33, 0.09), ("T", 0.42, 0.18)],
    *[("v", 0.33, 0.24), ("s", 0.43, 0.36), ("T", 0.55, 0.66), ("s", 0.37, 0.57)],
    *[("v", 0.21, 0.48), ("s", 0.25, 0.66), ("s", 0.12, 0.86)],
)
SUGAR_MAPLE = (
    *[("s", 0.08, -0.06), ("s", 0.22, -0.07), ("T", 0.50, -0.03), ("n", 0.38, 0.13)],
    *[("t", 0.60, 0.19), ("s", 0.60, 0.32), ("T", 0.76, 0.60), ("s", 0.56, 0.53)],
    *[("t", 0.42, 0.64), ("s", 0.30, 0.50), ("n", 0.14, 0.38), ("s", 0.17, 0.56)],
    *[("t", 0.29, 0.76), ("s", 0.11, 0.80)],
)
HEART = (
    *[("s", 0.15, -0.13), ("s", 0.37, -0.11), ("s", 0.53, 0.13), ("s", 0.48, 0.45)],
    *[("s", 0.27, 0.77), ("s", 0.09, 0.94)],
)
LIME = (
    *[("s", 0.12, -0.09), ("s", 0.32, -0.07), ("s", 0.44, 0.14), ("s", 0.41, 0.44)],
    *[("s", 0.22, 0.75), ("s", 0.05, 0.91)],
)
ELM = (
    *[("s", 0.11, 0.02), ("s", 0.25, 0.18), ("s", 0.30, 0.42), ("s", 0.25, 0.66)],
    *[("s", 0.11, 0.87), ("s", 0.04, 0.95)],
)
FAN = (
    *[("s", 0.08, 0.10), ("s", 0.36, 0.38), ("s", 0.66, 0.56), ("s", 0.70, 0.68)],
    *[("s", 0.52, 0.88), ("s", 0.26, 0.99), ("s", 0.06, 0.98)],
)
TULIP = (
    *[("s", 0.10, -0.03), ("s", 0.30, -0.02), ("s", 0.43, 0.06), ("T", 0.58, 0.30)],
    *[("s", 0.46, 0.37), ("n", 0.36, 0.48), ("s", 0.37, 0.66), ("T", 0.45, 0.97)],
    *[("s", 0.22, 0.90)],
)

WHITE_OAK = Lobes((3, 4), (0.28, 0.36), (0.42, 0.80, 1.0, 0.68), (0.25, 0.55), pointed=False)
RED_OAK = Lobes((3, 4), (0.33, 0.42), (0.70, 0.95, 1.0, 0.50), (0.22, 0.40), pointed=True)

SPECIES = {
    "acer_platanoides": Species((0.6, 1.0), NORWAY_MAPLE, palmate=True, sag=0.15),
    "acer_rubrum": Species(
        (0.5, 0.9), RED_MAPLE, palmate=True, teeth=(17, 24), tooth=0.022, double=True
    ),
    "acer_saccharum": Species((0.5, 0.9), SUGAR_MAPLE, palmate=True, sag=0.06),
    "cercis_canadensis": Species(
        (0.4, 0.7), HEART, side_veins=(3, 4), basal=((32, 0.9), (68, 0.62), (112, 0.4))
    ),
    "ginkgo_biloba": Species((0.5, 0.9), FAN, tip="n", fan=True, wavy=0.016),
    "liriodendron_tulipifera": Species((0.5, 0.9), TULIP, tip="n", sag=0.02, side_veins=(2, 4)),
    "quercus_alba": Species((0.06, 0.15), lobes=WHITE_OAK, tip="R"),
    "quercus_rubra": Species((0.15, 0.3), lobes=RED_OAK, sag=0.12),
    "tilia_americana": Species(
        petiole=(0.3, 0.5),
        half=LIME,
        basal=((42, 0.6), (85, 0.42)),
        teeth=(22, 30),
        tooth=0.024,
        oblique=0.07,
    ),
    "ulmus_americana": Species(
        petiole=(0.05, 0.12),
        half=ELM,
        side_veins=(13, 17),
        vein_angle=48,
        teeth=(15, 19),
        tooth=0.036,
        double=True,
        oblique=0.06,
    ),
}
