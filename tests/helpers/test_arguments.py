"""Whatever the helpers are handed, a right result comes back, or one sentence with advice."""

import csv
import functools
import io
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from helpers import CourseError, data, kaggle, labels, models, plot, train
from helpers.kaggle import read_table
from helpers.models import read_weights
from tests.conftest import SMALL, SmallNet, is_a_sentence
from tests.helpers.test_kaggle_tables import LABELS, SAMPLE, competition

NAN = float("nan")
HALVES = torch.full((8, 2), 0.5)


@functools.cache
def pictures() -> data.Pictures:
    """Eight pictures of two classes, made without files."""
    decoded = [torch.full((3, 20, 20), 10 * i, dtype=torch.uint8) for i in range(8)]
    files = [Path(f"{i}.png") for i in range(8)]
    return data.Pictures(files, torch.tensor([0, 1] * 4), ["a", "b"], SMALL, decoded)


def net() -> SmallNet:
    torch.manual_seed(0)
    return SmallNet()


def batches(**changes):
    return data.loader(replace(pictures(), **changes), 4)


def three_classes():
    return batches(labels=torch.tensor([0, 1, 2, 1] * 2), class_names=["a", "b", "c"])


def fit(**changes):
    """Trains for an epoch, with something else in place of one of the arguments."""
    own = net()
    arguments = {
        "net": own,
        "train": batches(),
        "valid": None,
        "optimizer": torch.optim.SGD(own.parameters(), 0.1),
        "epochs": 1,
        "quiet": True,
    }
    return train.fit(**{**arguments, **changes})


def written(folder: Path, name: str, content: bytes | str = b"x") -> Path:
    content = content.encode() if isinstance(content, str) else content
    (folder / name).write_bytes(content)
    return folder / name


def weights(folder: Path, value: object) -> Path:
    torch.save(value, folder / "w.pth")
    return folder / "w.pth"


def organize_over_work(folder: Path) -> None:
    work = written(folder, "thesis.txt")
    try:
        kaggle.organize(competition(folder, LABELS), folder=folder)
    finally:
        assert work.read_bytes() == b"x"


def submit(folder: Path, ids=("5", "6"), values=None, name: str = "mine.csv") -> Path:
    sample = written(folder, "sample.csv", SAMPLE)
    values = {"ant": [1.0, 0.0], "bee": [0.0, 1.0]} if values is None else values
    return kaggle.write_submission(ids, values, sample, folder / name)


