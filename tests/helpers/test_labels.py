"""Matching class names, asking a network, and rows that are reused."""

import pytest
import timm
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchvision import models as zoo

from helpers import CourseError
from helpers.labels import ask, imagenet_classes, imagenet_synonyms, match_labels
from helpers.models import load_pretrained, output_layer, reuse_rows
from tests.conftest import SmallNet

IMAGENET = imagenet_classes()


def partner(name: str, match="synonyms", source=IMAGENET):
    (found,) = match_labels(source, [name], match)
    assert found.target == name
    return found.source, found.how


def test_imagenet_has_a_thousand_different_names_with_their_synonyms():
    assert len(IMAGENET) == len(set(IMAGENET)) == 1000
    synonyms = imagenet_synonyms()
    assert list(synonyms) == IMAGENET
    assert synonyms["hotdog"] == ["hotdog", "hot dog", "red hot"]
    assert synonyms["cougar"][0] == "cougar" and "puma" in synonyms["cougar"]


@pytest.mark.parametrize("name", ["hotdog", "hot dog", "Hot-Dog", "HOT_DOG"])
@pytest.mark.parametrize("match", ["exact", "synonyms"])
def test_capitals_spaces_and_hyphens_do_not_count(name, match):
    assert partner(name, match) == ("hotdog", "exact")


def test_every_class_of_imagenet_is_its_own_partner():
    for match in ("exact", "synonyms"):
        assert [m.source for m in match_labels(IMAGENET, IMAGENET, match)] == IMAGENET


@pytest.mark.parametrize(
    "name, source", [("courgette", "zucchini"), ("puma", "cougar"), ("Shades", "sunglasses")]
)
def test_a_synonym_is_found_when_asked_for(name, source):
    assert partner(name) == (source, "synonym")
    assert partner(name, "exact") == (None, "no partner")


def test_a_name_of_two_classes_is_told_and_not_guessed():
    assert partner("panther") == (None, "ambiguous: cougar or jaguar")
    assert partner("CARDIGAN", "exact") == (None, "ambiguous: Cardigan or cardigan")
    assert partner("crane") == ("crane", "exact, also a name of crane bird")
    assert partner("cardigan") == ("cardigan", "exact, also a name of Cardigan")


def test_breeds_of_dogs_as_kaggle_writes_them_are_found_by_name():
    breeds = ["shih-tzu", "old_english_sheepdog", "german_short-haired_pointer", "samoyed"]
    assert [m.source for m in match_labels(IMAGENET, breeds, "exact")] == [
        "Shih-Tzu",
        "Old English sheepdog",
        "German short-haired pointer",
        "Samoyed",
    ]


def test_a_class_without_partner_says_so():
    assert partner("baguette") == (None, "no partner")
    assert partner("", "exact") == (None, "no partner")


def test_partners_of_your_own():
    found = match_labels(["x", "y"], ["a", "b", "c"], {"a": "y", "b": None})
    assert [(m.source, m.how) for m in found] == [
        ("y", "given"),
        (None, "no partner"),
        (None, "no partner"),
    ]


def test_names_that_are_no_classes_and_ways_that_are_none_are_refused():
    with pytest.raises(CourseError, match='"z" is no class here'):
        match_labels(["x"], ["a"], {"a": "z"})
    with pytest.raises(CourseError, match='"b" is no class here'):
        match_labels(["x"], ["a"], {"b": "x"})
    with pytest.raises(CourseError, match='match is "meaning"'):
        match_labels(["x"], ["a"], "meaning")


SAID = torch.tensor([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.7, 0.2, 0.1], [0.1, 0.2, 0.7]])


def test_asking_takes_the_name_that_comes_first_most_often():
    labels = torch.tensor([0, 0, 0, 1])
    found = ask(SAID, labels, ["x", "y", "z"], ["a", "b"])
    assert found[0] == ("a", "x", "first for 67% of 3 pictures")
    assert found[1] == ("b", "z", "first for 100% of 1 pictures")


def test_asking_refuses_what_is_too_rarely_said_and_tells_what_it_was():
    labels = torch.tensor([0, 0, 0, 0])
    (found,) = ask(SAID, labels, ["x", "y", "z"], ["a"], at_least=0.6)
    assert found == ("a", None, "no partner: x first for 50% of 4 pictures")
    (found,) = ask(SAID, labels, ["x", "y", "z"], ["a"])
    assert found.source == "x"


