"""Lesson 08 gives a frame; its solution climbs a ladder, and says what each step gave."""

import re
import sys
import weakref

import pandas as pd
import pytest
import torch

from classroom import judge
from classroom.exercises.lesson_08 import LEAF
from classroom.judge import NOT_YET, RIGHT, outcome_of
from classroom.leaves import SIZES, plant
from helpers import data, kaggle
from tests.classroom.wrong_answers.lesson_08 import nearest
from tests.conftest import SmallNet, committed_numbers
from tests.lessons.committed import code_cells, printed, prose, read, standard_errors_between

LEAVES = 600  # labelled, all of them asked out of fold
CONSTANT, PIXELS, FEATURES = (
    "the same name for every picture",
    "pixels + linear layer",
    "features + linear layer",
)
TUNED, SECOND = "fine-tuned", "second source + linear layer"
ENSEMBLE = "ensemble of both, four views"
OWN_CELLS = {"08-mistakes-show", "08-submission-run", "08-score-run"}  # the solution's differ
SPECIES = {f"genus{i // 8}_species{i}": 2 + i % 3 for i in range(176)}


def cells(lesson: str) -> dict[str, str]:
    return {c.id: c.source for c in code_cells(read(lesson))}


def test_the_lesson_is_committed_unfilled():
    outcomes = [
        output.data["text/plain"]
        for cell in code_cells(read("08"))
        if re.fullmatch(r"08-ex\d-check", cell.id)
        for output in cell.outputs
    ]
    assert len(outcomes) == 7 and all("not attempted" in text for text in outcomes)
    assert printed(read("08"), "08-submission-run") == "Waits for 08.3.\n"


def test_the_task_stands_before_the_first_function():
    ids = [cell.id for cell in read("08").cells]
    before = ids[: next(i for i, name in enumerate(ids) if name.endswith("-ready"))]
    assert {"08-task", "08-target", "08-crib"} <= set(before)
    assert not [i for i in before if re.search(r"^def ", cells("08").get(i, ""), re.M)]


def test_the_crib_names_helpers_that_exist_and_lessons_that_use_them():
    (crib,) = (c.source for c in read("08").cells if c.id == "08-crib")
    lines = [line for line in crib.splitlines() if line.startswith("| `")]
    assert len(lines) == 10
    for line in lines:
        (lesson,) = re.findall(r"\((\d\d)_\w+\.ipynb\)", line)
        code = "\n".join(cells(lesson).values())
        for call in re.findall(r"`(\w+\.\w+)\(", line):
            assert call in code, (call, lesson)


def test_the_solution_has_the_cells_of_the_lesson_that_are_given():
    lesson, solution = cells("08"), cells("solutions/08")
    common = (lesson.keys() & solution.keys()) - OWN_CELLS
    assert len(common) > 12
    assert [i for i in common if lesson[i] != solution[i]] == []


@pytest.fixture(scope="module")
def leaves(tmp_path_factory):
    """A folder in the layout of Kaggle's, with 176 species of unequal counts."""
    return plant(tmp_path_factory.mktemp("kaggle") / "classify-leaves", SPECIES, 11)


@pytest.fixture
def solution():
    """run(*cells): the names of the solution after its setup and these cells."""

    def run(*names, **given) -> dict:
        space = {"SIZE": "drawn", **given}
        for name in ("08-setup", *names):
            exec(cells("solutions/08")[name], space)
        return space

    return run


def test_all_176_species_are_loaded_from_ids_that_are_paths(leaves, solution):
    space = solution("08-1-solution", "08-2-solution", "08-3-solution", "08-7-solution")
    counts, sizes = space["look"](leaves)
    assert counts == SPECIES and sizes == set(SIZES)
    parts = space["organise"](leaves, LEAF)
    assert parts.train_valid.class_names == sorted(SPECIES)
    assert len(parts.train_valid) == sum(SPECIES.values()) and len(parts.test) == 11
    assert len(parts.valid.labels.unique()) == len(parts.train.labels.unique()) == 176
    sample, file = leaves / "sample_submission.csv", leaves.parent / "submission.csv"
    answers = torch.eye(176)[torch.arange(11)]
    space["submission"](answers, parts.test, parts.train.class_names, sample, file)
    assert "11 answers" in kaggle.validate_submission(file, sample)
    table = pd.read_csv(file)
    assert table["image"].iloc[0].startswith("images/")
    assert table["label"].nunique() == 11


def test_the_linear_layer_manages_176_species_in_torch(leaves, solution):
    space = solution("08-linear-layer")
    whole = kaggle.load(kaggle.split(leaves, 0.2), LEAF).train_valid
    torch.manual_seed(0)
    rows = torch.eye(176)[whole.labels] + 0.1 * torch.randn(len(whole), 176)
    layer = space["fit_layer"](rows, whole.labels, 176, weight_decay=1e-3)
    assert (layer(rows).argmax(1) == whole.labels).float().mean() > 0.99