REFUSED = {  # what is handed over: a call in an empty folder, words of the sentence
    # data
    "a size that is a number": (lambda f: data.chosen_size(3), "3"),
    "an unknown data set": (lambda f: data.find("hotdogs", "drawn"), "hotdogs"),
    "a set that has no small sample": (lambda f: data.find("classify-leaves", "tiny"), "drawn"),
    "no picture's path": (lambda f: data.read_picture(None), "None"),
    "a path with a zero byte": (lambda f: data.read_picture("a\0.jpg"), "a\\x00.jpg"),
    "a path of 5,000 letters": (lambda f: data.read_picture("a" * 5000), "aaaa"),
    "a folder that is a file": (lambda f: data.read_folder(written(f, "x"), SMALL), "x"),
    "a folder that is not there": (lambda f: data.read_folder(f / "none", SMALL), "none"),
    "a limit of 0": (lambda f: data.read_folder(f, SMALL, limit=0), "limit is 0"),
    "a network for a preprocess": (lambda f: data.read_files([], [], ["a"], net()), "SmallNet"),
    "a label too few": (lambda f: data.read_files(["a", "b"], [0], ["a"], SMALL), "2 files"),
    "a label that is a name": (lambda f: data.read_files(["a"], ["a"], ["a"], SMALL), '"a"'),
    "a mask for indices": (lambda f: pictures().subset(pictures().labels == 1), "False"),
    "a split in per cent": (lambda f: data.split(pictures(), 20), "is 20"),
    "a seed of 30 digits": (lambda f: data.few(pictures(), 1, 10**29), "seed is 1000"),
    "a seed of 1.5": (lambda f: data.split(pictures(), 0.5, 1.5), "seed is 1.5"),
    "few of -1": (lambda f: data.few(pictures(), -1), "n is -1"),
    "batches in words": (lambda f: data.loader(pictures(), "8"), '"8"'),
    "batches of a path": (lambda f: data.loader(f), "first argument"),
    "augment that is a text": (lambda f: data.loader(pictures(), augment="flip"), '"flip"'),
    # models, labels
    "a network without name": (lambda f: models.load_pretrained(""), 'network ""'),
    "a million pixels": (lambda f: models.load_pretrained(size=10**6), "1000000"),
    "weights that are not there": (
        lambda f: models.load_pretrained("resnet18", weights=f / "w.pth"), "w.pth"),
    "weights that are a list": (lambda f: read_weights(weights(f, [1, 2]), net()), "w.pth"),
    "weights that are texts": (
        lambda f: read_weights(weights(f, dict.fromkeys(net().state_dict(), "x")), net()), "w.pth"),
    "class names as one text": (lambda f: models.replace_head(net(), "cats"), '"cats"'),
    "a class twice": (lambda f: models.replace_head(net(), ["a", "b", "a"]), '"a"'),
    "a head for nothing": (lambda f: models.replace_head(None, ["a", "b"]), "None"),
    "a bias of NaN": (
        lambda f: models.reuse_rows(net(), ["a", "b"], ["a", "c"], "exact", NAN), "nan"),
    "a learning rate in words": (lambda f: models.param_groups(net(), "1e-3"), '"1e-3"'),
    "a factor below 0": (lambda f: models.param_groups(net(), 0.1, -1), "head_factor is -1"),
    "an unknown way to match": (lambda f: labels.match_labels(["a"], ["a"], "fuzzy"), '"fuzzy"'),
    "a partner that is no class": (lambda f: labels.match_labels(["a"], ["b"], {"b": "x"}), '"x"'),
    "asked with lists": (lambda f: labels.ask([[1]], [0], ["a"], ["a"]), "list"),
    "asked for a share of NaN": (
        lambda f: labels.ask(HALVES, pictures().labels, ["x", "y"], ["a", "b"], NAN), "nan"),
    # train
    "pictures for a loader": (lambda f: fit(train=pictures()), "Pictures"),
    "an optimiser's class": (lambda f: fit(optimizer=torch.optim.SGD), "optimiser"),
    "half an epoch": (lambda f: fit(epochs=0.5), "0.5"),
    "no picture to train on": (lambda f: fit(train=data.loader(pictures().subset([]))), "picture"),
    "more classes than outputs": (lambda f: fit(train=three_classes()), "3 classes"),
    "more classes to evaluate": (lambda f: train.evaluate(net(), three_classes()), "3 classes"),
    "a checkpoint that is a folder": (lambda f: fit(checkpoint=f), "checkpoint"),
    "a checkpoint below a file": (lambda f: fit(checkpoint=written(f, "file") / "c.pt"), "c.pt"),
    "a checkpoint that is a list": (lambda f: fit(checkpoint=weights(f, [1])), "w.pth"),
    # kaggle
    "a folder of nothing": (lambda f: kaggle.organize(f), "labels.csv"),
    "a competition over somebody's work": (organize_over_work, "other files"),
    "a fraction of NaN": (
        lambda f: kaggle.organize(competition(f, LABELS), NAN, folder=f / "out"), "nan"),
    "a folder that nobody organised": (lambda f: kaggle.load(f, SMALL), "organize"),
    "folds of more than there are": (lambda f: kaggle.folds([0, 1] * 4, 5), "k is 5"),
    "folds of names": (lambda f: kaggle.folds(["a", "b"] * 4, 2), '"a"'),
    "ids as a number": (lambda f: submit(f, ids=5), "ids is 5"),
    "answers that are NaN": (lambda f: submit(f, values={"ant": [NAN, 0], "bee": [0, 1]}), "id 5"),
    "a submission into a folder": (lambda f: submit(f, name="../" + f.name), "cannot"),
    "test pictures that a sample lacks": (
        lambda f: kaggle.test_ids(pictures(), written(f, "s.csv", SAMPLE)), "0.png"),
    # plot
    "a grid of nothing": (lambda f: plot.image_grid([]), "empty"),
    "a grid of flat tensors": (lambda f: plot.image_grid([torch.zeros(5, 5)]), "(5, 5)"),
    "curves of a run without name": (lambda f: plot.learning_curves(train.History()), "History"),
    "a label for two": (lambda f: plot.confusion([0], [0, 1], ["a", "b"]), "1 labels"),
    "mistakes of too few": (lambda f: plot.mistakes(pictures(), HALVES[:3]), "(3, 2)"),
    "a spread of numbers": (lambda f: plot.spread({"a": 0.5}, "accuracy"), '"a"'),
    "a table of words": (lambda f: plot.closing_table({"a": ["x"]}), '"x"'),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_used_is_refused_in_one_sentence_that_names_it(tmp_path, monkeypatch, what):
    monkeypatch.chdir(tmp_path)
    call, words = REFUSED[what]
    with pytest.raises(CourseError) as caught:
        call(tmp_path)
    message = str(caught.value)
    assert words in message
    assert is_a_sentence(message) and len(message) < 700, message


FEW = settings(
    max_examples=50,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
NUMBERS = st.integers() | st.integers(-2, 12) | st.floats()
ODD = st.sampled_from([None, True, b"x", object(), np.nan, np.arange(3), torch.eye(2), "0.5"])
ANY = NUMBERS | ODD | st.text(max_size=9) | st.lists(st.integers(-1, 9), max_size=4)
NAMES = st.lists(st.sampled_from(["a", "b", "c", "hotdog", "Hot-Dog", "banana", ""]), max_size=4)
REFUSAL = object()  # in place of a result


def result(function, *arguments):
    """Returns what the function returns, or REFUSAL after a CourseError with a good sentence."""
    try:
        return function(*arguments)
    except CourseError as error:
        assert is_a_sentence(str(error)), error
        return REFUSAL


def are_names(value: object) -> bool:
    texts = isinstance(value, list) and all(isinstance(name, str) for name in value)
    return texts and len(set(value)) == len(value) > 0


def encoded(kind: str) -> bytes:
    noise = np.random.default_rng(0).integers(0, 255, (12, 16, 3)).astype("uint8")
    file = io.BytesIO()
    Image.fromarray(noise).save(file, kind)
    return file.getvalue()


FORMATS = {kind: encoded(kind) for kind in ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM")}


@pytest.mark.filterwarnings("ignore")
@settings(FEW, max_examples=150)
@given(
    st.sampled_from(sorted(FORMATS)),
    st.lists(st.tuples(st.floats(0, 1) | st.floats(0, 0.01), st.integers(0, 255)), max_size=4),
    st.floats(0, 2),
)
def test_a_damaged_picture_is_read_or_refused(tmp_path, kind, changes, kept):
    content = bytearray(FORMATS[kind])
    for place, value in changes:
        content[int(place * (len(content) - 1))] = value
    file = written(tmp_path, "x.jpg", bytes(content[: int(kept * len(content))]))
    picture = result(data.read_picture, file)
    assert picture is REFUSAL or (picture.mode == "RGB" and min(picture.size) > 0)


@FEW
@given(st.floats(0, 1) | ANY, st.integers(0, 9) | ANY)
@example(0.25, 3)
def test_a_split_loses_nothing_or_is_refused(fraction, seed):
    parts = result(data.split, pictures(), fraction, seed)
    if parts is REFUSAL:
        known_seed = type(seed) is int and 0 <= seed < 2**63
        assert not (known_seed and isinstance(fraction, float) and 0 < fraction < 1)
        return
    assert sorted(file for part in parts for file in part.files) == pictures().files
    held_out = min(max(1, round(4 * float(fraction))), 3)
    assert Counter(parts[1].labels.tolist()) == {0: held_out, 1: held_out}


@FEW
@given(st.lists(st.integers(0, 7) | NUMBERS, max_size=5) | ANY)
@example([7, 0, 7])
def test_a_subset_holds_the_pictures_at_these_indices_or_is_refused(indices):
    part = result(pictures().subset, indices)
    numbers = getattr(indices, "tolist", lambda: indices)()
    usable = isinstance(numbers, list) and all(type(i) is int and 0 <= i < 8 for i in numbers)
    assert (part is not REFUSAL) == usable
    assert part is REFUSAL or [int(file.stem) for file in part.files] == numbers


@FEW
@given(st.lists(st.integers(-1, 2), max_size=3), NAMES | ANY)
@example([1, 0], ["a", "b"])
def test_files_need_a_label_each_and_a_name_for_each_label(tmp_path, numbers, names):
    file = written(tmp_path, "x.png", FORMATS["PNG"])
    read = result(data.read_files, [file] * 2, numbers, names, SMALL)
    usable = are_names(names) and len(numbers) == 2 and all(0 <= i < len(names) for i in numbers)
    assert (read is not REFUSAL) == usable


@FEW
@given(NAMES | ANY)
@example(["a", "b", "c"])
def test_a_new_head_has_an_output_for_each_class_or_the_old_one_stays(names):
    own = net()
    new = result(models.replace_head, own, names)
    assert (new is not REFUSAL) == (are_names(names) and len(names) > 1)
    assert models.output_layer(own)[1].out_features == (2 if new is REFUSAL else len(names))


@FEW
@given(NAMES | ANY, NAMES | ANY, st.sampled_from(["exact", "synonyms", {"a": "b"}]) | ANY)
@example(["hotdog", "banana"], ["Hot-Dog", "a"], "exact")
def test_every_class_has_a_partner_among_the_source_classes_or_none(source, target, match):
    partners = result(labels.match_labels, source, target, match)
    if partners is not REFUSAL:
        assert [row.target for row in partners] == target
        assert {row.source for row in partners} <= {*source, None}
    own = net()
    kept = own[-1].weight.clone()
    rows = result(models.reuse_rows, own, source, target, match)
    assert rows == partners if rows is not REFUSAL else own[-1].weight.equal(kept)


CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=5)


@FEW
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6))
def test_a_table_comes_back_as_it_was_written(tmp_path, rows):
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([("id", "label"), *rows])
    file = written(tmp_path, "x.csv", text.getvalue())
    assert read_table(file, ["id", "label"]).values.tolist() == [list(row) for row in rows]


