"""Folders of pictures: one order everywhere, splits without loss, batches."""

from collections import Counter

import pytest
import torch
from torchvision.transforms import v2

from helpers import CourseError, data
from tests.conftest import SMALL, draw_classes


@pytest.mark.trap("1, 10, 100, 2")
def test_pictures_come_in_natural_order_without_the_files_of_systems(tmp_path):
    draw_classes(tmp_path, {"a": 12, "b": 3})
    (tmp_path / "a" / "Thumbs.db").touch()
    (tmp_path / "a" / "._1.png").touch()
    (tmp_path / ".hidden").mkdir()
    pictures = data.read_folder(tmp_path, SMALL)
    assert [p.name for p in pictures.files[:12]] == [f"{i}.png" for i in range(1, 13)]
    assert pictures.class_names == ["a", "b"] and pictures.labels.tolist() == [0] * 12 + [1] * 3
    assert repr(pictures) == "15 pictures: 12 a, 3 b"


@pytest.mark.parametrize(
    "counts, words",
    [
        ({}, "two folders"),
        ({"a": 3}, "two folders"),
        ({"a": 3, "b": 0}, "b itself holds no pictures"),
    ],
)
def test_a_folder_without_two_classes_of_pictures_is_refused(tmp_path, counts, words):
    with pytest.raises(CourseError, match=words):
        data.read_folder(draw_classes(tmp_path, counts), SMALL)


def test_a_split_is_stratified_repeatable_and_loses_nothing(tmp_path):
    pictures = data.read_folder(draw_classes(tmp_path / "s", {"a": 20, "b": 5, "c": 2}), SMALL)
    train, valid = data.split(pictures, 0.2)
    assert valid.labels.bincount().tolist() == [4, 1, 1]
    assert train.labels.bincount().tolist() == [16, 4, 1]
    assert sorted(train.files + valid.files) == sorted(pictures.files)
    assert data.split(pictures, 0.2)[1].files == valid.files
    assert data.split(pictures, 0.2, seed=1)[1].files != valid.files
    for part in (train, valid):
        for i, file in enumerate(part.files):
            k = pictures.files.index(file)
            assert part.labels[i] == pictures.labels[k]
            assert part[i][0].equal(pictures[k][0])


def test_few_draws_as_many_of_each_class_and_others_with_another_seed(pictures):
    drawn = data.few(pictures, 4)
    assert Counter(file.parent.name for file in set(drawn.files)) == {"a": 4, "b": 4}
    assert drawn.files == data.few(pictures, 4).files != data.few(pictures, 4, seed=1).files
    assert sorted(data.few(pictures, 100).files) == sorted(pictures.files)


@pytest.mark.trap("pictures left out in silence")
def test_what_is_no_picture_or_in_no_class_is_told_and_the_rest_is_read(tmp_path, capsys):
    draw_classes(tmp_path, {"a": 2, "b": 2})
    (tmp_path / "a" / "more").mkdir()
    (tmp_path / "a" / "1.png").rename(tmp_path / "a" / "more" / "1.PNG")
    (tmp_path / "b" / "3.heic").write_bytes(b"from a phone")
    (tmp_path / "b" / "2.png").rename(tmp_path / "left.png")
    pictures = data.read_folder(tmp_path, SMALL)
    assert [file.name for file in pictures.files] == ["1.PNG", "2.png", "1.png"]
    phone, stray = capsys.readouterr().out.splitlines()
    assert "1 .heic left out" in phone and "1 .png left out, since they are in no folder" in stray


def test_a_class_of_pictures_that_pillow_cannot_read_says_so(tmp_path):
    draw_classes(tmp_path, {"a": 2, "b": 2, "c": 0})
    (tmp_path / "c" / "1.HEIC").write_bytes(b"from a phone")
    with pytest.raises(CourseError, match="c itself holds no pictures that Pillow reads"):
        data.read_folder(tmp_path, SMALL)


def test_the_folder_above_train_and_test_is_not_taken_for_two_classes(tmp_path):
    for part in ("train", "test"):
        draw_classes(tmp_path / part, {"a": 2, "b": 2})
    with pytest.raises(
        CourseError, match="test itself holds no pictures .* or give it to read_folder"
    ):
        data.read_folder(tmp_path, SMALL)


@pytest.mark.parametrize(
    "names", ["ant Ant", "ant,ant ", "caf\u00e9 cafe\u0301", "bee hive,beehive"]
)
def test_classes_whose_names_look_alike_are_refused(tmp_path, names):
    one, other = names.split("," if "," in names else " ")
    draw_classes(tmp_path, {one: 2, "fly": 2})
    draw_classes(tmp_path, {other: 2})
    with pytest.raises(CourseError, match="look alike"):
        data.read_folder(tmp_path, SMALL)


