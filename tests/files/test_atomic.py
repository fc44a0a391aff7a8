"""What gets its name is whole, and what was there before is not lost."""

import pytest

from helpers import CourseError
from helpers.files.atomic import atomic, make_once


def names(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_block_that_raises_leaves_the_file_as_it_was_and_nothing_beside_it(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("before")
    with pytest.raises(ZeroDivisionError), atomic(file) as part:
        part.write_text("half")
        raise ZeroDivisionError
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


def test_what_is_done_is_not_made_again_and_what_cannot_be_written_is_one_sentence(tmp_path):
    file = make_once(tmp_path / "a.txt", lambda part: part.write_text("once"))
    assert make_once(file, lambda part: part.write_text("twice")).read_text() == "once"
    with pytest.raises(CourseError, match="cannot be written"):
        make_once(file / "below", lambda part: part.write_text("x"))
