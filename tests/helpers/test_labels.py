"""Matching class names, asking a network, and rows that are reused."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from helpers import CourseError
from helpers.labels import ask, imagenet_classes, imagenet_synonyms, match_labels
from helpers.models import load_pretrained, output_layer, reuse_rows
from tests.conftest import SmallNet

IMAGENET = imagenet_classes()


def partner(name: str, match="synonyms") -> tuple:
    (row,) = match_labels(IMAGENET, [name], match)
    assert row.target == name
    return row.source, row.how


def test_each_of_the_thousand_names_of_imagenet_is_its_own_partner_and_has_synonyms():
    assert len(IMAGENET) == len(set(IMAGENET)) == 1000
    synonyms = imagenet_synonyms()
    assert list(synonyms) == IMAGENET
    assert synonyms["hotdog"] == ["hotdog", "hot dog", "red hot"]
    assert [row.source for row in match_labels(IMAGENET, IMAGENET)] == IMAGENET


@pytest.mark.parametrize(
    "name, source",
    [
        ("Hot-Dog", "hotdog"),
        ("old_english_sheepdog", "Old English sheepdog"),
        ("german_short-haired_pointer", "German short-haired pointer"),
    ],
)
def test_capitals_spaces_and_hyphens_do_not_count(name, source):
    assert partner(name, "exact") == partner(name) == (source, "exact")


@pytest.mark.parametrize("name, source", [("courgette", "zucchini"), ("Shades", "sunglasses")])
def test_a_synonym_is_found_only_when_asked_for(name, source):
    assert partner(name) == (source, "synonym")
    assert partner(name, "exact") == (None, "no partner")


@pytest.mark.parametrize(
    "name, match, row",
    [
        ("panther", "synonyms", (None, "ambiguous: cougar or jaguar")),
        ("CARDIGAN", "exact", (None, "ambiguous: Cardigan or cardigan")),
        ("crane", "synonyms", ("crane", "exact, also a name of crane bird")),
        ("baguette", "synonyms", (None, "no partner")),
    ],
)
def test_a_name_of_two_classes_or_of_none_is_reported_and_not_guessed(name, match, row):
    assert partner(name, match) == row


def test_partners_of_your_own_choice():
    rows = match_labels(["x", "y"], ["a", "b", "c"], {"a": "y", "b": None})
    assert [row.source for row in rows] == ["y", None, None]
    assert [row.how for row in rows[1:]] == ["no partner"] * 2


SAID = torch.tensor([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.7, 0.2, 0.1], [0.1, 0.2, 0.7]])


def test_asking_takes_the_name_that_comes_first_most_often():
    a, b = ask(SAID, torch.tensor([0, 0, 0, 1]), ["x", "y", "z"], ["a", "b"])
    assert a == ("a", "x", "first for 67% of 3 pictures")
    assert b == ("b", "z", "first for 100% of 1 pictures")


def test_asking_refuses_a_name_that_comes_first_too_rarely():
    labels = torch.zeros(4, dtype=torch.long)
    (row,) = ask(SAID, labels, ["x", "y", "z"], ["a"], at_least=0.6)
    assert row == ("a", None, "no partner: x first for 50% of 4 pictures")
    (row,) = ask(SAID, labels, ["x", "y", "z"], ["a"], at_least=0.5)
    assert row.source == "x"


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_copied_rows_say_what_the_source_network_says(data):
    source_names = [f"s{i}" for i in range(data.draw(st.integers(2, 9)))]
    partners = data.draw(st.lists(st.sampled_from([*source_names, None]), min_size=2, max_size=6))
    targets = [f"t{i}" for i in range(len(partners))]
    net = SmallNet(len(source_names)).eval()
    pictures = torch.rand(3, 3, 16, 16)
    before = net(pictures)
    matches = reuse_rows(net, source_names, targets, dict(zip(targets, partners, strict=True)), 2.5)
    after = net(pictures)
    assert after.shape == (3, len(targets)) and net.class_names == targets
    assert [row.source for row in matches] == partners
    for i, name in enumerate(partners):
        if name:
            torch.testing.assert_close(after[:, i], before[:, source_names.index(name)])
        else:
            assert output_layer(net)[1].bias[i] == 2.5


def test_rows_of_imagenet_are_reused():
    net = load_pretrained(weights=None)
    pictures = torch.rand(2, 3, 224, 224)
    with torch.inference_mode():
        before = net(pictures)
        matches = reuse_rows(net, net.class_names, ["puma", "baguette", "hot-dog"])
        after = net(pictures)
    assert [row.source for row in matches] == ["cougar", None, "hotdog"]
    for column, source in ((0, "cougar"), (2, "hotdog")):
        torch.testing.assert_close(after[:, column], before[:, IMAGENET.index(source)])


def test_an_output_layer_without_bias_has_rows_too():
    old = nn.Linear(4, 3, bias=False)
    net = nn.Sequential(old)
    reuse_rows(net, ["x", "y", "z"], ["z", "x"])
    assert torch.equal(net[0].weight, old.weight[[2, 0]])
    assert net[0].bias.tolist() == [0, 0]


@pytest.mark.parametrize(
    "source_names, targets, words",
    [
        (["x", "y"], ["a", "b"], "3 outputs and source_names 2"),
        (["x", "y", "z"], ["x"], "two classes or more"),
        (None, ["a", "b"], "not known: give them as source_names"),
    ],
)
def test_when_rows_cannot_be_reused_the_network_stays_as_it_was(source_names, targets, words):
    net = SmallNet(3)
    old = net[6]
    with pytest.raises(CourseError, match=words):
        reuse_rows(net, source_names, targets)
    assert net[6] is old
