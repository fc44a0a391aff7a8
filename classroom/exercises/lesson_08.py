"""Exercises of lesson 08: the steps of a competition, tried on leaves that are not the lesson's."""

import sys
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch

from classroom import kinds
from classroom.judge import NotYet, exercise
from classroom.leaves import COLORS, SIZES, plant
from helpers import CourseError, kaggle
from helpers.data import Pictures
from helpers.preprocess import Preprocess

COUNTS = {"tilia_cordata": 14, "acer_rubrum": 10, "quercus_alba": 8}  # the first is the most common
LEAF = Preprocess(16, 20, (0.5,) * 3, (0.5,) * 3, "bicubic")
USUAL = Preprocess(128, 146, (0.5,) * 3, (0.5,) * 3, "bicubic")
NAMES = ["tilia", "acer", "quercus", "betula"]  # not in the order of the alphabet


def validate(file: Path, root: Path) -> None:
    """Raises NotYet with the first mistake in a submission."""
    try:
        kaggle.validate_submission(file, root / "sample_submission.csv")
    except CourseError as error:
        raise NotYet(str(error).replace(f"{root}/", "").replace(f"{root.parent}/", "")) from None


@exercise(
    "08.1",
    takes="root",
    wanted="two things, `return counts, sizes`",
    why="You know how many pictures every number rests on, and whether a species counts for more.",
    hints=(
        "kaggle.read_table reads train.csv; which column holds the species?",
        "value_counts().to_dict() counts a column; data.read_picture(root / id).size is "
        "(width, height).",
    ),
)
def look(function):
    with tempfile.TemporaryDirectory() as folder:
        counts, sizes = function(plant(Path(folder) / "leaves", COUNTS))
    counts = kinds.mapping(counts, str, kinds.number)
    sizes = {tuple(map(int, size)) for size in sizes}
    if any(name.isdigit() for name in counts):
        return "The species are numbers: name them as train.csv does."
    if sum(counts.values()) > sum(COUNTS.values()):
        return "You count pictures that have no species: only those in train.csv have one."
    if counts != COUNTS:
        return "The counts are not those of the train.csv in `root`, which is another one here."
    if sizes == {size[::-1] for size in SIZES}:
        return "These are (height, width): give the width first."
    if not sizes or not sizes <= set(SIZES):
        return "No file has such a size: give (width, height) of the files, before any resizing."
    if sizes != set(SIZES):
        return "Some pictures have another size: look at more of them."
    return None


@exercise(
    "08.2",
    takes="root",
    wanted="a table and a number, `return table, expected`",
    why="The way to a valid file stands before any model does, and every model must beat this.",
    hints=(
        "You need no picture. Which of the tables knows what the answer is worth?",
        "Pretend to have given your one species to the labelled pictures: how many would be right?",
    ),
)
def constant(function):
    with tempfile.TemporaryDirectory() as folder:
        root = plant(Path(folder) / "leaves", COUNTS)
        table, expected = function(root)
        file = Path(folder) / "submission.csv"
        table.to_csv(file, index=False)
        validate(file, root)
    if table["label"].nunique() > 1:
        return "There is more than one species in the column label: answer the same everywhere."
    expected = kinds.number(expected)
    if not 0 <= expected <= 1:
        return "The expected accuracy is no fraction: it lies between 0 and 1."
    if table["label"].iloc[0] != max(COUNTS, key=COUNTS.get):
        return "Another species would be right more often."
    if abs(expected - 1 / len(COUNTS)) < 1e-3:
        return "That holds where all species are equally common, and in this `root` they are not."
    if abs(expected - max(COUNTS.values()) / sum(COUNTS.values())) > 1e-3:
        return f"For the leaves of another `root`, {expected:.3g} is not it."
    return None


@exercise(
    "08.3",
    takes="root preprocess",
    wanted="kaggle.Parts",
    why="What valid says is about pictures that train has never seen, and about every species.",
    hints=(
        "Lesson 05 does this with two calls of helpers.kaggle; one of them gets the preprocess.",
        "kaggle.split makes the table, kaggle.load the parts. The default of valid_fraction is "
        "not a fifth.",
    ),
)
def organise(function):
    with tempfile.TemporaryDirectory() as folder:
        root = plant(Path(folder) / "leaves", COUNTS)
        labels = kaggle.read_layout(root).labels
        truth = {Path(i).name: name for i, name in labels.items()}
        new = {Path(i).name for i in kaggle.read_table(root / "test.csv")["image"]}
        parts = function(root, LEAF)
    if isinstance(parts, tuple) and len(parts) == len(kaggle.Parts._fields):
        parts = kaggle.Parts(*parts)
    if not isinstance(parts, kaggle.Parts):
        return f"It returns {type(parts).__name__}, not kaggle.Parts: see lesson 05, kaggle.load."
    files = {part: [f.name for f in p.files] for part, p in parts._asdict().items()}
    for a, b in (("train", "valid"), ("train_valid", "test")):
        if both := set(files[a]) & set(files[b]):
            return f"{len(both)} pictures are in {a} and in {b}, such as {min(both)}."
    if {*files["train"], *files["valid"]} != set(files["train_valid"]):
        return "train and valid together are not train_valid: pictures are lost or added."
    for part, wanted in (("train_valid", set(truth)), ("test", new)):
        if set(files[part]) != wanted:
            return f"{part} has {len(files[part])} pictures, and its table has {len(wanted)}."
    for part, pictures in parts._asdict().items():
        if len(set(files[part])) < len(pictures):
            return f"A picture appears twice in {part}."
        if pictures.preprocess != LEAF:
            return f"{part} is prepared for another network: hand `preprocess` on to kaggle.load."
    for part in ("train", "valid", "train_valid"):
        pictures = getattr(parts, part)
        names = list(pictures.class_names)
        if names != sorted(COUNTS):
            return f"The class names of {part} are not the species of train.csv, sorted."
        if [names[n] for n in pictures.labels] != [truth[name] for name in files[part]]:
            return f"In {part}, pictures have labels that are not those of train.csv."
        if lacking := set(range(len(names))) - set(pictures.labels.tolist()):
            return f"{part} has no picture of {names[min(lacking)]}: split within each species."
    if not 0.15 <= len(parts.valid) / len(parts.train_valid) <= 0.3:
        return f"valid holds {len(parts.valid)} of {len(truth)} pictures: take about a fifth."
    return None


