"""What goes wrong in the steps of lesson 08, and words of the diagnosis that each must get."""

from dataclasses import replace

import torch

from helpers import data, kaggle


def table_of(root):
    return kaggle.read_table(root / "train.csv")


def look(root, sizes=None, counts=None):
    every = {data.read_picture(file).size for file in (root / "images").iterdir()}
    return counts or table_of(root)["label"].value_counts().to_dict(), sizes or every


def unnamed_too(root):
    return look(root, counts={"tilia": len(list((root / "images").iterdir()))})


def transposed(root):
    return look(root, {(height, width) for width, height in look(root)[1]})


def constant(root, species=0, expected=None, rows=None):
    shares = table_of(root)["label"].value_counts(normalize=True)
    table = kaggle.read_table(root / "test.csv").head(rows or 99)
    guess = shares.iloc[species] if expected is None else expected
    return table.assign(label=shares.index[species]), guess


def varied(root):
    table, expected = constant(root)
    return table.assign(label=sorted(set(table_of(root)["label"])) * 2), expected


def parts_of(root, wants, fraction=0.2, **changed):
    parts = kaggle.load(kaggle.split(root, fraction), wants)
    return parts._replace(**{name: change(parts) for name, change in changed.items()})


def shifted(parts):
    return replace(parts.train, labels=(parts.train.labels + 1) % 3)


def lacking(root, wants):
    whole = parts_of(root, wants).train_valid
    rows = whole.labels.argsort(stable=True).tolist()
    return parts_of(root, wants)._replace(
        train=whole.subset(rows[:12]), valid=whole.subset(rows[12:])
    )


def mean_colors(pictures):
    return torch.stack([p.float().mean((1, 2)) for p, _ in pictures])


def nearest(learn, new):
    """Right: probabilities by the distance to the mean colour of each species."""
    colors, labels = mean_colors(learn), learn.labels
    centres = torch.stack([colors[labels == k].mean(0) for k in range(len(learn.class_names))])
    return (-torch.cdist(mean_colors(new), centres) / 20).softmax(1)


def by_alphabet(learn, new):
    names = learn.class_names
    return nearest(learn, new)[:, sorted(range(len(names)), key=names.__getitem__)]


def in_train_mode(learn, new):
    batches = mean_colors(new).split(12)  # each is normalised by itself
    normal = torch.cat([(batch - batch.mean(0)) / batch.std(0) for batch in batches])
    signs = torch.tensor([[1.0, -1, -1, 1], [-1, 1, -1, 1], [-1, -1, 1, -1]])
    return (normal @ signs).softmax(1)


def folded(method, pictures, seed, k=4, learn=None, position=False, kept=None, held_of=None):
    result = torch.zeros(len(pictures), 4)
    row = 0
    for known, held in kaggle.folds(pictures.labels, k, seed)[:kept]:
        known = known if learn is None else learn(known, held)
        said = method(pictures.subset(known), pictures.subset(held))
        if position:
            result[row : row + len(held)] = said
        else:
            result[held] = said
        row += len(held)
    return result


def first_fold(method, pictures, seed):
    return folded(method, pictures, seed, kept=1)


def into_the_first_rows(method, pictures, seed):
    result = torch.zeros(len(pictures), 4)
    for known, held in kaggle.folds(pictures.labels, 4, seed):
        result[: len(held)] = method(pictures.subset(known), pictures.subset(held))
    return result


def by_position(method, pictures, seed):
    order = torch.arange(len(pictures))
    parts = order.chunk(4)
    answers = [
        method(
            pictures.subset([i for i in order.tolist() if i not in set(part.tolist())]),
            pictures.subset(part.tolist()),
        )
        for part in parts
    ]
    return torch.cat(answers)


def handed_in(p, test, names, sample, file, ids=None, species=None):
    ids = kaggle.test_ids(test, sample) if ids is None else ids
    species = [names[i] for i in p.argmax(1)] if species is None else species
    table = kaggle.read_table(sample).iloc[: len(ids)].assign(image=ids, label=species)
    table.to_csv(file, index=False)
    return file


