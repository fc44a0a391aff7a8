"""hand_in_NN.csv keeps what it holds; the guesses of a class are read however they were saved."""

import csv

import numpy as np
import pytest

from classroom import check, hand_in
from classroom.judge import NOT_ATTEMPTED, NOT_YET, RIGHT
from tests.conftest import is_a_sentence


@pytest.fixture(autouse=True)
def restart(monkeypatch):
    monkeypatch.setattr(check, "_log", {})
    monkeypatch.setattr(check, "_solved", set())


def rows(file):
    with file.open(encoding="utf-8", newline="") as lines:
        return {row["exercise"]: row for row in csv.DictReader(lines)}


def test_a_restarted_kernel_adds_to_the_file_and_takes_nothing_from_it(tmp_path):
    check.answer("06.6", "c")
    check.answer("06.1", 2)
    check.guess("06 share", 0.4)
    check.summary(tmp_path)
    check._log.clear()  # no progress is kept where the course's folder cannot be written to
    for _ in range(2):
        check.answer("06.6", "a")
    check.guess("06 other", "none")
    check.summary(tmp_path)
    kept = rows(tmp_path / "hand_in_06.csv")
    assert (kept["06.6"]["outcome"], kept["06.6"]["attempts"]) == (RIGHT, "2")
    assert (kept["06.1"]["outcome"], kept["06.1"]["attempts"]) == (NOT_YET, "1")
    assert kept["06.2"]["outcome"] == NOT_ATTEMPTED
    assert (kept["06 share"]["guess"], kept["06 other"]["guess"]) == ("0.4", "none")


def test_a_viewed_solution_is_noted_and_stays_so(tmp_path):
    check.answer("06.6", "a")
    check.solution("06.6")
    check.answer("06.6", "c")
    check.solution("06.6")
    assert check.summary(tmp_path).loc["06.6", "solution"] == "viewed before solving"
    assert rows(tmp_path / "hand_in_06.csv")["06.6"]["solution"] == "viewed before solving"


def test_another_file_of_that_name_is_left_as_it_is(tmp_path):
    file = tmp_path / "hand_in_06.csv"
    file.write_text("a shopping list")
    check.answer("06.6", "c")
    with pytest.raises(check.CourseError) as refusal:
        check.summary(tmp_path)
    assert is_a_sentence(str(refusal.value)) and file.read_text() == "a shopping list"


HEAD = "exercise,outcome,attempts,hints,guess,measured\n"
GERMAN = HEAD.replace(",", ";") + "06 share;guess;;;0,9;0,6\n"
FILES = {
    "plain": (HEAD + "06 share,guess,,,0.9,0.6\n").encode(),
    "percentage": (HEAD + "06 share,guess,,,90,0.6\n").encode(),
    "sign": (HEAD + "06 share,guess,,,90 %,0.6\n").encode(),
    "German": GERMAN.encode("utf-8-sig"),
    "French": ("sep=;\n" + GERMAN).replace("guess;;", "devinée;;").encode("cp1252"),
    "text of Windows": GERMAN.replace(";", "\t").encode("utf-16"),
    "columns of before": b"exercise,guess,measured\r\n06 share,0.9,0.6\r\n",
}


@pytest.mark.parametrize("name", FILES)
def test_a_guess_is_read_however_its_file_was_saved(tmp_path, name):
    (tmp_path / "hand_in_06.csv").write_bytes(FILES[name])
    assert "06 share: median guess 0.9 of 1, measured 0.6" in repr(check.guesses(tmp_path))


def test_one_bad_file_does_not_stop_the_class(tmp_path, capsys):
    for name, content in {**FILES, "bad": b"\x00\xff,\n", "empty": b""}.items():
        (tmp_path / f"{name}.csv").write_bytes(content)
    assert f"median guess 0.9 of {len(FILES)}, measured 0.6" in repr(check.guesses(tmp_path))
    assert "Left out bad.csv" in capsys.readouterr().out


def test_words_are_shown_and_far_guesses_do_not_flatten_the_axis(tmp_path):
    guesses = ["0.5", "0.6", "0.7", "0.65", "1e9", "most of them", "85"]
    lines = "".join(f"06 share,guess,,,{guess},0.6\n" for guess in guesses)
    (tmp_path / "hand_in_06.csv").write_text(HEAD + lines + "06 way,guess,,,probe,probe\n")
    drawing = check.guesses(tmp_path)
    assert "1 x most of them, 1 read as a percentage, beyond: 1,000,000,000" in repr(drawing)
    assert "06 way: guesses in words of 1, measured probe, 1 x probe" in repr(drawing)
    near = [0.5, 0.6, 0.7, 0.65, 0.85]
    assert hand_in.limits(np.array([*near, 1e9]), 0.6) == (0.5, 0.85)
    assert hand_in.limits(np.array([*near, -7]), 2.0) == (0.5, 2.0)


@pytest.mark.parametrize(
    "guess, outcome, read",
    [(85, 0.9, 0.85), (3, 0.9, 3), (85, 40.0, 85), (100, 1.0, 1), (85, "many", 85), (85, None, 85)],
)
def test_a_percentage_is_a_fraction_where_one_was_measured(guess, outcome, read):
    assert hand_in.as_fraction(float(guess), outcome) == read
