"""Breeds: the measures of their bodies, the colours and the length of their coats.

A layer of a coat is (part, colour, centre, radii, edge, strength): an ellipsoid in the axes of
the head (or of the body), both halves alike, in which the hair has another colour. The edge (0
to 1) is how gradual it is. Later layers lie over earlier ones. Without a centre it is everywhere.
"""

from anatomy import Build

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
    "count": 60000,
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

PRICKED = ((0.52, 0.7, -0.25), (0.64, 1.1, -0.3), (0.7, 1.52, -0.3))
HANGING = ((0.72, 0.5, -0.3), (1.02, 0.12, -0.1), (0.98, -0.5, 0.08))
HANGS = {"ear": HANGING, "ear_wide": (0.28, 0.34, 0.2), "ear_faces": (0.9, 0.15, 0.45), "cup": 0}
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

BREEDS = {
    "beagle": Build(
        ear=((0.74, 0.5, -0.25), (1.02, -0.05, -0.08), (0.98, -0.75, 0.1)),
        ear_wide=(0.24, 0.36, 0.31),
        ear_faces=(0.9, 0.15, 0.45),
        cup=0,
        skull=(0.86, 0.8, 0.9),
        eye=(0.38, 0.1, 0.145, 0.115),
        slant=0.02,
        iris=BROWN_EYE,
        muzzle=(0.33, 0.42, -0.46, -0.32, 1.4),
        nose=(0.22, 0.16),
        coat={
            "base": "tan",
            "variants": (
                {
                    "tan": (0.62, 0.37, 0.18),
                    "white": WHITE,
                    "black": (0.08, 0.07, 0.07),
                    "deep": (0.46, 0.25, 0.12),
                },
            ),
            "layers": (
                ("ear", "deep", None, None, 0, 0.7),
                ("head", "white", (0, -0.6, 1.15), (0.52, 0.5, 0.75), 0.25, 1),
                ("head", "white", (0, 0.3, 0.8), (0.12, 0.75, 0.7), 0.4, 1),
                ("body", "black", (0, -1.6, -3.0), (2.2, 1.4, 2.0), 0.2, 1),
                ("body", "white", (0, -2.2, -0.3), (0.85, 1.6, 1.0), 0.2, 1),
                ("body", "white", (0, -5, -0.5), (2, 2, 2), 0.2, 1),
            ),
            "hair": SHORT,
        },
    ),
    "doberman": Build(
        ear=((0.42, 0.75, -0.35), (0.52, 1.2, -0.4), (0.58, 1.72, -0.4)),
        ear_wide=(0.26, 0.17, 0.04),
        ear_faces=(0.5, 0, 1),
        others=NATURAL,
        skull=(0.74, 0.7, 0.95),
        cheek=(0.36, -0.2, 0.05, 0.38),
        brow=(0.27, 0.3, 0.42, 0.26),
        eye=(0.33, 0.14, 0.12, 0.095),
        slant=0.2,
        iris=BROWN_EYE,
        muzzle=(0.28, 0.38, -0.45, -0.22, 1.9),
        flews=(0.17, -0.57, 0.2),
        nose=(0.2, 0.15),
        neck=(0.55, 0.95),
        chest=(1.25, 1.35, 1.2),
        coat={
            "base": "black",
            "variants": ({"black": BLACK, "tan": TAN},),
            "layers": POINTS,
            "hair": SHORT | {"sheen": 0.8, "face": 0.04, "head": 0.05},
        },
    ),
    "english_foxhound": Build(
        ear=((0.7, 0.5, -0.3), (0.95, 0.1, -0.1), (0.88, -0.45, 0.1)),
        ear_wide=(0.22, 0.32, 0.24),
        ear_faces=(0.9, 0.15, 0.45),
        cup=0,
        skull=(0.82, 0.72, 0.92),
        eye=(0.37, 0.12, 0.13, 0.1),
        slant=0.05,
        iris=BROWN_EYE,
        muzzle=(0.35, 0.43, -0.46, -0.28, 1.6),
        nose=(0.23, 0.17),
        flews=(0.21, -0.62, 0.24),
        neck=(0.68, 1.0),
        chest=(1.15, 1.3, 1.1),
        coat={
            "base": "tan",
            "variants": (
                {
                    "tan": (0.60, 0.38, 0.20),
                    "white": WHITE,
                    "black": (0.08, 0.07, 0.07),
                    "deep": (0.46, 0.27, 0.14),
                },
            ),
            "layers": (
                ("ear", "deep", None, None, 0, 0.5),
                ("head", "white", (0, -0.6, 1.2), (0.56, 0.55, 0.85), 0.25, 1),
                ("head", "white", (0, 0.3, 0.8), (0.16, 0.8, 0.7), 0.4, 1),
                ("body", "white", (0, -2.5, -0.6), (1.6, 2.2, 1.4), 0.2, 1),
                ("body", "black", (0, -1.4, -3.2), (2.2, 1.3, 1.8), 0.2, 1),
            ),
            "hair": SHORT,
        },
    ),
    "golden_retriever": Build(
        **HANGS,
        skull=(0.9, 0.72, 0.92),
        eye=(0.38, 0.12, 0.125, 0.1),
        slant=0.05,
        iris=DARK_EYE,
        muzzle=(0.36, 0.45, -0.45, -0.3, 1.5),
        nose=(0.23, 0.165),
        neck=(0.75, 1.1),
        coat={
            "base": "gold",
            "variants": (
                {
                    "gold": (0.76, 0.53, 0.28),
                    "light": (0.88, 0.72, 0.48),
                    "deep": (0.66, 0.42, 0.20),
                },
                {
                    "gold": (0.70, 0.43, 0.20),
                    "light": (0.82, 0.60, 0.35),
                    "deep": (0.58, 0.33, 0.14),
                },
                {
                    "gold": (0.85, 0.70, 0.48),
                    "light": (0.92, 0.82, 0.64),
                    "deep": (0.76, 0.57, 0.34),
                },
            ),
            "layers": (
                ("ear", "deep", None, None, 0, 0.9),
                ("head", "light", (0, -0.55, 1.1), (0.5, 0.45, 0.9), 0.5, 0.6),
                ("head", "light", (0.55, -0.2, 0.4), (0.4, 0.5, 0.6), 0.5, 0.5),
                ("body", "light", (0, -2.3, -0.3), (0.7, 1.6, 0.9), 0.6, 0.6),
            ),
            "hair": LONG,
        },
    ),
    "malamute": Build(
        ear=((0.62, 0.68, -0.25), (0.78, 0.98, -0.3), (0.86, 1.3, -0.3)),
        ear_wide=(0.3, 0.2, 0.04),
        skull=(1.0, 0.84, 0.95),
        cheek=(0.56, -0.25, 0.05, 0.5),
        muzzle=(0.36, 0.5, -0.46, -0.32, 1.4),
        iris=BROWN_EYE,
        slant=0.3,
        nose=(0.22, 0.155),
        neck=(0.95, 1.2),
        eye=(0.38, 0.14, 0.12, 0.09),
        coat={
            "base": "grey",
            "variants": (
                {"grey": (0.36, 0.34, 0.33), "dark": (0.13, 0.12, 0.12), "white": WHITE},
                {"grey": (0.25, 0.24, 0.24), "dark": (0.07, 0.07, 0.07), "white": WHITE},
            ),
            "layers": (
                *MASK,
                ("head", "white", (0.36, 0.1, 0.7), (0.3, 0.4, 0.5), 0.4, 0.9),
                ("head", "dark", (0, 0.2, 0.9), (0.12, 0.5, 0.6), 0.5, 0.8),
                ("ear", "dark", None, None, 0, 0.6),
            ),
            "hair": PLUSH,
        },
    ),
    "pembroke": Build(
        ear=((0.58, 0.7, -0.2), (0.78, 1.15, -0.25), (0.9, 1.6, -0.25)),
        ear_wide=(0.36, 0.28, 0.06),
        skull=(0.92, 0.76, 0.9),
        muzzle=(0.25, 0.42, -0.46, -0.3, 1.4),
        nose=(0.19, 0.14),
        flews=(0.15, -0.56, 0.2),
        eye=(0.38, 0.12, 0.12, 0.1),
        iris=DARK_EYE,
        neck=(0.8, 1.1),
        coat={
            "base": "red",
            "variants": (
                {"red": (0.72, 0.43, 0.20), "white": WHITE},
                {"red": (0.66, 0.36, 0.15), "white": WHITE},
            ),
            "layers": (
                ("head", "white", (0, -0.65, 1.15), (0.48, 0.55, 0.85), 0.25, 1),
                ("head", "white", (0, 0.2, 0.8), (0.1, 0.7, 0.7), 0.4, 1),
                ("head", "white", (0.5, -0.65, 0.3), (0.5, 0.35, 0.7), 0.3, 1),
                ("body", "white", (0, -1.8, -0.3), (0.9, 2.0, 0.9), 0.25, 1),
            ),
            "hair": PLUSH | {"cheek": 0.3, "neck": 0.4},
        },
    ),
    "pug": Build(
        muzzle=(0.44, 0.55, -0.36, -0.25, 0.85),
        flews=(0.34, -0.52, 0.33),
        jaw=(0.28, -0.82),
        eye=(0.48, 0.04, 0.17, 0.15),
        slant=-0.1,
        folds=0.06,
        nose=(0.2, 0.13),
        skull=(1.0, 0.85, 0.9),
        cheek=(0.55, -0.35, 0.05, 0.5),
        iris=DARK_EYE,
        brow=(0.36, 0.3, 0.4, 0.33),
        ear=((0.74, 0.68, -0.15), (1.0, 0.5, 0.08), (0.95, 0.1, 0.25)),
        ear_wide=(0.26, 0.26, 0.07),
        ear_faces=(0.8, 0.4, 0.6),
        cup=0,
        neck=(0.85, 1.1),
        coat={
            "base": "fawn",
            "variants": (
                {
                    "fawn": (0.76, 0.62, 0.45),
                    "black": (0.07, 0.06, 0.06),
                    "shade": (0.38, 0.29, 0.21),
                },
                {
                    "fawn": (0.82, 0.70, 0.53),
                    "black": (0.07, 0.06, 0.06),
                    "shade": (0.45, 0.35, 0.25),
                },
            ),
            "layers": (
                ("head", "shade", (0, 0.42, 0.6), (0.35, 0.3, 0.5), 0.6, 0.6),
                ("head", "black", (0, -0.48, 0.9), (0.64, 0.5, 0.7), 0.3, 0.95),
                ("head", "black", (0.47, 0.04, 0.6), (0.32, 0.27, 0.5), 0.45, 0.85),
                ("head", "black", (0, -0.1, 0.9), (0.5, 0.2, 0.5), 0.4, 0.8),
                ("ear", "black", None, None, 0, 0.95),
            ),
            "hair": SHORT
            | {
                "face": 0.05,
                "head": 0.06,
                "cheek": 0.08,
                "neck": 0.1,
                "chest": 0.1,
                "ear": 0.05,
                "lift": 0.15,
            },
        },
    ),
    "rottweiler": Build(
        ear=((0.76, 0.66, -0.2), (1.06, 0.48, -0.02), (1.0, -0.02, 0.15)),
        ear_wide=(0.28, 0.3, 0.1),
        ear_faces=(0.85, 0.3, 0.5),
        cup=0,
        skull=(1.0, 0.82, 0.95),
        cheek=(0.56, -0.3, 0.1, 0.5),
        muzzle=(0.42, 0.54, -0.45, -0.3, 1.3),
        flews=(0.24, -0.6, 0.26),
        nose=(0.25, 0.17),
        iris=DARK_EYE,
        slant=0.05,
        neck=(0.9, 1.2),
        chest=(1.3, 1.3, 1.2),
        coat={
            "base": "black",
            "variants": ({"black": BLACK, "tan": (0.50, 0.26, 0.10)},),
            "layers": POINTS,
            "hair": SHORT | {"sheen": 1.0},
        },
    ),
    "samoyed": Build(
        ear=((0.58, 0.72, -0.25), (0.72, 1.02, -0.3), (0.82, 1.38, -0.3)),
        ear_wide=(0.34, 0.24, 0.05),
        eye=(0.36, 0.1, 0.12, 0.09),
        slant=0.25,
        muzzle=(0.28, 0.46, -0.46, -0.3, 1.35),
        nose=(0.2, 0.14),
        iris=DARK_EYE,
        neck=(0.95, 1.2),
        coat={
            "base": "white",
            "variants": (
                {"white": WHITE, "cream": CREAM},
                {"white": (0.92, 0.88, 0.80), "cream": CREAM},
            ),
            "layers": (("ear", "cream", None, None, 0, 0.3),),
            "hair": PLUSH
            | {
                "face": 0.12,
                "head": 0.28,
                "cheek": 0.55,
                "neck": 0.8,
                "chest": 0.7,
                "ear": 0.16,
                "streak": 0.04,
                "lift": 0.6,
            },
        },
    ),
    "siberian_husky": Build(
        iris=BLUE_EYE,
        others={"iris": BROWN_EYE},
        slant=0.3,
        muzzle=(0.28, 0.44, -0.46, -0.3, 1.45),
        ear=PRICKED,
        ear_wide=(0.32, 0.2, 0.03),
        nose=(0.19, 0.14),
        skull=(0.88, 0.8, 0.92),
        eye=(0.38, 0.13, 0.125, 0.095),
        coat={
            "base": "grey",
            "variants": (
                {"grey": (0.28, 0.27, 0.28), "dark": (0.08, 0.08, 0.085), "white": WHITE},
                {"grey": (0.45, 0.44, 0.44), "dark": (0.16, 0.155, 0.16), "white": WHITE},
            ),
            "layers": (*MASK, *OPEN_FACE),
            "hair": PLUSH | {"cheek": 0.3, "neck": 0.45, "chest": 0.4},
        },
    ),
}