METHODS = [
    (lambda learn, new: nearest(learn, new).argmax(1), "One value per picture"),
    (lambda learn, new: nearest(learn, new) * 100, "no probabilities"),
    (lambda learn, new: nearest(learn, new)[:12], "these two alone"),
    (lambda learn, new: nearest(learn, new).flip(0), "in order"),
    (lambda learn, new: torch.full((len(new), 4), 0.25), "same answer"),
    (by_alphabet, "order of learn.class_names"),
    (in_train_mode, "gets two answers: train mode"),
    (lambda learn, new: nearest(learn, learn), "in order"),
]
WRONG = {
    "08.1": [
        (lambda root: look(root)[0], "two things"),
        (lambda root: look(root, counts={"0": 7, "1": 5, "2": 4}), "numbers: name them"),
        (unnamed_too, "no species"),
        (lambda root: look(root, counts={"acer": 16}), "another one here"),
        (transposed, "width first"),
        (lambda root: look(root, {(128, 128)}), "before any resizing"),
        (lambda root: look(root, {(40, 30)}), "look at more"),
    ],
    "08.2": [
        (varied, "more than one species"),
        (lambda root: constant(root, rows=4), "missing"),
        (lambda root: constant(root, species=2), "Another species"),
        (lambda root: constant(root, expected=1 / 3), "equally common"),
        (lambda root: constant(root, expected=0.1), "0.1 is not it"),
        (lambda root: constant(root, expected=44), "no fraction"),
    ],
    "08.3": [
        (lambda root, wants: kaggle.split(root, 0.2), "DataFrame, not kaggle.Parts"),
        (lambda root, wants: parts_of(root, wants.at(32)), "another network"),
        (lambda root, wants: parts_of(root, wants, train=shifted), "not those of train.csv"),
        (lambda root, wants: parts_of(root, wants, train=lambda p: p.valid), "in train and in"),
        (lambda root, wants: parts_of(root, wants, test=lambda p: p.valid), "train_valid and in"),
        (
            lambda root, wants: parts_of(root, wants, train=lambda p: p.train.subset([0, 1])),
            "lost or added",
        ),
        (lambda root, wants: parts_of(root, wants, 0.5), "take about a fifth"),
        (lacking, "train has no picture of"),
    ],
    "08.4": METHODS,
    "08.5": [
        (lambda *a: folded(*a, learn=lambda known, held: held), "a leak"),
        (lambda *a: folded(*a, kept=3), "ask about each once"),
        (first_fold, "inside the loop"),
        (into_the_first_rows, "into the first rows again"),
        (lambda m, p, seed: folded(m, p, 0), "does the seed reach"),
        (lambda *a: folded(*a, position=True), "order of the folds"),
        (lambda *a: folded(*a, learn=lambda known, held: known[::2]), "all of them"),
        (lambda *a: folded(*a).argmax(1), "The shape is (24,)"),
        (lambda *a: folded(*a) * 2, "what it said of picture i"),
        (by_position, "does the seed reach"),
        (lambda m, p, seed: torch.zeros(24, 4), "never called"),
    ],
    "08.6": METHODS,
    "08.7": [
        (
            lambda p, t, n, s, f: handed_in(p, t, n, s, f, ids=sorted(kaggle.test_ids(t, s))),
            "not theirs",
        ),
        (lambda p, t, n, s, f: handed_in(p, t, sorted(n), s, f), "not theirs"),
        (
            lambda p, t, n, s, f: handed_in(p, t, n, s, f, species=p.argmax(1).tolist()),
            "no such label",
        ),
        (lambda p, t, n, s, f: handed_in(p, t, n, s, f) and 1, "int, not the path"),
        (lambda p, t, n, s, f: "nowhere.csv", "another path"),
    ],
}


def probe(learn, new):
    """Another right method: least squares on colours."""
    x = torch.cat([mean_colors(learn), torch.ones(len(learn), 1)], 1) / 255
    y = torch.eye(len(learn.class_names))[learn.labels]
    rows = torch.cat([mean_colors(new), torch.ones(len(new), 1)], 1) / 255
    return (10 * rows @ torch.linalg.lstsq(x, y).solution).softmax(1).numpy()


RIGHT = {
    "08.1": [(look, "")],
    "08.2": [(constant, "")],
    "08.3": [
        (parts_of, ""),
        (lambda root, wants: parts_of(root, wants, 0.25), ""),
        (lambda root, wants: tuple(parts_of(root, wants)), ""),
    ],
    "08.4": [(nearest, ""), (probe, ""), (lambda *a: nearest(*a).tolist(), "")],
    "08.5": [(folded, ""), (lambda *a: folded(*a, k=6).numpy(), "")],
    "08.6": [(nearest, "")],
    "08.7": [(handed_in, ""), (lambda *a: str(handed_in(*a)), "")],
}
