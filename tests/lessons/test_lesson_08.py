"""Lesson 08 gives a frame; its checks know an answer from none, and right from wrong."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from classroom.commands import find_lessons
from classroom.run import run_lessons
from helpers import data, kaggle
from tests.conftest import SmallNet, committed_numbers
from tests.lessons.committed import code_cells, printed, read, standard_errors_between

LEAVES = 600  # labelled, all of them asked in cross-validation
MILESTONES = ("features + linear classifier", "learned and asked four ways", "improved")
CHECKS = {  # of each step, in the order of the lesson
    "look": "check_look",
    "constant": "check_constant",
    "organise": "check_organise",
    "linear": "check_method",
    "cross_validate": "check_cross",
    "improved": "check_method",
    "submission": "check_submission",
}
# cells that need no step
READY = "08-(start|setup|task-files|rules-|.*-check|.*-spy|organise-net|linear-given)"
OWN_CELLS = {"look-state", "constant-state", "mistakes-show", "score-run", "league-line"}


def cells(lesson: str, tag: str = "") -> dict[str, str]:
    """Returns the source of each code cell (with this tag) by its id."""
    every = code_cells(read(lesson))
    return {c.id: c.source for c in every if not tag or tag in c.metadata.get("tags", [])}


def steps(lesson: str) -> dict[str, str]:
    """Returns the cells that a student fills, by the name of the function in them."""
    return {re.match(r"def (\w+)", c)[1]: c for c in cells(lesson, "step").values()}


@pytest.fixture(scope="module")
def frame(tmp_path_factory):
    """The names of the lesson after its given cells have run, with the pictures organised."""
    folder, space = tmp_path_factory.mktemp("leaves"), {}
    with pytest.MonkeyPatch.context() as changed:
        changed.setenv("COURSE_SIZE", "drawn")
        for cell_id, source in cells("08").items():
            if re.match(READY, cell_id):
                exec(source, space)
    root, wants = space["root"], space["source"].preprocess.at(16)
    space["source"].preprocess = wants  # small pictures are enough for checks
    space |= {"labels": kaggle.read_layout(root).labels, "FILE": folder / "submission.csv"}
    space["parts"] = kaggle.load(kaggle.split(root, 0.2), wants)
    exec(cells("08")["08-linear-sets"], space)  # learn, valid, ask, whole, unknown
    return space


@pytest.fixture
def arguments(frame):
    """What each step and its check get."""
    root, whole, test = frame["root"], frame["whole"], frame["parts"].test
    method = (frame["learn"], frame["ask"])
    probabilities = torch.eye(10)[torch.arange(400) * 7 % 10]
    return {
        "look": (root,),
        "constant": (root,),
        "organise": (root, frame["source"].preprocess),
        "linear": method,
        "cross_validate": (frame["Spy"](whole), whole, range(2)),
        "improved": method,
        "submission": (probabilities, test, whole.class_names),
    }


@pytest.fixture
def verdict(frame, arguments, capsys):
    """verdict(step, function): what the lesson prints of a function that fills a step."""

    def attempt(step: str, function, *inputs) -> str:
        result = frame["attempt"](function, frame[CHECKS[step]], *(inputs or arguments[step]))
        words = capsys.readouterr().out
        assert (result is ...) == (": right" not in words)
        return words

    return attempt


@pytest.mark.parametrize("step", CHECKS)
def test_a_stub_is_not_attempted_and_what_gives_no_answer_is_not_yet(step, verdict, arguments):
    space = {}
    exec(steps("08")[step], space)
    assert verdict(step, space[step]) == f"{step}: not attempted\n"
    *others, _ = arguments[step]
    assert verdict(step, space[step], *others, ...).endswith("waits for an earlier step\n")
    assert "return" in verdict(step, lambda *_: None)
    for odd in (3, "text", [], object(), torch.zeros(2), {"a": 1}):
        assert ": not yet: " in verdict(step, lambda *_, odd=odd: odd)

    def breaks(*_):
        raise ZeroDivisionError("no")

    error = 'in its line `raise ZeroDivisionError("no")` with ZeroDivisionError: no'
    assert error in verdict(step, breaks)


def test_the_lesson_is_committed_unfilled_and_the_solution_right():
    ours, theirs = printed(read("08")), printed(read("solutions/08"))
    assert list(steps("08")) == list(CHECKS) == list(steps("solutions/08"))
    for step in (*CHECKS, "final_method"):
        assert f"{step}: not attempted" in ours or f"{step}: waits for an earlier step" in ours
        assert f"{step}: right. " in theirs
    assert ": right. " not in ours and ": not yet" not in ours + theirs


def test_the_solution_changes_the_cells_of_a_student_alone():
    lesson, solution = cells("08"), cells("solutions/08")
    common = {i for i in lesson if not i.startswith("08-full")}  # about all 176 species
    assert common <= solution.keys()
    changed = {i for i in common if lesson[i] != solution[i]} - cells("08", "step").keys()
    assert {i.removeprefix("08-") for i in changed} <= OWN_CELLS


def looks(frame):
    counts, size = pd.Series(frame["labels"]).value_counts().to_dict(), {(160, 160)}
    yield (counts, size), "right"
    yield counts, "dict, not two things: `return counts, sizes`"
    yield (counts, set()), "no file has such a size"
    yield (dict.fromkeys(counts, 100), size), "you count 1000 pictures: only those in train.csv"


def constants(frame):
    table = kaggle.read_table(frame["sample"]).assign(label="tilia_americana")
    yield (table, 0.1), "right"
    yield (table.assign(label=sorted(set(frame["labels"].values())) * 40), 0.1), "more"
    yield (table.head(70), 0.1), "is missing"
    yield (table, 0.5), "how often"


def organised(frame):
    parts, whole = frame["parts"], frame["whole"]
    by_class = whole.labels.numpy().argsort(kind="stable")
    first, last = whole.subset(by_class[:480]), whole.subset(by_class[480:])
    shifted = [replace(part, labels=(part.labels + 1) % 10) for part in parts[:3]]
    resized = [replace(part, preprocess=part.preprocess.at(32)) for part in parts]
    yield parts, "right"
    yield kaggle.Parts(*shifted, parts.test), "such as 0.jpg, are not what train.csv says"
    yield kaggle.Parts(*resized), "another network"
    yield parts._replace(train=parts.train.subset(range(80))), "lost or added"
    yield parts._replace(train=first, valid=last), "train has no picture of"
    yield parts._replace(valid=whole.subset(range(0, 600, 5))), "in train and in valid, such as"
    yield parts._replace(test=whole), "in train_valid and in test"


def methods(frame):
    """The right answers to `ask`, whose class names are mirrored, and what may be done to them."""
    place = dict(zip(frame["valid"].files, frame["valid"].labels.tolist(), strict=True))
    right = torch.eye(10)[[place[file] for file in frame["ask"].files]] * 0.9 + 0.01
    own_order = torch.eye(10)[frame["parts"].valid.labels] * 0.9 + 0.01
    yield right, "right"
    yield right.argmax(1), "one value per picture"
    yield right * 100, "no probabilities"
    yield right.clone().requires_grad_(), "detach"
    yield own_order, "the shape is (120, 10)"
    yield own_order[[*range(120), *range(8)]], "from `learn` and `new` alone"
    yield right.flip(1), "columns in the order of learn.class_names"


ANSWERS = {"look": looks, "constant": constants, "organise": organised, "linear": methods}


@pytest.mark.trap("leaks: a picture in train and in valid; labels and pictures from elsewhere")
@pytest.mark.parametrize("step", ANSWERS)
def test_the_check_of_a_step_says_what_is_wrong(step, frame, verdict):
    for answer, words in ANSWERS[step](frame):
        assert words in verdict(step, lambda *_, answer=answer: answer)


@pytest.mark.trap("forgotten eval mode")
def test_a_method_in_train_mode_is_found_out(verdict):
    torch.manual_seed(0)
    net = SmallNet(10, dropout=0)

    def train_mode(learn, new):
        batches = [net.train()(p).softmax(1) for p, _ in data.loader(new, 32)]
        sharp = torch.cat(batches).detach() ** 8  # an untrained network is sure of nothing
        return sharp / sharp.sum(1, keepdims=True)

    assert "gets two answers: train mode" in verdict("linear", train_mode)


@pytest.mark.trap("leaks: a network that goes on from fold to fold")
def test_a_method_that_changes_the_loaded_network_is_found_out(frame, verdict):
    right, _ = next(methods(frame))
    before = {name: value.clone() for name, value in frame["source"].state_dict().items()}

    def trains_source(learn, new):
        frame["source"].train()(next(iter(data.loader(new, 16)))[0])  # BatchNorm counts
        return right

    assert "`source` is changed" in verdict("linear", trains_source)
    frame["source"].load_state_dict(before)
    assert ": right" in verdict("linear", lambda *_: right)


@pytest.mark.trap("leaks: asked about what was learned")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"k": 7}, ": right"),
        ({"leak": True}, "learned from: a leak"),
        ({"folds": 1}, "ask about each picture once"),
        ({"ignore_seed": True}, "folds repeat"),
        ({"result": np.mean}, "one number for each seed"),
        ({"result": lambda accuracies: [100 * a for a in accuracies]}, "0 to 1"),
    ],
)
def test_the_check_of_cross_validation_says_what_is_wrong(change, words, frame, verdict):
    def folded(method, pictures, seeds):
        accuracies = []
        for seed in seeds:
            right, seed = [], 0 if change.get("ignore_seed") else seed
            folds = kaggle.folds(pictures.labels, change.get("k", 4), seed)
            for known, held_out in folds[: change.get("folds")]:
                learn = pictures if change.get("leak") else pictures.subset(known)
                answers = method(learn, frame["hidden"](pictures.subset(held_out))).argmax(1)
                right += (answers == pictures.labels[held_out]).tolist()
            accuracies.append(np.mean(right))
        return change.get("result", list)(accuracies)

    assert words in verdict("cross_validate", folded)


@pytest.mark.trap("ids by position")
def test_the_check_of_the_submission_says_what_is_wrong(frame, arguments, verdict):
    probabilities, test, names = arguments["submission"]
    ids = kaggle.test_ids(test, frame["sample"])
    species = [names[i] for i in probabilities.argmax(1)]
    for columns, words in (
        ((ids[::-1], species[::-1]), ": right"),
        ((ids[::-1], species), "got an answer that is not theirs"),
        ((ids, probabilities.argmax(1).tolist()), "there is no such label"),
    ):
        table = pd.DataFrame(dict(zip(("image", "label"), columns, strict=True)))
        table.to_csv(frame["FILE"], index=False)
        assert words in verdict("submission", lambda *_: frame["FILE"])
    assert "There is no file" in verdict("submission", lambda *_: "nowhere.csv")


def milestones_told() -> str:
    """Returns the lesson's text on what the solution gets."""
    return next(c.source for c in read("08").cells if c.id == "08-milestones")


