"""What several breeds share: coats, colours, ears, marks.

A coat has a `base` colour, `variants` (a dog has the colours of one of them), `layers` and
`hair`: lengths by place; how steeply it stands (`lift`), sinks (`droop`), waves (`curl`);
how much its direction wanders (`wild`) over locks, `lock` to a unit; how much its brightness
does (`streak`) over tufts, `tuft` to a unit; how it gleams (`sheen`).

A layer of a coat is (part, colour, centre, radii, edge, strength): an ellipsoid in the axes of
the head (or of the body), both halves alike, in which the hair has another colour. The edge (0
to 1) is how gradual it is. Later layers lie over earlier ones. Without a centre it is everywhere.
"""

SHORT = {
    "face": 0.05,
    "head": 0.07,
    "cheek": 0.09,
    "neck": 0.11,
    "chest": 0.11,
    "ear": 0.06,
    "leg": 0.08,
    "lift": 0.18,
    "droop": 0.1,
    "curl": 0.02,
    "wild": 0.15,
    "lock": 3.0,
    "streak": 0.05,
    "sheen": 0.5,
    "tuft": 9.0,
}
LONG = SHORT | {
    "face": 0.06,
    "head": 0.11,
    "cheek": 0.25,
    "neck": 0.5,
    "chest": 0.55,
    "ear": 0.2,
    "leg": 0.2,
    "lift": 0.4,
    "droop": 0.35,
    "curl": 0.06,
    "wild": 0.35,
    "tuft": 6.0,
}
PLUSH = LONG | {"head": 0.15, "lift": 0.55, "droop": 0.15, "cheek": 0.4, "ear": 0.1, "curl": 0.02}

WHITE, CREAM = (0.93, 0.91, 0.87), (0.88, 0.80, 0.66)
BLACK, TAN = (0.055, 0.05, 0.05), (0.55, 0.30, 0.13)
DARK_EYE = ((0.13, 0.065, 0.03), (0.06, 0.035, 0.02))
BROWN_EYE = ((0.30, 0.17, 0.07), (0.14, 0.08, 0.04))
BLUE_EYE = ((0.55, 0.70, 0.84), (0.28, 0.42, 0.60))

HOUND = (  # with a black saddle, twice as often, or lemon and white
    {
        "tan": (0.61, 0.37, 0.19),
        "white": WHITE,
        "black": (0.08, 0.07, 0.07),
        "deep": (0.46, 0.26, 0.13),
    },
    {
        "tan": (0.55, 0.33, 0.17),
        "white": WHITE,
        "black": (0.10, 0.08, 0.07),
        "deep": (0.38, 0.21, 0.11),
    },
    {
        "tan": (0.82, 0.62, 0.38),
        "white": WHITE,
        "black": (0.80, 0.60, 0.36),
        "deep": (0.74, 0.52, 0.30),
    },
)
SLEDGE = (  # grey, darker, nearly black, pale, red
    {"grey": (0.26, 0.25, 0.25), "dark": (0.07, 0.07, 0.07), "white": WHITE},
    {"grey": (0.31, 0.30, 0.30), "dark": (0.10, 0.10, 0.10), "white": WHITE},
    {"grey": (0.20, 0.19, 0.19), "dark": (0.06, 0.06, 0.06), "white": WHITE},
    {"grey": (0.47, 0.46, 0.45), "dark": (0.22, 0.21, 0.21), "white": WHITE},
    {"grey": (0.54, 0.38, 0.27), "dark": (0.38, 0.24, 0.15), "white": WHITE},
)
NATURAL = {  # ears that nobody cropped
    "ear": ((0.6, 0.62, -0.25), (0.9, 0.4, -0.05), (0.85, -0.15, 0.12)),
    "ear_wide": (0.24, 0.27, 0.1),
    "ear_faces": (0.85, 0.3, 0.5),
    "cup": 0,
}

POINTS = (  # the tan marks of a black dog
    ("head", "tan", (0.3, -0.62, 0.9), (0.36, 0.36, 0.85), 0.3, 1),
    ("head", "tan", (0.62, -0.5, 0.2), (0.4, 0.36, 0.5), 0.35, 0.9),
    ("head", "black", (0, -0.2, 1.3), (0.2, 0.3, 0.6), 0.4, 1),
    ("head", "tan", (0.3, 0.36, 0.7), (0.11, 0.09, 0.3), 0.4, 0.9),
    ("body", "tan", (0.5, -2.2, -0.3), (0.4, 0.33, 0.7), 0.3, 1),
    ("body", "tan", (0.5, -4.3, -0.8), (0.6, 1.2, 0.8), 0.3, 1),
    ("body", "tan", (0, -0.9, 0.0), (0.4, 0.35, 0.8), 0.4, 0.9),
)
MASK = (  # the face of a sledge dog
    ("body", "white", (0, -2.0, -0.3), (0.9, 2.4, 1.0), 0.3, 1),
    ("head", "dark", (0, 0.75, 0.3), (0.75, 0.62, 0.9), 0.4, 0.8),
    ("head", "white", (0.5, -0.3, 0.45), (0.48, 0.42, 0.8), 0.25, 1),
    ("head", "white", (0, -0.7, 1.0), (0.62, 0.62, 1.2), 0.2, 1),
)
OPEN_FACE = (
    ("head", "white", (0.31, 0.33, 0.7), (0.13, 0.09, 0.4), 0.5, 0.8),
    ("head", "dark", (0, 0.3, 0.8), (0.09, 0.45, 0.5), 0.5, 0.8),
    ("head", "grey", (0, -0.15, 1.2), (0.13, 0.22, 0.5), 0.6, 0.6),
    ("ear", "dark", None, None, 0, 0.6),
)
