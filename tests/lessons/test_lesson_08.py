"""Lesson 08 gives a frame; its checks know an answer from none, and right from wrong."""

import traceback
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from helpers import data, kaggle
from helpers.preprocess import Preprocess
from tests.conftest import SmallNet
from tests.lessons.test_lessons import NOTEBOOKS, code_cells, outputs, read

SMALL = Preprocess(16, 16, (0.5,) * 3, (0.5,) * 3, "bilinear")
ROOT = data.FOLDER / "drawn" / "classify-leaves"
STEPS = ["look", "constant", "organise", "linear", "cross_validate", "improved", "submission"]


def sources(name: str, kind: str = "") -> dict[str, str]:
    return {
        c.id: c.source for c in code_cells(read(name)) if kind in ("", *c.metadata.get("tags", []))
    }


def steps(name: str) -> dict[str, str]:
    """The cells that a student fills, by the name of the function in them."""
    found = sources(name, "step").values()
    return {cell.split("(")[0].removeprefix("def "): cell for cell in found}


@pytest.fixture(scope="module")
def frame():
    """What the lesson gives, on small pictures and without a network."""
    space = {"data": data, "kaggle": kaggle, "np": np, "pd": pd, "torch": torch}
    space |= {"replace": replace, "Path": Path, "root": ROOT, "sample": kaggle.find_sample(ROOT)}
    space |= {
        "traceback": traceback,
        "Image": Image,
        "CourseError": data.CourseError,
        "labels": kaggle.read_layout(ROOT).labels,
    }
    for slug, cell in sources("08").items():
        if "-check" in slug or "rules" in slug or "spy" in slug:
            exec(cell, space)
    exec(sources("08")["08-linear-given"], space)  # hidden, disguised
    exec(sources("08")["08-organise-net"].split("\n\n")[1], space)  # fingerprint
    space["source"] = SmallNet(10)
    space["pristine"] = space["fingerprint"](space["source"])
    return space


@pytest.fixture
def parts(frame, tmp_path):
    made = kaggle.load(kaggle.organize(ROOT, 0.2, folder=tmp_path / "leaves"), SMALL)
    frame |= {"parts": made, "FILE": tmp_path / "leaves.csv"}
    exec(sources("08")["08-linear-sets"], frame)  # learn, valid, ask, whole, unknown
    return made


@pytest.fixture
def states(frame, capsys):
    """states(step, check, *given): what `attempt` prints."""

    def ask(step, check, *given) -> str:
        result = frame["attempt"](step, frame[check], *given)
        said = capsys.readouterr().out
        assert (result is ...) == (": right" not in said)
        return said

    return ask


def test_unfilled_every_step_is_not_attempted_or_waits():
    told = "".join(o.text for o in outputs(read("08")) if o.output_type == "stream")
    assert list(steps("08")) == STEPS == list(steps("solutions/08"))
    for step in (*STEPS, "final_method"):
        assert f"{step}: not attempted" in told or f"{step}: waits for an earlier step" in told
    assert ": right" not in told and ": not yet" not in told
    assert "Not scored" in told


@pytest.mark.parametrize("step", STEPS)
def test_a_stub_is_not_attempted_and_nothing_is_not_yet(step, states, frame):
    space = {}
    exec(steps("08")[step], space)
    check = {"linear": "check_method", "improved": "check_method", "cross_validate": "check_cross"}
    check = check.get(step, f"check_{step}")
    count = space[step].__code__.co_argcount
    assert states(space[step], check, *[0] * count) == f"{step}: not attempted\n"
    assert states(space[step], check, *[0] * (count - 1), ...).endswith(
        "waits for an earlier step\n"
    )

    def nothing(*_):
        return None

    def breaks(*_):
        raise ZeroDivisionError("no")

    assert "return" in states(nothing, check, *[0] * count)
    told = states(breaks, check, *[0] * count)
    assert 'in its line `raise ZeroDivisionError("no")` with ZeroDivisionError: no' in told
    for odd in (3, "text", [], object(), torch.zeros(2), {"a": 1}):
        assert ": not yet: " in states(lambda *_, odd=odd: odd, check, *[0] * count)


def test_the_given_cells_are_the_same_in_the_solution():
    """What a student fills or sets may differ, nothing else; what is about 176 species is left."""
    ours, theirs = sources("08"), sources("solutions/08")
    ours = {slug: cell for slug, cell in ours.items() if not slug.startswith("08-full")}
    assert ours.keys() <= theirs.keys()
    differ = {slug.removeprefix("08-") for slug in ours if ours[slug] != theirs[slug]}
    steps_ = {slug.removeprefix("08-") for slug in sources("08", "step")}
    assert differ - steps_ <= {
        "look-state",
        "constant-state",
        "mistakes-show",
        "score-run",
        "league-line",
    }


