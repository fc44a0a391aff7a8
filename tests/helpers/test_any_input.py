"""Inputs that nobody chose: each function gives the right result or one sentence."""

import csv
import io
import json
import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import course
from classroom import check, grade
from classroom.judge import NOT_YET, RIGHT, judge
from helpers import CourseError, data, kaggle, labels, models, train
from helpers.kaggle import read_table
from tests.bad_input import is_a_sentence
from tests.bad_input.arguments import in_folder, net, pictures
from tests.bad_input.pictures import noise
from tests.helpers.test_kaggle_tables import SAMPLE, competition

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
NOT = object()  # in place of a result where a sentence came


def result(function, *arguments, **options):
    """What the function returns, or NOT after a CourseError with a good sentence."""
    try:
        return function(*arguments, **options)
    except CourseError as error:
        assert is_a_sentence(str(error)), error
        return NOT


def is_fraction(value: object) -> bool:
    return type(value) in (int, float) and 0 < value < 1


FORMATS = {
    kind: noise(kind) for kind in ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "TGA")
}


@pytest.mark.filterwarnings("ignore")
@settings(FEW, max_examples=150)
@given(
    st.sampled_from(sorted(FORMATS)),
    st.lists(st.tuples(st.floats(0, 1) | st.floats(0, 0.01), st.integers(0, 255)), max_size=4),
    st.floats(0, 1),
)
def test_a_damaged_picture_is_read_or_refused(tmp_path, kind, changes, cut):
    raw = bytearray(FORMATS[kind])
    for place, value in changes:
        raw[int(place * (len(raw) - 1))] = value
    file = in_folder(
        tmp_path, "x.jpg", bytes(raw[: None if cut > 0.5 else int(2 * cut * len(raw))])
    )
    found = result(data.read_picture, file)
    assert found is NOT or (found.mode == "RGB" and min(found.size) > 0)


@FEW
@given(st.binary(max_size=200) | st.text(max_size=99).map(str.encode))
def test_any_bytes_are_a_table_of_text_or_none(tmp_path, content):
    found = result(read_table, in_folder(tmp_path, "x.csv", content))
    assert found is NOT or found.map(lambda cell: isinstance(cell, str)).all(axis=None)


CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=5)


@FEW
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6))
def test_a_table_comes_back_as_it_was_written(tmp_path, rows):
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([("id", "label"), *rows])
    file = in_folder(tmp_path, "x.csv", text.getvalue().encode())
    assert read_table(file, ["id", "label"]).values.tolist() == [list(row) for row in rows]


@FEW
@given(st.lists(st.tuples(st.sampled_from("12345"), st.sampled_from(["a", "b", "", "../x"]))))
@example([(i, "ab"[k % 2]) for k, i in enumerate("1234")])
def test_labels_of_a_competition_fit_its_pictures_or_are_refused(tmp_path_factory, rows):
    text = "id,label\n" + "".join(f"{i},{name}\n" for i, name in rows)
    found = result(kaggle.read_layout, competition(tmp_path_factory.mktemp("set"), text))
    whole = sorted(i for i, _ in rows) == ["1", "2", "3", "4"]
    names = Counter(name for _, name in rows)
    right = whole and set(names) <= {"a", "b"} and min(names.values()) > 1
    assert (found is not NOT) == right
    assert not right or found.labels == dict(rows)


SHARES = st.sampled_from(["0", "1", "0.5", "nan", "inf", "-1", "x", "", "1e999", "0.4999999"])


@FEW
@given(st.lists(st.tuples(st.sampled_from(["5", "6", "7"]), SHARES, SHARES), max_size=3))
@example([("6", "0.5", "0.5"), ("5", "0", "1")])
def test_a_submission_is_accepted_only_if_it_is_one(tmp_path, rows):
    text = "id,ant,bee\n" + "".join(",".join(row) + "\n" for row in rows)
    mine, sample = in_folder(tmp_path, "m.csv", text.encode()), tmp_path / "s.csv"
    sample.write_text(SAMPLE)
    found = result(kaggle.validate_submission, mine, sample)
    sums = [sum(float(v) if v not in ("x", "") else math.nan for v in row[1:]) for row in rows]
    fine = all(abs(s - 1) < 1e-3 for s in sums) and not any("-1" in row for row in rows)
    assert (found is not NOT) == (fine and sorted(row[0] for row in rows) == ["5", "6"])
    result(kaggle.score, mine, in_folder(tmp_path, "a.csv", b"id,label\n5,ant\n6,bee\n"))


