"""Training and measuring, held against d2l's own loop, scikit-learn and cases done by hand."""

import copy

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from torch import nn
from torchvision.transforms import v2

from helpers import CourseError, processes, train
from helpers.data import loader, read_folder
from helpers.train import eval_mode, evaluate, extract_features, fit, linear_probe, predict
from tests.conftest import SMALL, SmallNet, draw_classes


def sgd(net, lr=0.1):
    return torch.optim.SGD(net.parameters(), lr, momentum=0.9)


def bits(net) -> dict:
    return {k: v.clone() for k, v in net.state_dict().items()}


def same_bits(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def run(pictures, epochs=2, seed=0):
    torch.manual_seed(3)
    net = SmallNet()
    batches = loader(pictures, 4, shuffle=True, augment=v2.RandomCrop(16))
    history = fit(net, batches, loader(pictures, 4), sgd(net), epochs, seed=seed, quiet=True)
    for row in history.epochs:
        row.pop("seconds")
    return net, history


def test_one_epoch_of_sgd_gives_the_weights_of_d2l(pictures, net):
    from d2l import torch as d2l

    theirs = copy.deepcopy(net)
    for layer in (net[5], theirs[5]):
        layer.p = 0.0  # dropout draws random numbers, and the two draw at different times
    batches = loader(pictures.subset(range(3, 19)), 4)
    trainer = torch.optim.SGD(theirs.parameters(), 0.1 / 4, momentum=0.9)  # d2l sums the loss
    loss = nn.CrossEntropyLoss(reduction="none")
    for x, y in batches:
        d2l.train_batch_ch13(theirs, x, y, loss, trainer, [torch.device("cpu")])
    fit(net, batches, None, sgd(net), 1, quiet=True)
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(net.state_dict()[name], value, msg=name)


@pytest.mark.trap("a short last batch dropped from validation")
def test_evaluate_agrees_with_scikit_learn_though_the_last_batch_is_short(pictures, net):
    batches = loader(pictures, 4)
    probabilities = predict(net, batches)
    scores = evaluate(net, batches)
    labels = pictures.labels.numpy()
    exact = probabilities.double().numpy()
    exact /= exact.sum(1, keepdims=True)
    assert scores["n"] == 22
    assert scores["loss"] == pytest.approx(log_loss(labels, exact))
    assert scores["accuracy"] == pytest.approx(accuracy_score(labels, probabilities.argmax(1)))


@pytest.mark.trap("a short last batch counted like a full one")
def test_training_figures_are_means_over_examples_not_over_batches(pictures):
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 2))
    batches = loader(pictures, 4)
    expected = evaluate(net, batches)
    history = fit(net, batches, None, torch.optim.SGD(net.parameters(), 0.0), 1, quiet=True)
    assert history.epochs[0]["train_loss"] == pytest.approx(expected["loss"], rel=1e-5)
    assert history.epochs[0]["train_accuracy"] == pytest.approx(expected["accuracy"])
    assert len(history.steps) == 6


@pytest.mark.trap("summed loss")
def test_a_learning_rate_means_the_same_at_every_batch_size(pictures):
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 2))
    twice = copy.deepcopy(net)
    once_each = pictures.subset(range(8))
    twice_each = pictures.subset([*range(8), *range(8)])
    fit(net, loader(once_each, 8), None, sgd(net), 1, quiet=True)
    fit(twice, loader(twice_each, 16), None, sgd(twice), 1, quiet=True)
    torch.testing.assert_close(net[1].weight, twice[1].weight)


def test_it_learns_and_validates_every_epoch(pictures):
    _, history = run(pictures, epochs=8)
    assert [row["epoch"] for row in history.epochs] == list(range(1, 9))
    assert history.epochs[-1]["valid_accuracy"] > 0.9
    assert history.epochs[-1]["train_loss"] < history.epochs[0]["train_loss"]
    assert history.steps[-1]["epoch"] == 8


@pytest.mark.trap("predicting in train mode")
def test_one_pictures_prediction_does_not_depend_on_its_batch(pictures, net):
    net.train()
    torch.testing.assert_close(predict(net, loader(pictures, 1)), predict(net, loader(pictures)))


@pytest.mark.trap("modes not put back")
def test_predicting_leaves_the_network_as_it_was_layer_by_layer(pictures, net):
    net.train()
    net[1].eval()
    before = bits(net)
    predict(net, loader(pictures, 4))
    evaluate(net, loader(pictures, 4))
    assert same_bits(before, bits(net))
    assert net.training and net[5].training and not net[1].training


