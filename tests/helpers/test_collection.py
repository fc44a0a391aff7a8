"""One's own folder: bad files, near-duplicates, groups, wrong labels, corrections."""

import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import CourseError, collection
from helpers.files.pictures import read_picture
from tests.conftest import SMALL, draw_classes, is_a_sentence


def pdf(folder):
    (folder / "a" / "menu.jpg").write_bytes(b"%PDF-1.4")


def video(folder):
    (folder / "a" / "VID.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(99))


def empty(folder):
    (folder / "a" / "0.jpg").write_bytes(b"")


def half(folder):
    contents = (folder / "a" / "1.png").read_bytes()
    (folder / "a" / "half.png").write_bytes(contents[: len(contents) // 2])


def heic(folder):
    (folder / "a" / "IMG.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(99))


def panorama(folder):
    Image.new("1", (40_000, 5_000)).save(folder / "a" / "wide.png")


def circle(folder):
    (folder / "a" / "again").symlink_to(folder, target_is_directory=True)


def broken_link(folder):
    (folder / "a" / "gone.jpg").symlink_to(folder / "nowhere")


@pytest.mark.parametrize("spoil", [pdf, video, empty, half, heic, panorama, circle, broken_link])
def test_an_odd_file_is_left_out_by_name_and_said(tmp_path, spoil):
    folder = draw_classes(tmp_path / "set", {"a": 4, "b": 3})
    spoil(folder)
    pictures, odd = collection.read(folder, SMALL)
    if spoil is panorama:  # Pillow may read it: then it is a picture like any other
        assert len(pictures) + len(odd) == 8
    else:
        assert len(pictures) == 7 and len(odd) == 1
    assert all("\n" not in why for why in odd.values())


def test_the_same_file_in_two_classes_is_in_neither(tmp_path):
    folder = draw_classes(tmp_path / "set", {"a": 4, "b": 4})
    (folder / "b" / "copy.png").write_bytes((folder / "a" / "2.png").read_bytes())
    pictures, odd = collection.read(folder, SMALL)
    assert len(pictures) == 7
    assert {file.name for file in odd} == {"2.png", "copy.png"}


@pytest.mark.parametrize(
    ("counts", "words"),
    [({"a": 3}, "two folders"), ({"a": 3, "b": 0}, "fewer than two"), ({"a": 3, "b": 1}, "fewer")],
)
def test_a_folder_that_cannot_work_is_one_sentence(tmp_path, counts, words):
    with pytest.raises(CourseError, match=words) as caught:
        collection.read(draw_classes(tmp_path / "set", counts), SMALL)
    assert is_a_sentence(str(caught.value))


@pytest.mark.parametrize("names", [("a cup", "杯子"), ("-x", "__x"), tuple(map(str, range(300)))])
def test_class_names_of_any_kind_and_number(tmp_path, names):
    folder = draw_classes(tmp_path / "set", dict.fromkeys(names, 2), side=8)
    pictures, odd = collection.read(folder, SMALL)
    assert pictures.class_names == sorted(names) and len(pictures) == 2 * len(names) and not odd


def test_a_zip_file_is_unpacked_beside_itself(tmp_path):
    folder = draw_classes(tmp_path / "set", {"a": 2, "b": 2})
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as box:
        for file in folder.rglob("*.png"):
            box.write(file, file.relative_to(tmp_path))
    assert len(collection.read(tmp_path / "mine.zip", SMALL)[0]) == 4


def test_near_pairs_and_groups():
    rows = torch.tensor([[1.0, 0], [0, 1], [2, 0.1], [1, 0.1], [-1, -1]])
    pairs = collection.near_pairs(rows, 0.99)
    assert [pair[1:] for pair in pairs] == [(2, 3), (0, 2), (0, 3)]
    assert collection.groups_of(5, [pair[1:] for pair in pairs]).tolist() == [0, 1, 0, 0, 2]
    assert collection.groups_of(3, []).tolist() == [0, 1, 2]


def test_out_of_fold_answers_come_from_other_groups_and_find_wrong_labels():
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(60) % 3
    rows = 4 * torch.nn.functional.one_hot(labels, 8) + torch.randn(60, 8, generator=generator)
    wrong = [3, 22, 41]
    labels[wrong] = (labels[wrong] + 1) % 3
    groups = np.arange(60) // 2
    for learn, held in collection.folds(labels, groups):
        assert not set(groups[learn]) & set(groups[held])
    own = collection.out_of_fold(rows, labels, groups)[range(60), labels]
    assert set(wrong) <= set(own.argsort()[:6].tolist())


def test_corrections_are_a_table_and_leave_files_alone(pictures, tmp_path):
    place = [f"{file.parent.name}/{file.name}" for file in pictures.files]
    before = [file.read_bytes() for file in pictures.files]
    table = {place[0]: "b", place[1]: collection.DROP}
    collection.write_corrections(tmp_path / "t.csv", table)
    new = collection.corrected(pictures, table)
    assert (tmp_path / "t.csv").read_text().splitlines()[1] == f"{place[0]},b"
    assert new.labels[0] == 1 and len(new) == len(pictures) - 1
    assert pictures.labels[0] == 0 and [f.read_bytes() for f in pictures.files] == before
    with pytest.raises(CourseError, match="no picture and class") as caught:
        collection.corrected(pictures, {"a/none.png": "b"})
    assert is_a_sentence(str(caught.value))


def itself(folder):
    (folder / "a" / "loop.jpg").symlink_to("loop.jpg")


def note(folder):
    (folder / "a" / "notes.txt").write_text("two cups")


def raw(folder):
    (folder / "a" / "IMG_1.CR2").write_bytes(b"II*\0" + bytes(60))


@pytest.mark.parametrize("spoil", [itself, note, raw])
def test_a_link_to_itself_a_note_and_a_raw_file_are_left_out(tmp_path, spoil):
    folder = draw_classes(tmp_path / "set", {"a": 4, "b": 3})
    spoil(folder)
    pictures, odd = collection.read(folder, SMALL)
    assert len(pictures) == 7 and len(odd) == 1


def test_a_class_that_is_a_link_to_itself_is_no_class(tmp_path):
    folder = draw_classes(tmp_path / "set", {"a": 2, "b": 2})
    (folder / "c").symlink_to("c")
    assert collection.read(folder, SMALL)[0].class_names == ["a", "b"]


def test_heic_and_too_many_pixels_are_told_what_to_do(tmp_path, monkeypatch):
    folder = draw_classes(tmp_path / "set", {"a": 4, "b": 3})
    heic(folder)
    panorama(folder)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 89_478_485)
    _, odd = collection.read(folder, SMALL)
    said = {file.name: why for file, why in odd.items()}
    assert "let the phone save JPEG" in said["IMG.HEIC"]
    assert "save a smaller copy" in said["wide.png"]


def test_what_systems_leave_behind_is_passed_over_in_silence(tmp_path):
    folder = draw_classes(tmp_path / "set", {"a": 2, "b": 2})
    for name in (".DS_Store", "a/Thumbs.db", "a/._1.png", "b/desktop.ini"):
        (folder / name).write_bytes(b"x")
    (folder / "__MACOSX").mkdir()
    pictures, odd = collection.read(folder, SMALL)
    assert len(pictures) == 4 and not odd


@pytest.mark.parametrize("name", ["a b.png", "杯.png", "q\"'<&>.png", "two\nlines.png", "1.PNG"])
def test_files_of_any_name_are_read_and_can_be_corrected(tmp_path, name):
    folder = draw_classes(tmp_path / "set", {"a": 3, "b": 3})
    (folder / "a" / "1.png").rename(folder / "a" / name)
    pictures, odd = collection.read(folder, SMALL)
    assert not odd
    assert len(collection.corrected(pictures, {f"a/{name}": collection.DROP})) == 5


def test_unusual_pictures_count_like_any_other(tmp_path):
    folder = draw_classes(tmp_path / "set", {"a": 2, "b": 2})
    Image.new("CMYK", (20, 30), (0, 99, 0, 0)).save(folder / "a" / "cmyk.jpg")
    Image.new("RGBA", (20, 30), (9, 9, 9, 0)).save(folder / "a" / "clear.png")
    Image.new("L", (1, 1)).save(folder / "a" / "dot.png")
    Image.new("P", (9, 9)).save(
        folder / "a" / "moves.gif", save_all=True, append_images=[Image.new("P", (9, 9), 5)]
    )
    pictures, odd = collection.read(folder, SMALL)
    assert len(pictures) == 8 and not odd


def test_folders_in_a_class_belong_to_it_and_names_may_be_there_twice(tmp_path):
    folder = draw_classes(tmp_path / "set", {"a": 2, "b": 2})
    draw_classes(folder / "a", {"monday": 2, "tuesday.jpg": 2}, seed=1)
    pictures, odd = collection.read(folder, SMALL)
    assert pictures.labels.tolist() == [0] * 6 + [1] * 2 and not odd
    assert len(set(collection.names_of(pictures))) == 8
    new = collection.corrected(pictures, {"a/monday/1.png": "b", "a/1.png": collection.DROP})
    assert new.labels.tolist().count(1) == 3 and len(new) == 7


def test_a_file_that_may_not_be_read_is_left_out(tmp_path, monkeypatch):
    folder = draw_classes(tmp_path / "set", {"a": 4, "b": 3})

    def forbidden(file):
        if file.name == "2.png":
            raise PermissionError(13, "Permission denied")
        return read_picture(file)

    monkeypatch.setattr(collection, "read_picture", forbidden)
    pictures, odd = collection.read(folder, SMALL)
    assert len(pictures) == 5 and {file.name for file in odd} == {"2.png"}


@pytest.mark.parametrize("names", [("cup", "Cup"), ("a b", "ab"), ("caf\u00e9", "cafe\u0301")])
def test_classes_that_look_alike_are_one_sentence(tmp_path, names):
    folder = draw_classes(tmp_path / "set", dict.fromkeys(names, 2))
    if len(list(folder.iterdir())) == 2:  # unless the file system takes them for one
        with pytest.raises(CourseError, match="look alike") as caught:
            collection.read(folder, SMALL)
        assert is_a_sentence(str(caught.value))


@pytest.mark.parametrize("what", ["nothing there", "a file", "an empty folder", "half a zip file"])
def test_what_is_no_folder_of_classes_is_one_sentence(tmp_path, what):
    place = tmp_path / "place"
    if what == "a file":
        place.write_text("no folder")
    elif what == "an empty folder":
        place.mkdir()
    elif what == "half a zip file":
        with zipfile.ZipFile(place, "w") as box:
            box.writestr("a/1.png", bytes(3000))
        place.write_bytes(place.read_bytes()[:100])
    with pytest.raises(CourseError) as caught:
        collection.read(place, SMALL)
    assert is_a_sentence(str(caught.value))


def test_a_zip_file_that_would_write_elsewhere_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as box:
        box.writestr("a/1.png", b"x")
        box.writestr("../../evil.png", b"x")
    with pytest.raises(CourseError) as caught:
        collection.read(tmp_path / "mine.zip", SMALL)
    assert is_a_sentence(str(caught.value)) and not (tmp_path.parent / "evil.png").exists()
    assert not (tmp_path / "mine").exists()