@FEW
@given(ANY | st.just(["5", "6"]), ANY | st.fixed_dictionaries({"ant": ANY, "bee": ANY}))
@example(["6", "5"], {"ant": [1.0, 0.5], "bee": [0.0, 0.5]})
def test_a_submission_is_written_whole_or_not_at_all(tmp_path_factory, ids, values):
    folder = tmp_path_factory.mktemp("out")
    sample = in_folder(folder, "s.csv", SAMPLE.encode())
    found = result(kaggle.write_submission, ids, values, sample, folder / "m.csv")
    left = {path.name for path in folder.iterdir()}
    assert left == ({"s.csv"} if found is NOT else {"s.csv", "m.csv"})


@FEW
@given(ANY)
@example("tiny")
def test_a_size_and_a_data_set_are_known_or_refused(value):
    known = isinstance(value, str) and value in data.SIZES
    assert result(data.chosen_size, value) == (value if known else NOT)
    assert result(data.find, value, "drawn") is NOT


@FEW
@given(st.floats(0, 1) | ANY, st.integers(0, 9) | ANY)
@example(0.25, 3)
def test_a_split_loses_nothing_or_is_refused(fraction, seed):
    found = result(data.split, pictures(), fraction, seed)
    if found is NOT:
        fine = type(seed) is int and 0 <= seed < 2**63
        assert not (fine and is_fraction(fraction))
        return
    assert sorted(file for part in found for file in part.files) == pictures().files
    for part in found:
        assert set(part.labels.tolist()) == {0, 1}
    wanted = min(max(1, round(4 * float(fraction))), 3)
    assert Counter(found[1].labels.tolist()) == {0: wanted, 1: wanted}


@FEW
@given(st.integers(1, 6) | ANY, st.integers(0, 9) | ANY)
def test_few_are_as_many_of_each_class_as_asked_for(n, seed):
    found = result(data.few, pictures(), n, seed)
    assert found is NOT or Counter(found.labels.tolist()) == {0: min(n, 4), 1: min(n, 4)}


@FEW
@given(st.lists(st.integers(0, 7) | NUMBERS, max_size=5) | ANY)
@example([7, 0, 7])
def test_a_subset_holds_the_pictures_asked_for(indices):
    found = result(pictures().subset, indices)
    wanted = getattr(indices, "tolist", lambda: indices)()
    fine = isinstance(wanted, list) and all(type(i) is int and 0 <= i < 8 for i in wanted)
    assert (found is not NOT) == fine
    assert found is NOT or [int(f.stem) for f in found.files] == list(wanted)


@FEW
@given(st.lists(st.integers(-1, 2), max_size=3), NAMES | ANY)
def test_files_want_a_label_each_and_a_name_for_each_label(tmp_path, numbers, names):
    file = in_folder(tmp_path, "x.png", FORMATS["PNG"])
    found = result(data.read_files, [file] * 2, numbers, names, pictures().preprocess)
    fine = isinstance(names, list) and all(isinstance(name, str) for name in names)
    fine = fine and len(numbers) == 2 and all(0 <= i < len(names) for i in numbers)
    assert (found is not NOT) == (fine and len(set(names)) == len(names))


@FEW
@given(st.integers(1, 20) | ANY)
def test_batches_hold_all_pictures_or_are_refused(size):
    found = result(data.loader, pictures(), size)
    if found is not NOT:
        assert [len(y) for _, y in found] == [min(size, 8 - k) for k in range(0, 8, size)]


@FEW
@given(NAMES | ANY)
@example(["a", "b", "c"])
def test_a_new_head_has_an_output_for_each_class_or_the_old_one_stays(names):
    own = net()
    found = result(models.replace_head, own, names)
    fine = isinstance(names, list) and all(isinstance(name, str) for name in names)
    assert (found is not NOT) == (fine and len(set(names)) == len(names) > 1)
    assert models.output_layer(own)[1].out_features == (2 if found is NOT else len(names))
    result(train.evaluate, own, data.loader(replace(pictures(), class_names=["a"] * 9)))


@FEW
@given(NAMES | ANY, NAMES | ANY, st.sampled_from(["exact", "synonyms", {"a": "b"}]) | ANY)
@example(["hotdog", "banana"], ["Hot-Dog", "a"], "exact")
def test_every_class_has_a_partner_among_the_source_classes_or_none(source, target, match):
    found = result(labels.match_labels, source, target, match)
    if found is not NOT:
        assert [row.target for row in found] == target
        assert {row.source for row in found} <= {*source, None}
    own = net()
    kept = own[-1].weight.clone()
    rows = result(models.reuse_rows, own, source, target, match)
    assert rows is NOT or rows == found
    if rows is NOT:
        assert own[-1].weight.equal(kept)


