"""Copies by their pixels, groups by likeness and time."""

import pytest
import torch
from PIL import Image

from helpers import alike, collection, data
from helpers.preprocess import Preprocess
from tests.helpers.test_grouped import shot

PHOTO = Preprocess(128, 146, (0.5,) * 3, (0.5,) * 3, "bicubic")


@pytest.mark.parametrize(("smaller", "quality"), [(2, 50), (3, 30)])
def test_copies_made_smaller_and_saved_again_are_found_and_other_pictures_are_not(
    tmp_path, smaller, quality
):
    folder = data.FOLDER / "drawn" / "hotdog" / "test"
    for file in [*(folder / "hotdog").glob("00?.jpg"), *(folder / "not-hotdog").glob("00?.jpg")]:
        place = tmp_path / file.parent.name
        place.mkdir(exist_ok=True)
        with Image.open(file) as picture:
            picture.save(place / file.name, quality=95)
            small = picture.resize((picture.width // smaller, picture.height // smaller))
            small.save(place / f"WA{file.name}", quality=quality)
    pictures, _ = collection.read(tmp_path, PHOTO)
    pairs = collection.near_pairs(alike.thumbnails(pictures), 0.95)
    names = [{pictures.files[i].name, pictures.files[j].name} for _, i, j in pairs]
    assert len(names) == len(pictures) / 2 > 5
    assert all(f"WA{min(pair, key=len)}" in pair for pair in names)


def test_thumbnails_do_not_heed_light_and_contrast_and_a_blank_picture_is_like_no_other(pictures):
    first = pictures.decoded[0]
    pictures.decoded[1] = (first.float() * 0.5 + 60).to(torch.uint8)
    pictures.decoded[2] = torch.full_like(first, 90)
    rows = alike.thumbnails(pictures)
    assert rows.shape == (22, 256) and rows.mean(1).abs().max() < 1e-3
    (found,) = collection.near_pairs(rows, 0.95)
    assert found[1:] == (0, 1)


def test_time_makes_groups_unless_somebody_hurried_from_thing_to_thing(pictures, capsys):
    """22 pictures: 11 of each class, one after the other."""

    def taken_every(seconds):
        for n, file in enumerate(pictures.files):
            minutes, rest = divmod(n * seconds, 60)
            shot(file.parent, file.name, f"2026:03:02 12:{minutes:02}:{rest:02}")

    taken_every(60)
    shot(pictures.files[1].parent, pictures.files[1].name, "2026:03:02 12:00:20")
    found = alike.groups(pictures, [(5, 6)])
    assert len(set(found)) == 20 and found[0] == found[1] and found[5] == found[6]
    assert not capsys.readouterr().out
    taken_every(20)
    found = alike.groups(pictures, [(5, 6)])
    assert len(set(found)) == 21 and found[5] == found[6]
    assert "30 seconds" in capsys.readouterr().out


def test_where_a_class_shows_one_thing_only_copies_make_groups_and_a_line_says_so(
    pictures, tmp_path, capsys
):
    everything = [(i, i + 1) for i in range(10)]  # the first class: eleven shots of one cup
    found = alike.groups(pictures, everything)
    assert len(set(found)) == len(pictures)
    assert "these very things" in capsys.readouterr().out