def test_the_solution_is_right_in_every_step():
    told = "".join(o.text for o in outputs(read("solutions/08")) if o.output_type == "stream")
    for step in (*STEPS, "final_method"):
        assert f"{step}: right. " in told
    assert "not yet" not in told and "not attempted" not in told


def solved(step: str, frame: dict):
    exec(steps("solutions/08")[step], frame)
    return frame[step]


# ---- step 1 ----
def counted(frame) -> dict:
    return pd.Series(frame["labels"]).value_counts().to_dict()


def test_look_says_what_is_wrong(frame, states):
    right, size = counted(frame), {(160, 160)}
    assert "look: right" in states(solved("look", frame), "check_look", ROOT)
    for answer, told in (
        ((pd.Series(frame["labels"]).value_counts(), [(160, 160)]), ": right"),
        (right, "dict, not two things: `return counts, sizes`"),
        ((right, (160, 160)), "a set of (width, height)"),
        ((right, size | {(224, 224)}), "before any resizing"),
        ((right, set()), "no file has such a size"),
        ((dict.fromkeys(range(10), 14), size), "numbers"),
        ((dict.fromkeys(right, 22), size), "you count 220 pictures: only those in train.csv"),
        (({"quercus_alba": 14}, size), "1 species with 14 pictures"),
        ((right, {(3, 160)}), "before any resizing"),
        ((right, {(183, 183)}), "before any resizing"),
    ):
        assert told in states(lambda root, answer=answer: answer, "check_look", ROOT)


# ---- step 2 ----
def test_constant_says_what_is_wrong(frame, parts, states):
    table = kaggle.read_table(frame["sample"]).assign(label="tilia_americana")
    assert "constant: right" in states(solved("constant", frame), "check_constant", ROOT)
    stems = table.assign(image=[Path(i).name for i in table["image"]])
    for answer, told in (
        (table, "DataFrame, not two things: `return table, expected`"),
        ((table.reset_index(), 0.1), "has the columns index, image, label"),
        ((table.rename(columns={"image": "id"}), 0.1), "should have image, label"),
        ((table.assign(label="8"), 0.1), "there is no such label"),
        ((stems, 0.1), "the sample has no such id"),
        ((table.head(70), 0.1), "is missing"),
        (
            (kaggle.read_table(frame["sample"]).assign(label=sorted(counted(frame)) * 8), 0.1),
            "more",
        ),
        ((table, 10), "fraction"),
        ((table, 0.5), "how often"),
    ):
        assert told in states(lambda root, answer=answer: answer, "check_constant", ROOT)


# ---- step 3 ----
@pytest.mark.trap("leaks: a picture in train and in valid")
def test_organise_says_what_is_wrong(frame, parts, states):
    whole, first = parts.train_valid, parts.train_valid.labels.numpy().argsort(kind="stable")
    numbers = [str(i) for i in range(10)]
    numbered = [replace(part, class_names=numbers) for part in parts[:3]]
    shifted = [replace(part, labels=(part.labels + 1) % 10) for part in parts[:3]]
    mirrored = [replace(part, class_names=part.class_names[::-1]) for part in parts[:3]]
    other = [replace(part, preprocess=SMALL.at(32)) for part in parts]
    for answer, told in (
        (parts, "right"),
        (tuple(parts), "tuple, not kaggle.Parts"),
        (kaggle.Parts(*shifted, parts.test), "such as 0.jpg, are not what train.csv says"),
        (kaggle.Parts(*mirrored, parts.test), "not the species of train.csv, sorted"),
        (kaggle.Parts(*other), "another network"),
        (parts._replace(train=parts.train.subset([*range(110), 0])), "twice in train"),
        (
            parts._replace(train=whole.subset(first[:112]), valid=whole.subset(first[112:])),
            "train has no picture of",
        ),
        (parts._replace(valid=whole.subset(range(0, 140, 5))), "in train and in valid, such as"),
        (parts._replace(test=whole), "in train_valid and in test"),
        (parts._replace(train=parts.train.subset(range(80))), "lost or added"),
        (kaggle.Parts(*numbered, parts.test), "not the species"),
        (parts._replace(test=parts.test.subset(range(70))), "test has 70"),
        (
            parts._replace(train=whole.subset(first[:112]), valid=whole.subset([*first[112:]])),
            "no picture of",
        ),
        (kaggle.Parts(*data.split(whole, 0.6), whole, parts.test), "about a fifth"),
    ):
        assert told in states(lambda *_, answer=answer: answer, "check_organise", ROOT, SMALL)


