"""What lesson 00 shows, before any training."""

import re

from tests.lessons.committed import code_cells, printed, read


def test_the_name_hotdog_is_better_than_always_saying_no(numbers):
    measured = numbers("00")
    named = measured["the name hotdog comes first, no training"]
    assert named > measured["always the same answer"] + 0.2


def test_the_name_hotdog_misses_hot_dogs_and_hardly_ever_hits_anything_else():
    lines = printed(read("00"), "00-zero-shot").splitlines()
    missed, mistaken = (re.search(r"= (\d\.\d\d), from (\S+) to (\S+)", x) for x in lines)
    assert float(missed[3]) < 0.9
    assert float(mistaken[1]) < 0.05


def test_four_of_the_drawn_pictures_are_named_and_three_wrong_names_look_likely():
    (cell,) = (cell for cell in code_cells(read("00")) if cell.id == "00-show")
    told = cell.outputs[0]["data"]["text/plain"]
    names = re.findall(r"(?:: |, )([a-zA-Z ]+) (\d+)%", told)
    wrong = [int(percent) for name, percent in names if name not in ("hotdog", "banana")]
    assert (len(names), len(wrong)) == (12, 8)
    assert sum(percent > 40 for percent in wrong) == 3


def test_the_answers_of_random_weights_hardly_depend_on_the_picture():
    moved = re.compile(r"moved (0\.\d\d)")
    untrained = moved.findall(printed(read("00"), "00-random-seeds"))
    (pretrained,) = moved.findall(printed(read("00"), "00-random-pretrained"))
    assert len(untrained) == 6 and max(map(float, untrained)) < 0.15
    assert float(pretrained) > 0.8