@pytest.mark.parametrize("kind", [list, iter, tuple, lambda paths: map(str, paths)])
def test_files_are_given_as_paths_or_texts_of_any_iterable(tmp_path, kind):
    files = sorted(draw_classes(tmp_path, {"a": 3}).glob("a/*"))
    pictures = data.read_files(kind(files), [0, 0, 0], ["a"], SMALL)
    assert pictures.files == files and len(pictures) == 3


def test_the_home_folder_may_be_written_as_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    draw_classes(tmp_path / "pets", {"a": 1, "b": 1})
    assert len(data.read_folder("~/pets", SMALL)) == 2
    monkeypatch.setenv("COURSE_DATA", "~")
    (tmp_path / "hotdog").mkdir()
    assert data.find("hotdog", "full") == tmp_path / "hotdog"


def test_pictures_compare_and_hash_by_identity(pictures):
    other = pictures.subset(range(len(pictures)))
    assert pictures == pictures and pictures != other and len({pictures, other}) == 2


@pytest.mark.trap("class order differs between parts")
def test_a_class_that_only_one_part_has_is_named(tmp_path, monkeypatch):
    draw_classes(tmp_path / "hotdog" / "train", {"a": 3, "b": 3, "c": 3})
    draw_classes(tmp_path / "hotdog" / "test", {"a": 3, "c": 3})
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    with pytest.raises(CourseError, match=r"\bb\b.* only one of train and test"):
        data.load("hotdog", "full", SMALL)


def test_the_variable_course_size_wins_and_an_unknown_size_is_named(monkeypatch):
    monkeypatch.setenv("COURSE_SIZE", "full")
    assert data.chosen_size("drawn") == "full"
    monkeypatch.setenv("COURSE_SIZE", "")
    assert data.chosen_size("tiny") == "tiny"
    monkeypatch.setenv("COURSE_SIZE", "huge")
    with pytest.raises(CourseError, match='"huge"'):
        data.chosen_size("drawn")


def test_a_set_has_the_size_that_was_asked_for_whatever_the_variable_says(monkeypatch, tmp_path):
    for part in ("train", "test"):
        draw_classes(tmp_path / "hotdog" / part, {"a": 120, "b": 3})
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    monkeypatch.setenv("COURSE_SIZE", "tiny")
    assert data.find("hotdog", "full") == tmp_path / "hotdog"
    assert data.find("hotdog", "drawn") == data.FOLDER / "drawn" / "hotdog"
    assert [len(part) for part in data.load("hotdog", "full", SMALL)] == [98, 25, 123]
    assert [len(part) for part in data.load("hotdog", "tiny", SMALL)] == [82, 21, 53]


@pytest.mark.parametrize("place", ["none", "~nobody/data", "a file"])
def test_a_course_data_that_is_not_a_folder_is_named(monkeypatch, tmp_path, place):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a file").touch()
    monkeypatch.setenv("COURSE_DATA", place)
    with pytest.raises(CourseError, match=f"COURSE_DATA names {place}"):
        data.load("hotdog", "full", SMALL)


@pytest.mark.parametrize(
    "counts, words",
    [
        ({"test": {"a": 2, "b": 2}}, "train"),
        ({"train": {"a": 2, "b": 1}, "test": {"a": 1, "b": 1}}, '"b" has 1 of the two'),
    ],
)
def test_a_shared_data_set_that_cannot_be_split_is_refused(monkeypatch, tmp_path, counts, words):
    for part, classes in counts.items():
        draw_classes(tmp_path / "hotdog" / part, classes)
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    with pytest.raises(CourseError, match=words):
        data.load("hotdog", "full", SMALL)


def test_batches_are_normalised_and_the_last_one_is_kept(pictures):
    batches = list(data.loader(pictures, 4))
    assert [len(y) for _, y in batches] == [4, 4, 4, 4, 4, 2]
    assert torch.cat([y for _, y in batches]).equal(pictures.labels)
    for row, (square, _) in zip(torch.cat([x for x, _ in batches]), pictures, strict=True):
        mean, std = (torch.tensor(v).view(3, 1, 1) for v in (SMALL.mean, SMALL.std))
        torch.testing.assert_close(row, (square / 255 - mean) / std)


@pytest.mark.slow
@pytest.mark.trap("workers on Windows and macOS")
def test_a_worker_that_starts_from_nothing_gives_the_same_batches(pictures):
    spawned = data.loader(pictures, 8, workers=1)
    spawned.multiprocessing_context = "spawn"  # what Windows and macOS do
    for (x, y), (u, v) in zip(data.loader(pictures, 8), spawned, strict=True):
        assert torch.equal(x, u) and torch.equal(y, v)


def test_an_augmentation_that_works_in_place_leaves_the_pictures_as_they_are(pictures):
    before = [picture.clone() for picture in pictures.decoded]
    black = v2.Compose([v2.CenterCrop(16), v2.Lambda(lambda picture: picture.zero_())])
    for batch, _ in data.loader(pictures, 4, augment=black):
        assert batch.unique().numel() == 3  # one value per colour: the pictures are all black
    assert all(a.equal(b) for a, b in zip(pictures.decoded, before, strict=True))
