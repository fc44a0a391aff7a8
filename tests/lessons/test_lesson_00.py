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


def test_a_wrong_name_of_a_drawn_picture_is_likelier_than_a_right_one():
    (cell,) = (cell for cell in code_cells(read("00")) if cell.id == "00-show")
    told = cell.outputs[0]["data"]["text/plain"]
    names = re.findall(r"(?:: |; )([a-zA-Z ]+) (\d+)%", told)
    right = [name for name, _ in names if name in ("hotdog", "banana", "pretzel", "French loaf")]
    assert (len(names), len(right)) == (12, 7)
    assert names[1] == ("hotdog", "37") and names[7] == ("mailbag", "49")


def test_the_answers_of_random_weights_hardly_depend_on_the_picture():
    moved = re.compile(r"moved (0\.\d\d)")
    untrained = moved.findall(printed(read("00"), "00-random-seeds"))
    (pretrained,) = moved.findall(printed(read("00"), "00-random-pretrained"))
    assert len(untrained) == 6 and max(map(float, untrained)) < 0.15
    assert float(pretrained) > 0.8


def test_nor_does_the_order_of_the_names_depend_on_the_picture_before_training():
    told = printed(read("00"), "00-random-order")
    untrained, pretrained = map(float, re.findall(r": (-?\d\.\d\d)", told))
    assert untrained > 0.95 and abs(pretrained) < 0.2
