"""Which files of a folder are pictures: what Pillow reads, whatever the names are."""

import os
import shutil

import pytest
from PIL import Image

from helpers import CourseError
from helpers.files.pictures import find_pictures, tell_left_out
from tests.conftest import is_a_sentence

READ = ("1.avif", "2.jp2", "3.ppm", "4.PNG", "5.tga", "6.mpo", "deeper/still deeper/7.webp")
COPIES = ("8.jfif", "9.jpe", "10", "11.JPG", "12.backup", "13.2024")  # of a JPEG file
LEFT_OUT = ("a.heic", "b.txt", "c.mp4", "d.eps", "e.pdf", "f", "g.svg")
HIDDEN = (".DS_Store", "._1.jpg", "Thumbs.db", "desktop.ini", ".ipynb_checkpoints/1.jpg")


@pytest.fixture
def folder(tmp_path):
    for name in (*READ, *COPIES, *LEFT_OUT, *HIDDEN, "__MACOSX/1.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"nothing that Pillow reads")
    picture = Image.new("RGB", (8, 8))
    for name in READ:
        picture.save(tmp_path / name)
    picture.save(tmp_path / "d.eps")
    picture.save(tmp_path / COPIES[0], "JPEG")
    for name in COPIES[1:]:
        shutil.copy(tmp_path / COPIES[0], tmp_path / name)
    return tmp_path


def test_every_picture_is_found_and_no_file_of_a_system(folder):
    pictures, others = find_pictures(folder)
    assert {p.relative_to(folder).as_posix() for p in pictures} == {*READ, *COPIES}
    assert {p.name for p in others} == set(LEFT_OUT)


def test_a_folder_that_is_linked_into_itself_is_not_followed(folder):
    (folder / "deeper" / "loop").symlink_to(folder)
    assert len(find_pictures(folder)[0]) == len(READ) + len(COPIES)


def test_what_is_left_out_is_told_in_one_line(folder, capsys):
    tell_left_out(folder, [])
    assert capsys.readouterr().out == ""
    tell_left_out(folder, find_pictures(folder)[1] + [folder / "h.heic"])
    line = capsys.readouterr().out
    assert line.count("\n") == 1 and is_a_sentence(line.strip())
    assert ": 2 .heic, 1 .txt, " in line and " left out, since" in line


def test_a_folder_that_may_not_be_read_is_one_sentence(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(CourseError, match=r"cannot be read as a folder \(Permission denied\)"):
        find_pictures(tmp_path)