SHARES = st.sampled_from(["0", "1", "0.5", "nan", "inf", "-1", "x", "", "1e999", "0.4999999"])


@FEW
@given(st.lists(st.tuples(st.sampled_from(["5", "6", "7"]), SHARES, SHARES), max_size=3))
@example([("6", "0.5", "0.5"), ("5", "0", "1")])
def test_a_submission_is_accepted_only_if_it_is_one(tmp_path, rows):
    text = "id,ant,bee\n" + "".join(",".join(row) + "\n" for row in rows)
    mine, sample = written(tmp_path, "m.csv", text), written(tmp_path, "s.csv", SAMPLE)
    sums = [sum(float(v) if v not in ("x", "") else math.nan for v in row[1:]) for row in rows]
    usable = all(abs(s - 1) < 1e-3 for s in sums) and not any("-1" in row for row in rows)
    usable = usable and sorted(row[0] for row in rows) == ["5", "6"]
    assert (result(kaggle.validate_submission, mine, sample) is not REFUSAL) == usable


@FEW
@given(ANY | st.just(["5", "6"]), ANY | st.fixed_dictionaries({"ant": ANY, "bee": ANY}))
@example(["6", "5"], {"ant": [1.0, 0.5], "bee": [0.0, 0.5]})
def test_a_submission_is_written_whole_or_not_at_all(tmp_path_factory, ids, values):
    folder = tmp_path_factory.mktemp("out")
    refused = result(submit, folder, ids, values) is REFUSAL
    names = {path.name for path in folder.iterdir()}
    assert names == ({"sample.csv"} if refused else {"sample.csv", "mine.csv"})
