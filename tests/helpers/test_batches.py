"""Whatever loader a person brings: the right number, or one sentence before anything is trained."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    RandomSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
)
from torchvision.transforms import v2

from helpers import CourseError, data, models, plot
from helpers.train import evaluate, extract_features, fit, predict
from tests.conftest import SmallNet, is_a_sentence

X, Y = torch.randn(8, 3, 8, 8), torch.arange(8) % 2


class Flat(nn.Sequential):
    """Two outputs for pictures (3, 8, 8)."""

    def __init__(self):
        torch.manual_seed(0)
        super().__init__(nn.Flatten(), nn.Linear(192, 2))


def refused(action, words: str) -> None:
    with pytest.raises(CourseError, match=words) as caught:
        action()
    assert is_a_sentence(str(caught.value))


def train(loader, net=None):
    net = net or Flat()
    return fit(net, loader, None, torch.optim.SGD(net.parameters(), 0.1), 1, quiet=True)


@pytest.mark.parametrize("labels", [Y.int(), Y.to(torch.uint8), Y[:, None]])
def test_whole_numbers_of_any_type_or_in_a_column_are_labels(labels):
    same, other = (DataLoader(TensorDataset(X, y), 3) for y in (Y, labels))
    assert evaluate(Flat(), other) == evaluate(Flat(), same)
    assert train(other).epochs[0]["train_loss"] == train(same).epochs[0]["train_loss"]


@pytest.mark.parametrize(
    "labels, words",
    [
        (Y.float(), "float32"),
        (torch.eye(3)[Y], r", 3\), and the network has 2 outputs"),
        (Y + 1, "from 1 to 2, and the network has 2 outputs"),
        (Y - 1, "from -1 to 0"),
        (Y * 0 - 100, "from -100 to -100"),
    ],
)
def test_labels_that_are_no_class_numbers_are_refused(labels, words):
    loader = DataLoader(TensorDataset(X, labels), 3)
    refused(lambda: evaluate(Flat(), loader), words)
    refused(lambda: train(loader), words)


class Dictionaries(Dataset):
    def __len__(self):
        return 8

    def __getitem__(self, i):
        return {"pixel_values": X[i], "labels": int(Y[i])}


@pytest.mark.parametrize("pictures", [X, TensorDataset(X), TensorDataset(X, Y, Y)])
@pytest.mark.parametrize("batch", [2, 3])
def test_predict_needs_no_labels_and_the_rest_says_so(pictures, batch):
    loader = DataLoader(pictures, batch)
    assert torch.equal(predict(Flat(), loader), Flat()(X).softmax(1)) is True
    refused(lambda: evaluate(Flat(), loader), "give pairs")
    refused(lambda: train(loader), "give pairs")


@pytest.mark.parametrize(
    "loader, words",
    [
        (DataLoader(Dictionaries(), 4), "of the type dict"),
        (DataLoader(TensorDataset((X * 50).byte(), Y), 4), "uint8"),
        (
            DataLoader(
                TensorDataset(X, Y), batch_sampler=BatchSampler(RandomSampler(range(8)), 4, False)
            ),
            "batch_size",
        ),
    ],
)
def test_batches_that_cannot_be_used_are_refused_everywhere(loader, words):
    for action in (train, lambda it: evaluate(Flat(), it), lambda it: predict(Flat(), it)):
        refused(lambda action=action: action(loader), words)


def test_a_loader_that_drops_everything_is_refused_before_training():
    refused(lambda: train(DataLoader(TensorDataset(X, Y), 16, drop_last=True)), "all of its 8")


def test_no_picture_is_left_out_of_a_measurement():
    loader = DataLoader(TensorDataset(X, Y), 3, drop_last=True)
    for measure in (evaluate, predict, extract_features):
        refused(lambda measure=measure: measure(Flat(), loader), "drops 2 of 8 pictures")
    assert len(predict(Flat(), DataLoader(TensorDataset(X, Y), 4, drop_last=True))) == 8


@pytest.mark.trap("class order differs between train, valid and test")
@pytest.mark.parametrize("names", [["b", "a"], ["A", "b"], ["a", "b", "c"]])
def test_a_network_of_other_classes_is_not_measured_or_trained(pictures, names):
    net = SmallNet(len(names))
    net.class_names = names
    for action in (lambda it: train(it, net), lambda it: evaluate(net, it)):
        refused(lambda action=action: action(data.loader(pictures, 4)), "classes")
    part = Subset(data.loader(pictures, 4).dataset, range(5))
    refused(lambda: evaluate(net, DataLoader(part, 5)), "classes")


def test_an_output_layer_replaced_by_hand_is_measured_though_the_old_names_are_left(pictures, net):
    net.class_names = [str(i) for i in range(1000)]
    assert evaluate(net, data.loader(pictures, 4))["n"] == 22


def test_pictures_without_labels_have_no_accuracy(pictures, net):
    pictures.class_names = ["unknown"]
    net.class_names = None
    refused(lambda: evaluate(net, data.loader(pictures, 4)), "no labels")


def test_a_network_with_two_outputs_a_picture_is_refused():
    class Two(Flat):
        def forward(self, x):
            return super().forward(x), super().forward(x)

    loader = DataLoader(TensorDataset(X, Y), 4)
    for action in (train, lambda it, net: evaluate(net, it), lambda it, net: predict(net, it)):
        refused(lambda action=action: action(loader, Two()), "one output layer")


def test_a_loss_that_is_no_number_ends_the_run_with_a_sentence(capsys):
    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 8), nn.ReLU(), nn.Linear(8, 2))
    loader = DataLoader(TensorDataset(X, Y), 2)
    history = fit(net, loader, None, torch.optim.SGD(net.parameters(), 1e30), 5, quiet=True)
    assert history.epochs == [] and math.isnan(history.steps[-1]["loss"])
    assert "learning rate is too high" in capsys.readouterr().out
    refused(lambda: predict(net, loader), "not numbers")


def test_a_normalised_batch_is_not_drawn_in_clipped_colours(pictures):
    batch = next(iter(data.loader(pictures, 4)))[0]
    refused(lambda: plot.image_grid(list(batch)), "as normalised for a network")
    assert plot.image_grid([pictures[0][0], pictures[0][0] / 255]).data


CROP = v2.RandomResizedCrop(16)


@pytest.mark.parametrize(
    "augment, words",
    [
        (v2.Compose([CROP, v2.ToDtype(torch.float32, scale=True)]), "Normalize"),
        (v2.RandomHorizontalFlip(), r"\(3, 20, 20\)"),
        (v2.RandomCrop(8), r"\(3, 8, 8\)"),
        (v2.RandomHorizontalFlip, r"uint8 \(3, 16, 16\)"),
        (v2.Compose([CROP, v2.ToPILImage()]), "of the type Image"),
        (lambda picture: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_an_augmentation_that_would_spoil_the_pictures_is_refused(pictures, augment, words):
    refused(lambda: data.loader(pictures, 4, augment=augment), words)


def test_trying_an_augmentation_changes_no_random_number(pictures):
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    data.loader(pictures, 4, augment=CROP)
    assert torch.rand(1) == expected


def test_a_new_head_is_told_to_timm_and_statistics_are_kept_by_one_hook():
    net = models.load_pretrained("efficientnet_lite0", size=32, weights=None)
    assert models.replace_head(net, ["a", "b"]).num_classes == 2
    hooks = [len(m._forward_pre_hooks) for m in models.keep_statistics(net).modules()]
    assert [len(m._forward_pre_hooks) for m in models.keep_statistics(net).modules()] == hooks


def test_a_sampler_decides_how_many_pictures_are_measured():
    some = list(range(1, 6))
    loader = DataLoader(TensorDataset(X, Y), 3, sampler=SubsetRandomSampler(some))
    scores, net = evaluate(Flat(), loader), Flat()
    assert scores["n"] == 5
    assert scores["loss"] == pytest.approx(F.cross_entropy(net(X[some]), Y[some]).item())
    short = DataLoader(TensorDataset(X, Y), 3, sampler=SubsetRandomSampler(some), drop_last=True)
    refused(lambda: evaluate(Flat(), short), "drops 2 of 5")


def test_predict_refuses_the_same_classes_in_another_order(pictures):
    net = SmallNet()
    net.class_names = ["b", "a"]
    refused(lambda: predict(net, data.loader(pictures)), "sort the names alike")
    net.class_names = ["cat", "dog"]  # of other classes it may well be asked
    assert predict(net, data.loader(pictures)).shape == (22, 2)


@pytest.mark.parametrize("classes", [3, ["a"] * 9, [("tench", "tinca")] * 2, ["n01440764"] * 2])
def test_what_is_no_list_of_class_names_is_not_compared(classes):
    rows, net = TensorDataset(X, Y), Flat()
    rows.classes, net.class_names = classes, ["a", "b"]
    if classes == ["a"] * 9:
        refused(lambda: evaluate(net, DataLoader(rows, 3)), "2 outputs")
    else:
        assert evaluate(net, DataLoader(rows, 3))["n"] == 8


def test_pictures_of_other_precision_are_taken_as_float32():
    loader = DataLoader(TensorDataset(X.double(), Y), 3)
    assert evaluate(Flat(), loader) == evaluate(Flat(), DataLoader(TensorDataset(X, Y), 3))


@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss(torch.ones(4)), nn.BCEWithLogitsLoss()])
def test_a_loss_that_does_not_fit_is_told_by_evaluate_too(loss):
    loader = DataLoader(TensorDataset(X, Y), 3)
    refused(lambda: evaluate(Flat(), loader, loss=loss), "The loss")