@pytest.fixture(scope="module", params=["committed", pytest.param("run", marks=pytest.mark.slow)])
def measured(request, tmp_path_factory) -> dict:
    """The numbers of the solution, as committed and as it gives them now."""
    if request.param == "committed":
        return committed_numbers("solutions/08")
    (report,) = run_lessons(find_lessons(["solutions/08"]), tmp_path_factory.mktemp("build"))
    assert report.trouble == ""
    return report.numbers


def test_the_solution_reaches_the_milestones_that_the_lesson_names(measured):
    assert measured["pixels + linear classifier"] < 0.2
    for row in MILESTONES:
        assert measured[f"{row}, seeds"] == 3
        assert f"{measured[row]:.2f}" in milestones_told()
    pixels, probe, turned, improved = "pixels + linear classifier", *MILESTONES
    assert standard_errors_between(measured, probe, pixels, LEAVES) > 5
    assert standard_errors_between(measured, turned, probe, LEAVES) > 2
    assert standard_errors_between(measured, improved, probe, LEAVES) > 2


def test_turned_copies_help_more_than_a_larger_c(measured):
    for stiff in ("upright, C = 0.04", "upright, C = 0.1"):  # the same leaves: less error than this
        assert standard_errors_between(measured, MILESTONES[1], stiff, LEAVES) > 1.5
        assert measured[MILESTONES[1]] - measured[stiff] > 0.03


def test_fine_tuning_gains_with_every_seed():
    gains = re.findall(r"[+-]0\.\d+", printed(read("solutions/08"), "08-improve-compare"))
    assert len(gains) == 3
    assert all(float(gain) > 0.01 for gain in gains)


@pytest.mark.trap("leaks: copies of one picture on both sides")
def test_copies_on_both_sides_look_like_a_triumph():
    leak = re.search(r"copies divided: (\d\.\d+)", printed(read("solutions/08")))[1]
    assert float(leak) > 0.95