def test_asking_needs_pictures_of_every_class_and_a_column_for_every_name():
    with pytest.raises(CourseError, match='no picture of "b"'):
        ask(SAID, torch.zeros(4, dtype=torch.long), ["x", "y", "z"], ["a", "b"])
    with pytest.raises(CourseError, match="4 x 2, pictures x source classes, not 4 x 3"):
        ask(SAID, torch.zeros(4, dtype=torch.long), ["x", "y"], ["a"])


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_copied_rows_say_what_the_source_network_says(data):
    source_names = [f"s{i}" for i in range(data.draw(st.integers(2, 9)))]
    chosen = data.draw(
        st.lists(st.sampled_from([*source_names, None]), min_size=2, max_size=6), label="partners"
    )
    targets = [f"t{i}" for i in range(len(chosen))]
    net = SmallNet(len(source_names)).eval()
    pictures = torch.rand(3, 3, 16, 16)
    before = net(pictures)
    matches = reuse_rows(net, source_names, targets, dict(zip(targets, chosen, strict=True)), 2.5)
    after = net(pictures)
    assert after.shape == (3, len(targets)) and net.class_names == targets
    assert [m.source for m in matches] == chosen
    for i, name in enumerate(chosen):
        if name:
            torch.testing.assert_close(after[:, i], before[:, source_names.index(name)])
        else:
            assert output_layer(net)[1].bias[i] == 2.5


@pytest.mark.parametrize("name", ["efficientnet_lite0", "resnet18", "vit_tiny_patch16_224"])
def test_rows_are_reused_in(name):
    torch.manual_seed(0)
    net = load_pretrained(name, weights=None)
    pictures = torch.rand(2, 3, 224, 224)
    with torch.inference_mode():
        before = net(pictures)
        matches = reuse_rows(net, net.class_names, ["puma", "baguette", "hot-dog"])
        after = net(pictures)
    assert [m.source for m in matches] == ["cougar", None, "hotdog"]
    for column, source in ((0, "cougar"), (2, "hotdog")):
        torch.testing.assert_close(after[:, column], before[:, IMAGENET.index(source)])


def test_new_rows_are_random_and_follow_the_seed():
    def new_row(seed):
        torch.manual_seed(seed)
        net = SmallNet(3)
        torch.manual_seed(seed + 100)
        reuse_rows(net, ["x", "y", "z"], ["x", "other"], "exact")
        return net[6].weight[1]

    assert torch.equal(new_row(0), new_row(0))
    assert not torch.equal(new_row(0), new_row(1))


def test_a_copy_can_be_trained_and_leaves_the_old_rows_alone():
    net, names = SmallNet(3), ["x", "y", "z"]
    old = net[6]
    kept = old.weight.clone()
    reuse_rows(net, names, ["z", "x"])
    new = output_layer(net)[1]
    assert new.weight.requires_grad and new.weight.is_leaf
    with torch.no_grad():
        new.weight.add_(1)
    assert torch.equal(old.weight, kept)


def test_an_output_layer_without_bias_has_rows_too():
    old = nn.Linear(4, 3, bias=False)
    net = nn.Sequential(old)
    reuse_rows(net, ["x", "y", "z"], ["z", "x"])
    assert torch.equal(net[0].weight, old.weight[[2, 0]])
    assert net[0].bias.tolist() == [0, 0]


@pytest.mark.parametrize(
    "source_names, targets, said",
    [
        (["x", "y"], ["a", "b"], "3 outputs and source_names 2"),
        (["x", "y", "x"], ["a", "b"], "source_names holds .* twice"),
        (["x", "y", "z"], ["a", "a"], "target_names holds .* twice"),
        (["x", "y", "z"], ["x"], "two classes or more"),
        (None, ["a", "b"], "not known: give them as source_names"),
    ],
)
def test_what_cannot_be_reused_is_told_and_the_network_stays_as_it_was(source_names, targets, said):
    net = SmallNet(3)
    old = net[6]
    with pytest.raises(CourseError, match=said):
        reuse_rows(net, source_names, targets)
    assert net[6] is old


def test_a_network_without_linear_classifier_is_refused():
    with pytest.raises(CourseError, match="no linear output layer"):
        reuse_rows(zoo.squeezenet1_1(), IMAGENET, ["a", "b"])
    with pytest.raises(CourseError, match="no linear output layer"):
        reuse_rows(timm.create_model("tf_efficientnet_lite0", num_classes=0), [], ["a", "b"])