def colored(per_class: int, preprocess: Preprocess, seed: int) -> Pictures:
    """Returns pictures whose colour tells the species, with noise."""
    labels = torch.arange(len(NAMES)).repeat(per_class)
    generator = torch.Generator().manual_seed(seed)
    size = (len(labels), 3, preprocess.resize, preprocess.resize)
    noise = torch.randint(-40, 40, size, generator=generator)
    pixels = (torch.tensor(COLORS)[labels][:, :, None, None] + noise).clamp(0, 255).to(torch.uint8)
    files = [Path(f"another/{seed}_{i}.jpg") for i in range(len(labels))]
    return Pictures(files, labels, NAMES, preprocess, list(pixels))


@cache
def another_task(preprocess: Preprocess) -> tuple[Pictures, Pictures, torch.Tensor]:
    """Returns what to learn from, what to name (the first four twice), and the right answers."""
    learn, new = colored(4, preprocess, 0), colored(3, preprocess, 1)
    new = new.subset([11, 2, 5, 0, 9, 1, 3, 4, 6, 7, 8, 10, 11, 2, 5, 0])
    hidden = replace(new, labels=torch.zeros_like(new.labels), class_names=["unknown"])
    return learn, hidden, new.labels


def method(name: str, why: str, hints: tuple[str, str]) -> None:
    """Registers a function of pictures to learn from and pictures to name."""
    wanted = "probabilities (pictures, classes)"

    @exercise(name, takes="learn new", wanted=wanted, why=why, hints=hints, patience=30)
    def diagnose(function):
        source = getattr(sys.modules["__main__"], "source", None)  # the lesson's network
        preprocess = getattr(source, "preprocess", USUAL)
        learn, new, truth = another_task(preprocess)
        before = fingerprint(source)
        p = kinds.tensor(function(learn, new)).double()
        if fingerprint(source) != before:
            return (
                "`source` is changed, and every later fold would profit: load a network inside "
                "your function, and run the cell that loads `source` again."
            )
        if p.ndim == 1:
            return "One value per picture, labels perhaps: give a row of probabilities for each."
        if p.shape != (len(new), len(NAMES)):
            return (
                f"The shape is {tuple(p.shape)} for {len(new)} pictures in `new` and {len(NAMES)} "
                "classes in `learn`: use these two alone."
            )
        if not (p.min() >= 0 and torch.allclose(p.sum(1), torch.ones(1).double(), atol=1e-3)):
            return "The rows are no probabilities: from 0 to 1, with the sum 1. A softmax?"
        if p.argmax(1).unique().numel() == 1:
            return "Every picture gets the same answer."
        if (p[:4] - p[12:]).abs().max() > 0.01:
            return (
                "A picture that stands twice in `new` gets two answers: train mode, random views, "
                "or a loader that shuffles?"
            )
        right = (p.argmax(1) == truth).double().mean()
        if right < 0.7:
            return (
                f"{right:.2f} of easy pictures are right. Do labels come from `learn` alone? Is "
                "each loader in order? Are the columns in the order of learn.class_names?"
            )
        return None


def fingerprint(net: object) -> list[float]:
    values = net.state_dict().values() if isinstance(net, torch.nn.Module) else []
    return [value.double().abs().sum().item() for value in values]


method(
    "08.4",
    why="Tested as it will be used: on pictures that it has never seen, without their labels.",
    hints=(
        "Two halves: features of both sets (lesson 04), then a linear layer that learns from one "
        "and answers about the other.",
        "train.extract_features(source, data.loader(pictures, 16)) gives features and labels, in "
        "order. 30 steps of full-batch AdamW on torch.nn.Linear do, or torch.optim.LBFGS.",
    ),
)
method(
    "08.6",
    why="It names pictures that it has never seen, as in step 4; now measure it.",
    hints=(
        "Load a network inside, give it new outputs named learn.class_names, and let recipe."
        "fine_tune train it on `learn`.",
        "Answer with train.predict(net, data.loader(new, 16)). For several views, pass "
        "data.loader an `augment` that turns every picture alike, and take the mean.",
    ),
)


