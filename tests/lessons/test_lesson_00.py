"""What lesson 00 shows, before any training."""


def test_the_name_hotdog_is_better_than_always_saying_no(numbers):
    measured = numbers("00")
    named = measured["the name hotdog comes first, no training"]
    assert named > measured["always the same answer"] + 0.2
