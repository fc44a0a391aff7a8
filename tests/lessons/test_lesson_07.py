"""Lesson 07 answers every question from class, and its answers are what its cells measured."""

import re

import torch

from helpers import models
from helpers.data import loader
from helpers.train import extract_features
from tests.lessons.test_lessons import inline, read


def prose() -> str:
    return "\n".join(cell.source for cell in read("07").cells if cell.cell_type == "markdown")


def test_every_question_of_the_notes_has_a_heading_and_two_answers():
    sections = re.split(r"^### ", prose(), flags=re.M)[1:]
    found = [re.findall(r"Q(\d\d[ab]?)", text.splitlines()[0]) for text in sections]
    wanted = {str(n) for n in range(21, 44) if n != 42} | {"42a", "42b"}
    assert sorted(number for numbers in found for number in numbers) == sorted(wanted)
    for text in sections:
        assert "**In class:**" in text and re.search(r"\*\*Today(: [a-z ]+)?[.:]?", text), text[:60]


def test_the_table_leads_to_every_question():
    text = prose()
    headings = re.findall(r"^### (.+)$", text, flags=re.M)
    table = re.findall(r"^\| \[(.+?)\]\(#(.+?)\) \|", text, flags=re.M)
    assert sorted(name for name, _ in table) == sorted(headings)
    for name, anchor in table:
        assert anchor == name.replace(" ", "-")
    anchors = {name.replace(" ", "-") for name in headings}
    assert set(re.findall(r"\]\(#(.+?)\)", text)) <= anchors


def test_the_table_says_what_the_sections_say():
    verdicts = {"yes": "held", "partly": "partly", "no": "no", "no longer": "no longer"}
    rows = re.findall(r"^\| \[(.+?)\]\(.+?\) \| .+? \| (.*?) ?\|", prose(), flags=re.M)
    sections = dict(text.split("\n", 1) for text in re.split(r"^### ", prose(), flags=re.M)[1:])
    for name, verdict in rows:
        said = re.search(r"\*\*Today(?:: ([a-z ]+))?", sections[name])[1]
        assert said == verdicts.get(verdict), (name, verdict, said)


def test_all_stages_in_one_pass_are_the_features_of_each_stage(pictures):
    net = models.replace_head(
        models.load_pretrained("test_resnet", weights=None, size=16), pictures.class_names
    )
    from helpers import data, train

    found = inline("07", models=models, train=train, data=data)["all_stages"](net, pictures)
    assert len(found) == len(models.stages(net))
    for n, features in found.items():
        wanted, _ = extract_features(net, loader(pictures, 16), n)
        torch.testing.assert_close(torch.tensor(features), wanted)


def test_the_normalising_layer_gives_the_bits_of_the_transform(pictures):
    wants = pictures.preprocess
    layer = inline("07")["Normalise"](wants.mean, wants.std)
    raw = torch.stack([picture for picture, _ in pictures])
    assert layer(raw).equal(wants.normalize(raw))
    assert layer(raw).equal(next(iter(loader(pictures, len(pictures))))[0])


def test_what_photographs_taught_sits_in_the_upper_half(numbers):
    found = numbers("07")
    for task in ("hot dogs", "ten objects"):
        low, top = (
            found[f"{task}, probe on {where}, trained weights"]
            - found[f"{task}, probe on {where}, random weights"]
            for where in ("stage 2", "top stage")
        )
        assert abs(low) < 0.15 < 0.2 < top


def test_classes_that_imagenet_lacks_are_told_apart_as_well(numbers):
    found = numbers("07")
    known, unknown = (found[f"foods {kind}, probe"] for kind in ("known to ImageNet", "unknown"))
    assert unknown > known - 0.1 > 0.5


def test_imbalance_spoils_the_classifier_and_not_the_body(numbers):
    found = numbers("07")
    cells = {
        (body, top): found[f"imbalance: body {body}, classifier {top}"]
        for body in ("9 : 1", "1 : 1")
        for top in ("9 : 1", "1 : 1")
    }
    assert cells["9 : 1", "1 : 1"] > cells["1 : 1", "1 : 1"] - 0.1
    assert cells["1 : 1", "9 : 1"] < cells["1 : 1", "1 : 1"] - 0.1
    assert cells["9 : 1", "1 : 1"] > cells["9 : 1", "9 : 1"] + 0.15
    moved = found["imbalance: body 9 : 1, classifier 9 : 1, one number moved"]
    assert moved > cells["9 : 1", "9 : 1"] + 0.05


def test_the_same_numbers_on_both_sides_are_better_on_average(numbers):
    found = numbers("07")
    same = found["normalisation: the same in training and prediction"]
    assert same > found["normalisation: another in prediction"] + 0.005


def test_radar_pictures_beat_photographs_for_radar_and_scratch_catches_up(numbers):
    few, many = (
        {
            name: numbers("07")[f"sea, {count} of a kind: {name}"]
            for name in ("pixels", "ImageNet", "radar", "scratch", "radar, fine-tuned")
        }
        for count in (5, 80)
    )
    assert few["radar"] > few["ImageNet"] + 0.05 and few["ImageNet"] > few["pixels"] + 0.15
    assert few["scratch"] < few["ImageNet"] - 0.1
    assert many["scratch"] > many["ImageNet"] - 0.02
    assert max(many, key=many.get) in ("radar", "radar, fine-tuned")


def test_far_from_its_source_a_network_gains_little(numbers):
    found = numbers("07")
    near, far = (found[f"gain by radar weights over random ones: {t}"] for t in ("sea", "digits"))
    assert near > far + 0.05 and abs(far) < 0.1
    assert found["freezing, digits: bottom 4"] < found["freezing, digits: none"] - 0.08
    assert abs(found["freezing, sea: bottom 4"] - found["freezing, sea: none"]) < 0.08
    assert found["freezing, digits: as probes choose"] < found["freezing, digits: none"]


def test_fine_tuning_bears_some_learning_rates_and_breaks_at_the_highest(numbers):
    found = numbers("07")
    assert 2 <= found["learning rates: useful of four"] <= 3
    best, highest = (found[f"learning rates: the {which} of four"] for which in ("best", "highest"))
    assert highest < best - 0.1


def test_a_large_first_step_spoils_a_good_start(numbers):
    found = numbers("07")
    small, large, warm = (
        found[f"first steps at {name}: lower of steps 1 and 2"]
        for name in ("2e-5", "3e-4", "3e-4, warm-up")
    )
    assert large < min(small, warm) - 0.05
    assert min(small, warm) > found["first steps: before"] - 0.1


def test_one_kept_stage_brings_most_of_the_gain(numbers):
    found = numbers("07")
    for way in ("frozen", "all learn"):
        assert found[f"bottom 1 kept, {way}"] > found["bottom 0 kept, all learn"] + 0.15