class Spy:
    """A method that knows every answer, and keeps what it was given."""

    def __init__(self, pictures: Pictures):
        random = torch.Generator().manual_seed(3)
        self.answers = torch.rand(len(pictures), len(NAMES), generator=random).softmax(1)
        self.row = {file: i for i, file in enumerate(pictures.files)}
        self.calls: list[tuple[set, list]] = []
        self.classes = len(NAMES)

    def __call__(self, learn: Pictures, new: Pictures) -> torch.Tensor:
        if not (isinstance(learn, Pictures) and isinstance(new, Pictures)):
            raise NotYet("The method is called with two data.Pictures: see Pictures.subset.")
        self.calls.append((set(learn.files), list(new.files)))
        self.classes = min(self.classes, len(learn.labels.unique()))
        return self.answers[[self.row[file] for file in new.files]].clone()


@exercise(
    "08.5",
    takes="method pictures seed",
    wanted="probabilities (pictures, classes)",
    why="Every labelled picture is asked about once, by a classifier that has not learned from it.",
    hints=(
        "kaggle.folds(pictures.labels, 4, seed) gives pairs of row numbers, as in lesson 06.",
        "pictures.subset(rows) takes pictures by number. Put each fold's answers into the rows "
        "that were asked about.",
    ),
)
def out_of_fold(function):
    pictures = colored(6, LEAF, 2)
    pictures = pictures.subset(torch.randperm(len(pictures)).tolist())
    divisions = []
    for seed in (0, 1):
        spy = Spy(pictures)
        result = kinds.tensor(function(spy, pictures, seed))
        if not spy.calls:
            return "The method is never called."
        if any(known & set(asked) for known, asked in spy.calls):
            return "The method is asked about pictures that it has learned from: a leak."
        asked = [file for _, files in spy.calls for file in files]
        if len(spy.calls) == 1 and len(asked) < len(pictures):
            return "Only one fold is asked about: is `return` inside the loop?"
        if sorted(asked) != sorted(pictures.files):
            return f"{len(asked)} questions about {len(pictures)} pictures: ask about each once."
        if any(len(known | set(asked)) < len(pictures) for known, asked in spy.calls):
            return "A fold learns from a part of the others only: give it all of them."
        if spy.classes < len(NAMES):
            return "A fold learns without one of the species: kaggle.folds takes some of each."
        if result.shape != spy.answers.shape:
            return f"The shape is {tuple(result.shape)}, not {tuple(spy.answers.shape)}."
        if not torch.allclose(result.float(), spy.answers, atol=1e-5):
            by_fold = spy.answers[[spy.row[file] for file in asked]]
            if torch.allclose(result.float(), by_fold, atol=1e-5):
                return "The answers stand in the order of the folds: row i is about picture i."
            last = by_fold[-len(spy.calls[-1][1]) :]
            if torch.allclose(result[: len(last)].float(), last, atol=1e-5):
                return "Each fold is put into the first rows again: the fold says which rows it is."
            return "These are not the method's answers: row i is what it said of picture i."
        divisions.append({frozenset(files) for _, files in spy.calls})
    if divisions[0] == divisions[1]:
        return "The folds of seed 0 and seed 1 are the same: does the seed reach kaggle.folds?"
    return None


@exercise(
    "08.7",
    takes="probabilities test class_names sample file",
    wanted="the path of the file",
    why="A file that Kaggle takes, and every id has the answer of its own picture.",
    hints=(
        "Two helpers of lesson 05: one finds the id of each test picture, the other writes.",
        "kaggle.test_ids(test, sample) is in the order of test.files; so are the rows of "
        "probabilities. write_submission wants names, not numbers.",
    ),
)
def submission(function):
    with tempfile.TemporaryDirectory() as folder:
        root, names = plant(Path(folder) / "leaves", COUNTS), sorted(COUNTS)[::-1]
        test = kaggle.load(kaggle.split(root, 0.2), LEAF).test
        test = test.subset([4, 1, 5, 0, 3, 2])
        best = torch.tensor([0, 1, 2, 0, 0, 1])
        probabilities = (torch.eye(3)[best] * 5).softmax(1)
        sample, file = root / "sample_submission.csv", Path(folder) / "submission.csv"
        result = function(probabilities, test, names, sample, file)
        if not isinstance(result, str | Path):
            return f"It returns {type(result).__name__}, not the path of the file."
        if Path(result) != file:
            return "It returns another path than `file`."
        validate(file, root)
        table = kaggle.read_table(file)
    written = dict(zip(table["image"].map(lambda i: Path(i).name), table["label"], strict=True))
    odd = [f.name for f, b in zip(test.files, best, strict=True) if written[f.name] != names[b]]
    if odd:
        return (
            f"{len(odd)} pictures, such as {odd[0]}, got an answer that is not theirs: which order "
            "have the ids, the rows, the class names?"
        )
    return None