# ---- steps 4 and 6 ----
@pytest.fixture
def right(frame, parts):
    """The right answers to `ask`, hidden as they are: probabilities (38, 10)."""
    place = dict(zip(parts.valid.files, parts.valid.labels.tolist(), strict=True))
    return torch.eye(10)[[9 - place[file] for file in frame["ask"].files]] * 0.9 + 0.01


@pytest.fixture
def method(frame, states):
    def ask(answer) -> str:
        step = answer if callable(answer) else lambda *_: answer
        return states(step, "check_method", frame["learn"], frame["ask"])

    return ask


def test_a_method_says_what_is_wrong(frame, right, method):
    learn, ask = frame["learn"], frame["ask"]
    assert not ask.labels.any() and ask.class_names == ["unknown"] and len(ask) == 38
    for answer, told in (
        (right, "right"),
        (right.numpy(), "right"),
        (right.argmax(1), "one value a picture"),
        ([learn.class_names[i] for i in right.argmax(1)], "one value a picture"),
        (right.T, "the shape is (10, 38)"),
        (right[:20], "the shape is (20, 10)"),
        (right[:, :1], "the shape is (38, 1)"),
        (right * 100, "no probabilities"),
        (right - 0.5, "no probabilities"),
        (right * float("nan"), "no probabilities"),
        (right.clone().requires_grad_(), "detach"),
        (torch.full((38, 10), 0.1), "same answer"),
    ):
        assert told in method(answer)


@pytest.mark.trap("leaks: labels and pictures from elsewhere")
def test_a_method_that_takes_labels_from_elsewhere_is_found_out(frame, parts, right, method):
    own = torch.eye(10)[parts.valid.labels] * 0.9 + 0.01
    again = [*range(30), *range(8)]
    assert "the shape is (30, 10)" in method(own)
    assert "from `learn` and `new` alone" in method(own[again])
    assert "columns in the order of learn.class_names" in method(right.flip(1))
    ordered = parts.valid.subset(range(29, -1, -1)).subset(again)
    assert frame["ask"].files == ordered.files
    assert frame["learn"].class_names == parts.train.class_names[::-1]
    assert [frame["learn"].class_names[n] for n in frame["learn"].labels] == [
        file.parent.name for file in frame["learn"].files
    ]


@pytest.mark.trap("forgotten eval mode")
@pytest.mark.parametrize("batch_size", [16, 32])
def test_a_method_in_train_mode_is_found_out(batch_size, frame, method):
    torch.manual_seed(0)
    net = SmallNet(10, dropout=0)

    def answer(learn, new):
        said = [net.train()(p).softmax(1) for p, _ in data.loader(new, batch_size)]
        said = torch.cat(said).detach() ** 8  # an untrained network is sure of nothing
        return said / said.sum(1, keepdims=True)

    assert "gets two answers: train mode" in method(answer)


@pytest.mark.trap("leaks: a network that goes on from fold to fold")
def test_a_method_that_changes_the_loaded_network_is_found_out(frame, right, method):
    def answer(learn, new):
        frame["source"].train()(next(iter(data.loader(new, 16)))[0])  # BatchNorm counts
        return right

    before = {name: value.clone() for name, value in frame["source"].state_dict().items()}
    assert "`source` is changed" in method(answer)
    frame["source"].load_state_dict(before)
    assert ": right" in method(right)


# ---- step 5 ----
def folded(frame, pictures, seeds, *, method, k=4, leak=False, same=False, count=None):
    accuracies = []
    for seed in seeds:
        right = []
        for known, asked in kaggle.folds(pictures.labels, k, 0 if same else seed)[:count]:
            learn = pictures if leak else pictures.subset(known)
            said = method(learn, frame["hidden"](pictures.subset(asked))).argmax(1)
            right += (said == pictures.labels[asked]).tolist()
        accuracies.append(np.mean(right))
    return accuracies


