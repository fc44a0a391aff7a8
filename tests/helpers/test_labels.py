"""Matching class names, asking a network, and rows that are reused."""

import pytest
import torch
from torch import nn

from helpers import CourseError
from helpers.labels import ask, imagenet_classes, imagenet_synonyms, match_labels
from helpers.models import load_pretrained, reuse_rows
from tests.conftest import SmallNet

IMAGENET = imagenet_classes()


def test_each_of_the_thousand_names_of_imagenet_is_its_own_partner_and_has_synonyms():
    assert len(IMAGENET) == len(set(IMAGENET)) == 1000
    synonyms = imagenet_synonyms()
    assert list(synonyms) == IMAGENET
    assert synonyms["hotdog"] == ["hotdog", "hot dog", "red hot"]
    assert [row.source for row in match_labels(IMAGENET, IMAGENET)] == IMAGENET


@pytest.mark.parametrize(
    "name, match, source, how",
    [
        ("Hot-Dog", "exact", "hotdog", "exact"),
        ("old_english_sheepdog", "synonyms", "Old English sheepdog", "exact"),
        ("courgette", "exact", None, "no partner"),
        ("courgette", "synonyms", "zucchini", "synonym"),
        ("baguette", "synonyms", None, "no partner"),
        ("panther", "synonyms", None, "ambiguous: cougar or jaguar"),
        ("CARDIGAN", "exact", None, "ambiguous: Cardigan or cardigan"),
        ("crane", "synonyms", "crane", "exact, also a name of crane bird"),
    ],
)
def test_a_name_finds_its_partner_and_what_is_unclear_is_reported(name, match, source, how):
    assert match_labels(IMAGENET, [name], match) == [(name, source, how)]


def test_partners_of_your_own_choice():
    rows = match_labels(["x", "y"], ["a", "b", "c"], {"a": "y", "b": None})
    assert [row.source for row in rows] == ["y", None, None]
    assert [row.how for row in rows[1:]] == ["no partner"] * 2


def test_asking_takes_the_name_that_comes_first_often_enough():
    ants = torch.tensor([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.7, 0.2, 0.1]])
    bees = torch.tensor([[0.1, 0.2, 0.7], [0.1, 0.6, 0.3]])
    labels = torch.tensor([0, 0, 0, 1, 1])
    ant, bee = ask(torch.cat([ants, bees]), labels, ["x", "y", "z"], ["ant", "bee"], at_least=0.6)
    assert ant == ("ant", "x", "first for 67% of 3 pictures")
    assert bee == ("bee", None, "no partner: y first for 50% of 2 pictures")


def test_rows_of_imagenet_are_reused_and_say_what_they_said_before():
    net = load_pretrained(weights=None)
    pictures = torch.rand(2, 3, 224, 224)
    with torch.inference_mode():
        before = net(pictures)
        matches = reuse_rows(net, net.class_names, ["puma", "baguette", "hot-dog"], new_bias=2.5)
        after = net(pictures)
    assert [row.source for row in matches] == ["cougar", None, "hotdog"]
    assert net.class_names == ["puma", "baguette", "hot-dog"]
    for column, source in ((0, "cougar"), (2, "hotdog")):
        torch.testing.assert_close(after[:, column], before[:, IMAGENET.index(source)])
    assert net.classifier.bias[1] == 2.5


def test_an_output_layer_without_bias_has_rows_too():
    old = nn.Linear(4, 3, bias=False)
    net = nn.Sequential(old)
    reuse_rows(net, ["x", "y", "z"], ["z", "x"])
    assert torch.equal(net[0].weight, old.weight[[2, 0]])
    assert net[0].bias.tolist() == [0, 0]


@pytest.mark.parametrize(
    "source_names, targets, words",
    [
        (["x", "y"], ["a", "b"], "3 outputs and source_names has 2"),
        (["x", "y", "z"], ["x"], "at least two classes"),
        (None, ["a", "b"], "not known: give them as source_names"),
    ],
)
def test_when_rows_cannot_be_reused_the_network_stays_as_it_was(source_names, targets, words):
    net = SmallNet(3)
    old = net[6]
    with pytest.raises(CourseError, match=words):
        reuse_rows(net, source_names, targets)
    assert net[6] is old