@pytest.mark.trap("memory: copies of the whole test set")
def test_no_more_than_a_batch_of_turned_pictures_is_alive_at_once(solution, monkeypatch):
    turn, alive, most = torch.rot90, weakref.WeakSet(), []

    def watched(*arguments):
        alive.add(result := turn(*arguments))
        most.append(len(alive))
        return result

    monkeypatch.setattr(torch, "rot90", watched)
    pictures = data.Pictures(
        [f"{i}.jpg" for i in range(80)],
        torch.zeros(80, dtype=torch.int64),
        ["unknown"],
        LEAF,
        list(torch.zeros(80, 3, 20, 20, dtype=torch.uint8)),
    )
    space = solution("08-linear-view", "08-tuned-views", PIXELS=16, VIEWS=4)
    assert space["answers_of"](SmallNet(3), pictures).shape == (80, 4, 3)
    assert len(most) >= 320 and max(most) <= 2 * 16


@pytest.mark.trap("leaks: a network that goes on from fold to fold")
def test_a_method_that_changes_the_loaded_network_is_found_out(monkeypatch):
    net = SmallNet(4)
    monkeypatch.setattr(sys.modules["__main__"], "source", net, raising=False)

    def trains_source(learn, new):
        net.train()(next(iter(data.loader(new, 16)))[0])  # BatchNorm counts
        return nearest(learn, new)

    outcome = outcome_of("08.6", trains_source)
    assert outcome.state == NOT_YET and "`source` is changed" in outcome.text
    assert outcome_of("08.6", nearest).state == RIGHT


def test_a_method_may_train_longer_than_other_answers(monkeypatch):
    monkeypatch.setattr(judge, "LIMIT_S", 0.05)

    def slow(learn, new):
        for _ in range(300):
            torch.rand(200, 200) @ torch.rand(200, 200)
        return nearest(learn, new)

    assert outcome_of("08.6", slow).state == RIGHT


@pytest.fixture(scope="module")
def measured() -> dict:
    return committed_numbers("solutions/08")


def gained(numbers: dict, name: str, other: str) -> float:
    """Returns a gain in standard errors, as the paired test has found it."""
    return numbers[f"{name} over {other}"] / numbers[f"{name} over {other}, standard error"]


def test_the_lesson_names_what_the_solution_reaches(measured):
    (target,) = (c.source for c in read("08").cells if c.id == "08-target")
    for row, name in (
        (CONSTANT, CONSTANT),
        (FEATURES, FEATURES),
        (ENSEMBLE, "the top of the solution's ladder"),
    ):
        (line,) = (line for line in target.splitlines() if name in line)
        assert f"{measured[row]:.3f}" in line


def test_without_a_network_little_is_gained_and_features_carry_the_rest(measured):
    assert measured[PIXELS] < measured[CONSTANT] + 0.02
    assert gained(measured, FEATURES, PIXELS) > 10


def test_the_steps_of_the_ladder_that_the_text_calls_gains_are_some(measured):
    assert gained(measured, TUNED, FEATURES) > 2
    assert gained(measured, SECOND, FEATURES) > 2
    assert gained(measured, f"{TUNED}, four views", TUNED) > 2
    assert gained(measured, ENSEMBLE, FEATURES) > 2


def test_four_views_of_the_second_source_gain_twice_their_error_and_no_more(measured):
    assert gained(measured, f"{SECOND}, four views", SECOND) == pytest.approx(2, abs=0.3)


def test_the_ensemble_gains_over_the_fine_tuned_network_and_not_over_its_better_member(measured):
    better, other = SECOND, TUNED
    assert measured[f"{better}, four views"] > measured[f"{other}, four views"]
    assert abs(gained(measured, ENSEMBLE, f"{better}, four views")) < 2
    assert gained(measured, ENSEMBLE, f"{other}, four views") > 2


def test_a_paired_test_tells_what_two_accuracies_would_not(measured):
    assert measured[f"{TUNED}, four views"] - measured[TUNED] == pytest.approx(0.03, abs=0.005)
    assert standard_errors_between(measured, f"{TUNED}, four views", TUNED, LEAVES) < 2


def test_the_test_pictures_confirm_the_top_of_the_ladder(measured):
    p, q = measured["submission, test accuracy"], measured[ENSEMBLE]
    assert abs(p - q) < 2 * (p * (1 - p) / 400 + q * (1 - q) / LEAVES) ** 0.5
    line = printed(read("solutions/08"), "08-score-paired")
    mean, error = map(float, re.search(r"([+-]\d\.\d+) ± (\d\.\d+)", line).groups())
    assert mean > 2 * error


@pytest.mark.trap("leaks: copies of one picture on both sides")
def test_copies_on_both_sides_look_like_a_triumph(measured):
    leak, honest = (
        "the same with a leak: copies divided",
        "second source, learned from turned leaves",
    )
    assert standard_errors_between(measured, leak, honest, LEAVES) > 2


def test_nothing_of_the_solution_needs_hours_for_many_species():
    code = "\n".join(cells("solutions/08").values()) + "\n".join(cells("08").values())
    assert "newton" not in code and "LogisticRegression" not in code
    assert "compete classify-leaves" in prose(read("08"))
