"""What gets its name is whole, and what was there before is not lost."""

import queue
import threading

import pytest

from helpers import CourseError
from helpers.files.atomic import alone, atomic, make_once


def names(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_block_that_is_stopped_leaves_the_file_as_it_was_and_nothing_beside_it(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("before")
    with pytest.raises(KeyboardInterrupt), atomic(file) as part:
        part.write_text("half")
        raise KeyboardInterrupt
    assert file.read_text() == "before" and names(tmp_path) == {"a.txt"}


def test_a_folder_takes_the_place_of_a_folder_with_contents(tmp_path):
    (tmp_path / "set" / "old").mkdir(parents=True)
    with atomic(tmp_path / "set") as part:
        (part / "new").mkdir(parents=True)
    assert names(tmp_path) == {"set"} and names(tmp_path / "set") == {"new"}


def test_a_file_never_takes_the_place_of_a_folder(tmp_path):
    (tmp_path / "set" / "precious").mkdir(parents=True)
    with pytest.raises(OSError), atomic(tmp_path / "set") as part:
        part.write_text("a submission")
    assert names(tmp_path) == {"set"} and names(tmp_path / "set") == {"precious"}


def test_what_is_done_is_not_made_again(tmp_path):
    file = make_once(tmp_path / "a.txt", lambda part: part.write_text("once"))
    assert make_once(file, lambda part: part.write_text("twice")).read_text() == "once"


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path):
    def fill(part):
        part.write_text("half")
        raise OSError(28, "No space left on device")

    words = "set cannot be written .No space left on device.: free some space or choose"
    with pytest.raises(CourseError, match=words):
        make_once(tmp_path / "set", fill)
    assert names(tmp_path) == set()


def test_who_comes_second_is_told_waits_and_finds_what_the_first_made(tmp_path, monkeypatch):
    lines = queue.Queue()
    monkeypatch.setattr("helpers.files.atomic.PATIENCE", 0.05)
    monkeypatch.setattr("builtins.print", lines.put)
    target = tmp_path / "set"
    second = threading.Thread(target=make_once, args=(target, lambda part: part.write_text("2")))
    with alone(target):
        second.start()
        assert "at work on set: waiting for it" in lines.get(timeout=10)
        target.write_text("1")
    second.join(10)
    assert target.read_text() == "1" and names(tmp_path) == {"set"}


def test_a_lock_whose_process_died_holds_nobody_up(tmp_path):
    (tmp_path / "set.lock").touch()
    with alone(tmp_path / "set"):
        assert names(tmp_path) == {"set.lock"}
    assert names(tmp_path) == set()