@FEW
@given(NAMES, st.lists(st.integers(-1, 3), max_size=4), ANY)
def test_asking_gives_a_partner_to_every_class_or_is_refused(names, numbers, share):
    said = torch.eye(2).repeat(2, 1)[: len(numbers)]
    found = result(labels.ask, said, torch.tensor(numbers), ["x", "y"], names, share)
    assert found is NOT or [row.target for row in found] == names


@FEW
@given(ANY, ANY)
@example(0.1, 10)
def test_learning_rates_are_numbers_from_0_up(lr, factor):
    found = result(models.param_groups, net(), lr, factor)
    if found is not NOT:
        torch.optim.AdamW(found)
        assert [group["lr"] for group in found] == [float(lr), float(factor) * float(lr)]


@FEW
@given(st.lists(st.integers(0, 2), max_size=12) | ANY, st.integers(2, 5) | ANY, ANY)
@example([0, 1] * 4, 3, 0)
def test_folds_check_every_picture_once_or_are_refused(numbers, k, seed):
    found = result(kaggle.folds, numbers, k, seed)
    if found is not NOT:
        assert sorted(i for _, held in found for i in held) == list(range(len(numbers)))


@FEW
@given(st.floats(0, 1) | ANY, ANY)
@example(0.5, 0)
def test_validation_pictures_are_of_every_class_and_never_all(fraction, seed):
    found = result(kaggle.choose_valid, {str(i): "ab"[i % 2] for i in range(8)}, fraction, seed)
    assert found is NOT or {int(i) % 2 for i in found} == {0, 1}
    assert found is NOT or (len(found) < 8 and is_fraction(float(fraction)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda part: (
        st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=3), part, max_size=3)
    ),
    max_leaves=6,
)


@FEW
@given(JSON | st.floats(5, 6))
@example(5.17)
def test_a_number_is_right_when_it_is_near_enough(answer):
    right = type(answer) in (int, float) and abs(answer - 5.1705) <= 0.01
    assert judge("01.4", answer).state == (RIGHT if right else NOT_YET)


@FEW
@given(JSON | st.text("abcdef, ", max_size=7) | st.permutations("abcdef"))
@example("A")
@example("B, d, a, e, c")
def test_letters_are_right_when_they_are_the_right_ones(answer):
    text = (
        "".join(answer)
        if isinstance(answer, list) and all(isinstance(part, str) for part in answer)
        else answer
    )
    text = text.lower() if isinstance(text, str) else ""
    one = isinstance(answer, str) and text.strip() == "a"
    assert judge("01.6", answer).state == (RIGHT if one else NOT_YET)
    inner = [letter for letter in text if letter.isalpha()]
    assert judge("01.1", answer).state == (RIGHT if inner == list("bdaec") else NOT_YET)


@FEW
@given(ANY, ANY, ANY)
@example("x", 0.5, 0.7)
def test_a_guess_is_kept_or_refused_and_the_summary_always_works(name, value, outcome):
    check._log.clear()
    for note in (result(check.guess, name, value), result(check.measured, name, outcome)):
        assert note is NOT or repr(note)
    assert isinstance(result(check.summary, "/dev/null/none"), object)
    check._log.clear()


@FEW
@given(JSON)
def test_any_json_is_a_notebook_without_exercises_or_none_at_all(tmp_path, value):
    file = in_folder(tmp_path, "x.ipynb", json.dumps(value).encode())
    ((exercise, outcome, seconds),) = grade.grade(file, 1)
    assert (exercise, seconds) == ("", 0.0)
    assert outcome.startswith(("cannot be read", "holds no exercise"))


@FEW
@given(
    st.lists(st.text(max_size=6) | st.sampled_from(["run", "lab", "grade", "--size"]), max_size=3)
)
def test_any_command_line_is_understood_or_told_in_a_line(capsys, words):
    try:
        found = course.make_parser().parse_args(words)
        course.find_lessons(getattr(found, "lessons", []))
    except SystemExit as error:
        told = capsys.readouterr().err or str(error.code)
        assert error.code == 0 or told.strip().count("\n") == 0 or "--help" in told