@pytest.mark.trap("leaks: asked about what was learned")
def test_cross_validation_says_what_is_wrong(frame, parts, states):
    def ask(step):
        whole = parts.train_valid
        return states(step, "check_cross", frame["Spy"](whole), whole, range(2))

    def with_(change=lambda x: x, **how):
        return lambda m, p, s: change(folded(frame, p, s, method=m, **how))

    assert "cross_validate: right" in ask(solved("cross_validate", frame))
    assert ": right" in ask(with_(k=7))
    assert "learned from: a leak" in ask(with_(leak=True))
    assert "ask about each picture once" in ask(with_(count=1))
    assert "folds repeat" in ask(with_(same=True))
    assert "one number for each seed" in ask(with_(np.mean))
    assert "0 to 1" in ask(with_(lambda x: [100 * a for a in x]))
    assert "share of right answers" in ask(with_(lambda x: [1 - a + 0.2 for a in x]))
    assert "0 questions" in ask(lambda m, p, s: [0.5, 0.5])


# ---- step 7 ----
@pytest.mark.trap("ids by position")
def test_submission_says_what_is_wrong(frame, parts, states):
    names, sample, file = parts.train.class_names, frame["sample"], frame["FILE"]
    probabilities = torch.eye(10)[torch.arange(80) * 7 % 10]
    species = [names[i] for i in probabilities.argmax(1)]
    ids = kaggle.test_ids(parts.test, sample)

    def write(ids, labels):
        def step(*_):
            pd.DataFrame({"image": ids, "label": labels}).to_csv(file, index=False)
            return file

        return states(step, "check_submission", probabilities, parts.test, names)

    def stale(*_):
        file.unlink()  # as the cell does before it asks
        return file

    given = (probabilities, parts.test, names)
    assert frame["unknown"].files == parts.test.files[::-1]
    assert "DataFrame, not the path" in states(
        lambda *_: pd.DataFrame(), "check_submission", *given
    )
    assert ": right" in states(solved("submission", frame), "check_submission", *given)
    assert "There is no file" in states(stale, "check_submission", *given)
    assert ": right" in write(ids[::-1], species[::-1])
    assert "got an answer that is not theirs" in write(ids[::-1], species)
    assert "got an answer that is not theirs" in write(ids, species[1:] + species[:1])
    assert "there is no such label" in write(ids, probabilities.argmax(1).tolist())
    assert "is missing" in write(ids[:-1], species[:-1])
    assert "There is no file" in states(lambda *_: "nowhere.csv", "check_submission", *given)


def test_a_check_does_not_tell_the_answer(frame, parts, states):
    """None of the diagnoses names a species' count, an accuracy that was expected or a class."""
    told = states(lambda root: ({"quercus_alba": 1}, {(1, 1)}), "check_look", ROOT)
    told += states(lambda root: (counted(frame), {(1, 1)}), "check_look", ROOT)
    table = kaggle.read_table(frame["sample"]).assign(label="tilia_americana")
    told += states(lambda root: (table, 0.5), "check_constant", ROOT)
    for secret in ("14 ", "160", "0.1", "10 species", "acer_"):
        assert secret not in told.replace("1 species with 1 pictures", "")


# ---- the solution ----
def test_the_submission_of_the_solution_is_valid_and_scored(numbers):
    found = numbers("solutions/08")
    assert found["submission, test accuracy"] >= 0.78  # 0.86, and two standard errors for luck
    assert found["submission, test accuracy"] * 80 == pytest.approx(
        round(found["submission, test accuracy"] * 80), abs=0.01
    )


def test_the_solution_reaches_the_milestones_that_the_lesson_names(numbers):
    found = numbers("solutions/08")
    text = "\n".join(c.source for c in read("08").cells)
    assert found["pixels + linear classifier"] < 0.2
    assert 0.74 <= found["features + linear classifier"] <= 0.87
    assert "| 0.84 to 0.89 |" in text and found["improved"] >= 0.83
    assert found["improved"] > found["features + linear classifier"] + 0.03


def test_turned_copies_help_and_a_larger_c_is_part_of_it(numbers):
    found = numbers("solutions/08")
    plain = found["features + linear classifier"]
    assert found["learned four ways"] > plain + 0.01
    assert found["upright, C = 0.04"] > plain
    assert found["learned and asked four ways"] > found["upright, C = 0.1"]


def test_the_leak_looks_like_a_triumph():
    told = "".join(o.text for o in outputs(read("solutions/08")) if o.output_type == "stream")
    leak = float(told.split("copies divided: ")[1].split(";")[0])
    assert leak > 0.95


def test_the_lesson_shows_the_way_to_the_solution():
    cells = read("08").cells
    assert "solutions/08_your_turn_leaves.ipynb" in cells[-1].source
    assert "Try it yourself first" in cells[-1].source
    assert (NOTEBOOKS / "solutions" / "08_your_turn_leaves.ipynb").exists()
