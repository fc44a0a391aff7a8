"""The contact sheet: what is chosen stands in the table, and no picture's file is touched."""

import pytest

from helpers import CourseError, collection
from helpers.collection import names_of
from helpers.sheet import read_corrections, sheet
from tests.conftest import is_a_sentence


def lists(boxes) -> list:
    return [box.children[1] for box in boxes.children]


def test_a_choice_is_in_the_table_at_once_and_files_stay_as_they_are(pictures, tmp_path):
    before = {file: file.read_bytes() for file in pictures.files}
    table, names = tmp_path / "deep" / "table.csv", names_of(pictures)
    first, second = lists(sheet(pictures, [0, 15], table))
    assert (first.value, second.value) == ("a", "b") and not table.exists()
    first.value = "b"
    assert read_corrections(table) == {names[0]: "b"}
    second.value = collection.DROP
    first.value = "a"  # on second thoughts
    assert read_corrections(table) == {names[0]: "a", names[15]: collection.DROP}
    assert {file: file.read_bytes() for file in pictures.files} == before
    assert {file.parent.parent for file in pictures.files} == {tmp_path / "set"}
    assert len(list((tmp_path / "set").rglob("*"))) == len(before) + 2


def test_a_sheet_begins_with_what_the_table_says_and_keeps_its_other_rows(pictures, tmp_path):
    table, names = tmp_path / "table.csv", names_of(pictures)
    collection.write_corrections(table, {names[3]: "b", names[4]: "no such class", "x/y": "a"})
    third, fourth, fifth = lists(sheet(pictures, [3, 4, 5], table))
    assert (third.value, fourth.value, fifth.value) == ("b", "a", "a")
    fifth.value = collection.DROP
    assert len(read_corrections(table)) == 4


def test_the_table_goes_back_into_the_pictures(pictures, tmp_path):
    table = tmp_path / "table.csv"
    boxes = lists(sheet(pictures, range(len(pictures)), table))
    boxes[0].value, boxes[1].value = "b", collection.DROP
    new = collection.corrected(pictures, read_corrections(table))
    assert new.labels[0] == 1 and len(new) == len(pictures) - 1


def test_every_picture_has_a_description_even_where_its_name_is_no_text(pictures, tmp_path):
    pictures.files[0] = pictures.files[0].with_name('a"<\udce9>.png')
    (box,) = sheet(pictures, [0], tmp_path / "table.csv").children
    assert 'alt="a/a&quot;&lt;?&gt;.png"' in box.children[0].value


@pytest.mark.parametrize("text", ["", "picture;class\n", "picture,class\na,b,c\n", "\0\xff\n"])
def test_a_file_that_is_no_such_table_is_one_sentence(tmp_path, text):
    (tmp_path / "t.csv").write_text(text, encoding="latin-1")
    with pytest.raises(CourseError, match="picture and class") as caught:
        read_corrections(tmp_path / "t.csv")
    assert is_a_sentence(str(caught.value))


def test_a_table_saved_by_a_spreadsheet_is_read(tmp_path):
    (tmp_path / "t.csv").write_text("\ufeffpicture,class\r\na/1.png,b\r\n\r\n", encoding="utf-8")
    assert read_corrections(tmp_path / "t.csv") == {"a/1.png": "b"}
    assert read_corrections(tmp_path / "none.csv") == {}
