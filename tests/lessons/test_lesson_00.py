"""What lesson 00 shows, before any training."""

import re

from tests.lessons.committed import printed, read


def test_the_name_hotdog_is_better_than_always_saying_no(numbers):
    measured = numbers("00")
    named = measured["the name hotdog comes first, no training"]
    assert named > measured["always the same answer"] + 0.2


def test_the_answers_of_random_weights_hardly_depend_on_the_picture():
    moved = re.compile(r"moved (0\.\d\d)")
    untrained = moved.findall(printed(read("00"), "00-random-seeds"))
    (pretrained,) = moved.findall(printed(read("00"), "00-random-pretrained"))
    assert len(untrained) == 6 and max(map(float, untrained)) < 0.15
    assert float(pretrained) > 0.8