def test_eval_mode_is_undone_when_something_fails(net):
    net.train()
    with pytest.raises(RuntimeError), eval_mode(net):
        assert not net[1].training
        raise RuntimeError
    assert net[1].training


@pytest.mark.trap("answers in another order than the pictures")
def test_predictions_are_probabilities_in_the_order_of_the_pictures(pictures):
    net, _ = run(pictures, epochs=8)
    probabilities = predict(net, loader(pictures, 4))
    with torch.inference_mode():
        (everything,) = loader(pictures, 22)
        torch.testing.assert_close(probabilities, net(everything[0]).softmax(1))
    with pytest.raises(CourseError, match="shuffle=False"):
        predict(net, loader(pictures, 4, shuffle=True))


def test_two_runs_with_one_seed_are_the_same_and_another_seed_differs(pictures):
    net, history = run(pictures)
    again, same = run(pictures)
    _, other = run(pictures, seed=1)
    assert history == same and same_bits(bits(net), bits(again))
    assert history != other


def test_fit_does_not_touch_the_random_numbers_of_its_caller(pictures):
    run(pictures, epochs=0)
    expected = torch.rand(3)
    run(pictures, epochs=1)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.trap("fewer than five batches")
@pytest.mark.parametrize("batch_size, batches", [(21, 2), (100, 1)])
def test_two_batches_or_one_are_enough(pictures, net, batch_size, batches):
    pictures = loader(pictures, batch_size)
    assert len(fit(net, pictures, pictures, sgd(net), 1, quiet=True).steps) == batches


@pytest.mark.parametrize("weight_decay", [0.01, 1.0])
def test_a_linear_probe_is_the_logistic_regression_of_scikit_learn(tmp_path, weight_decay):
    counts = {"a": 9, "b": 5, "c": 3}
    batches = loader(read_folder(draw_classes(tmp_path / "set", counts), SMALL), 4, shuffle=True)
    net = SmallNet(classes=3)
    before = bits(net)
    assert linear_probe(net, batches, weight_decay) is net
    features, labels = extract_features(net, batches)
    theirs = LogisticRegression(C=1 / (weight_decay * 17), tol=1e-8, max_iter=10_000)
    expected = torch.tensor(theirs.fit(features, labels).predict_proba(features)).float()
    torch.testing.assert_close(net[6](features).softmax(1), expected, rtol=1e-2, atol=2e-3)
    assert {k for k in before if not torch.equal(before[k], bits(net)[k])} == {"6.weight", "6.bias"}


def test_a_linear_probe_depends_on_no_seed_and_not_on_the_old_output_layer(pictures, net):
    other = copy.deepcopy(net)
    other[6] = nn.Linear(8, 2)
    linear_probe(net, loader(pictures, 4)), linear_probe(other, loader(pictures, 22))
    torch.testing.assert_close(net[6].weight, other[6].weight, rtol=1e-3, atol=1e-4)


@pytest.mark.trap("the new output layer frozen too")
def test_nothing_to_train_is_said_before_the_first_batch(pictures, net):
    optimizer = sgd(net)
    net.requires_grad_(False)
    with pytest.raises(CourseError, match="output layer"):
        fit(net, loader(pictures, 4), None, optimizer, 1, quiet=True)


def test_an_optimiser_made_before_the_new_output_layer_is_refused(pictures, net):
    optimizer = sgd(net)
    net[6] = nn.Linear(8, 2)
    with pytest.raises(CourseError, match="after replacing the output layer"):
        fit(net, loader(pictures, 4), None, optimizer, 1, quiet=True)


def test_memory_is_kept_while_a_fit_runs_and_given_back_at_its_end(pictures, net, monkeypatch):
    calls = []
    monkeypatch.setattr(processes, "keep_memory", lambda: calls.append("keep"))
    monkeypatch.setattr(train, "give_back_memory", lambda: calls.append("give back"))
    fit(net, loader(pictures, 4), None, sgd(net), 1, quiet=True)
    assert calls[0] == "keep" and calls[-1] == "give back" and calls.count("give back") == 1


def test_the_table_of_epochs_is_printed_outside_a_notebook(pictures, net, capsys):
    fit(net, loader(pictures, 4), loader(pictures, 4), sgd(net), 2)
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.startswith("epoch") and [row.split()[0] for row in rows] == ["1", "2"]
