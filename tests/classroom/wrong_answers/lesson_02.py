"""What goes wrong in the exercises of lesson 02, and words of the diagnosis that it must get."""

import copy
import statistics

import numpy as np
import torch
from scipy.stats import ttest_ind
from torch import nn
from torch.nn.functional import cross_entropy


def batch_losses(net, batches):
    with torch.no_grad():
        return [cross_entropy(net(x), y) for x, y in batches]


def measured(final):
    """A measuring in eval mode, as `final` has it: losses of the batches, their sizes -> loss."""

    def mean_loss(net, batches):
        mode = net.training
        net.eval()
        losses = torch.stack(batch_losses(net, batches))
        net.train(mode)
        return final(losses, torch.tensor([len(y) for _, y in batches]))

    return mean_loss


def in_train_mode(net, batches):
    sizes = torch.tensor([len(y) for _, y in batches])
    return (torch.stack(batch_losses(net, batches)) * sizes).sum() / sizes.sum()


def left_in_eval_mode(net, batches):
    net.eval()
    return in_train_mode(net, batches)


def with_gradients(net, batches):
    mode = net.training
    net.eval()
    total = sum(cross_entropy(net(x), y, reduction="sum") for x, y in batches)
    net.train(mode)
    return total / len(batches.dataset)


def only_zeros(layer, labels):
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def with_biases(change):
    def start_at_shares(layer, labels):
        only_zeros(layer, labels)
        layer.bias.data = change(labels.bincount().float())
        return layer

    return start_at_shares


def weights_stay(layer, labels):
    layer.bias.data = labels.bincount().float().log()
    return layer


def biases_stay(layer, labels):
    nn.init.zeros_(layer.weight)
    return layer


def transposed(layer, labels):
    layer.weight = nn.Parameter(torch.zeros(layer.in_features, layer.out_features))
    return layer


def another_layer(layer, labels):
    return only_zeros(nn.Linear(layer.in_features, layer.out_features), labels)


def frozen(layer, labels):
    return with_biases(torch.log)(layer, labels).requires_grad_(False)


def shares_forgotten(layer, labels):
    with_biases(torch.log)(layer, labels)


def tester(choose, keep=copy.deepcopy, report=None, count=1):
    """What 02.1 is, with another choice, another way to keep the network, another report."""

    def choose_then_test(net, train_one_epoch, accuracy, epochs):
        scores, kept = [], []
        for _ in range(epochs):
            train_one_epoch(net)
            scores.append(choose(accuracy, net))
            kept.append(keep(net))
        best = scores.index(max(scores))
        return best + count, accuracy(kept[best], report or "test")

    return choose_then_test


def on_validation(accuracy, net):
    return accuracy(net, "valid")


def on_test(accuracy, net):
    return accuracy(net, "test")


def peek(net, train_one_epoch, accuracy, epochs):
    best = 0
    for epoch in range(1, epochs + 1):
        train_one_epoch(net)
        score = accuracy(net, "test")
        if score > best:
            best, best_epoch = score, epoch
    return best_epoch, best


def not_copied(net, train_one_epoch, accuracy, epochs):
    best = 0
    for epoch in range(1, epochs + 1):
        train_one_epoch(net)
        score = accuracy(net, "valid")
        if score > best:
            best, best_epoch, weights = score, epoch, net.state_dict()
    net.load_state_dict(weights)
    return best_epoch, accuracy(net, "test")


def only_parameters(net, train_one_epoch, accuracy, epochs):
    best = 0
    for epoch in range(1, epochs + 1):
        train_one_epoch(net)
        score = accuracy(net, "valid")
        if score > best:
            best, best_epoch = score, epoch
            weights = [p.detach().clone() for p in net.parameters()]
    for p, kept in zip(net.parameters(), weights, strict=True):
        p.data.copy_(kept)
    return best_epoch, accuracy(net, "test")


def last_of_the_best(net, train_one_epoch, accuracy, epochs):
    best = 0
    for epoch in range(1, epochs + 1):
        train_one_epoch(net)
        score = accuracy(net, "valid")
        if score >= best:
            best, best_epoch, kept = score, epoch, copy.deepcopy(net)
    return best_epoch, accuracy(kept, "test")


def without_the_last(net, train_one_epoch, accuracy, epochs):
    best = 0
    for epoch in range(1, epochs + 1):
        train_one_epoch(net)
        if epoch < epochs and (score := accuracy(net, "valid")) > best:
            best, best_epoch, kept = score, epoch, copy.deepcopy(net)
    return best_epoch, accuracy(kept, "test")


def until_the_first_decline(net, train_one_epoch, accuracy, epochs):
    best, declined = 0, False
    for epoch in range(1, epochs + 1):
        train_one_epoch(net)
        score = accuracy(net, "valid")
        declined = declined or score < best
        if not declined and score > best:
            best, best_epoch, kept = score, epoch, copy.deepcopy(net)
    return best_epoch, accuracy(kept, "test")


def too_early(net, train_one_epoch, accuracy, epochs):
    scores = []
    for epoch in range(1, epochs + 1):
        train_one_epoch(net)
        scores.append(accuracy(net, "valid"))
        if epoch == {6: 4, 4: 2}[epochs] and scores[-1] in (0.78, 0.80):
            tested = accuracy(net, "test")
    if scores[-1] == 0.71:
        tested = accuracy(net, "test")
    return 1 + scores.index(max(scores)), tested


def stops_at_once(net, train_one_epoch, accuracy, epochs):
    train_one_epoch(net)
    return 1, accuracy(net, "test")


def the_last_epoch(net, train_one_epoch, accuracy, epochs):
    for _ in range(epochs):
        train_one_epoch(net)
    return epochs, accuracy(net, "test")


def one_epoch_more(net, train_one_epoch, accuracy, epochs):
    for _ in range(epochs + 1):
        train_one_epoch(net)


def reports_validation(net, train_one_epoch, accuracy, epochs):
    epoch, _ = tester(on_validation)(net, train_one_epoch, accuracy, epochs)
    return epoch, {6: 0.78, 4: 0.80}[epochs]


def before_training(net, train_one_epoch, accuracy, epochs):
    return 1, accuracy(net, "valid")


def numbers(error, clear=None, sign=1):
    """What 02.4 returns, with another error, another idea of clear, or the wrong sign."""

    def difference(a, b):
        gap = sign * (np.mean(a) - np.mean(b))
        rule = clear or (lambda gap, error: ttest_ind(a, b, equal_var=False).pvalue < 0.05)
        return gap, error(a, b), rule(gap, error(a, b))

    return difference


def right_error(a, b):
    return (statistics.variance(a) / len(a) + statistics.variance(b) / len(b)) ** 0.5


def whole_population(a, b):
    return (np.var(a) / len(a) + np.var(b) / len(b)) ** 0.5


def of_single_seeds(a, b):
    return (statistics.variance(a) + statistics.variance(b)) ** 0.5


def added(a, b):
    return sum(statistics.stdev(v) / len(v) ** 0.5 for v in (a, b))


def no_root(a, b):
    return right_error(a, b) ** 2


def of_equal_variances(a, b):
    return np.mean(a) - np.mean(b), right_error(a, b), ttest_ind(a, b).pvalue < 0.05


MINE, LESSON = [0.7, 0.72, 0.74], [0.55, 0.5, 0.53]


def reported(mine=MINE, lesson=LESSON, seconds=(30, 31, 29.5), clear=True):
    return {"mine": mine, "lesson": lesson, "seconds": seconds, "clear": clear}


WRONG = {
    "02.1": [
        (peek, "looked at the test pictures 6 times"),
        (tester(on_test), "looked at the test pictures 7 times"),
        (tester(on_validation, report="valid"), "never looked at the test"),
        (tester(on_validation, keep=lambda net: net), "network that was tested is that of epoch 6"),
        (not_copied, "have the weights been copied"),
        (only_parameters, "weights of epoch 4 and BatchNorm's statistics of epoch 6"),
        (tester(on_validation, count=0), "count from 1"),
        (last_of_the_best, "choose the first"),
        (without_the_last, "It chose epoch 2, but epoch 4"),
        (until_the_first_decline, "It chose epoch 2, but epoch 4"),
        (too_early, "before the last epoch was trained"),
        (stops_at_once, "trained for 1 of 6 epochs"),
        (the_last_epoch, "It chose epoch 6, but epoch 4"),
        (one_epoch_more, "more epochs than it should"),
        (reports_validation, "That is the validation accuracy"),
        (before_training, "not been trained yet"),
        (lambda net, train, accuracy, epochs: accuracy(net, "training"), '"valid" or "test"'),
    ],
    "02.2": [
        (in_train_mode, "measured in train mode"),
        (left_in_eval_mode, "left in eval mode"),
        (with_gradients, "tracks gradients"),
        (measured(lambda losses, sizes: losses.mean()), "short one at the end"),
        (measured(lambda losses, sizes: losses[:-1].mean()), "last batch is missing"),
        (measured(lambda losses, sizes: losses[-1]), "last batch alone"),
        (measured(lambda losses, sizes: (losses * sizes).sum() / len(sizes)), "number of batches"),
        (measured(lambda losses, sizes: losses.sum() / sizes.sum()), "means of the batches"),
        (measured(lambda losses, sizes: (losses * sizes).sum()), "sum over the pictures"),
        (measured(lambda losses, sizes: None), "returns nothing"),
        (measured(lambda losses, sizes: losses), "Return one number"),
    ],
    "02.3": [
        (only_zeros, "same share"),
        (weights_stay, "different answers"),
        (with_biases(lambda counts: counts / counts.sum()), "biases are shares"),
        (with_biases(lambda counts: counts), "biases are counts"),
        (with_biases(lambda counts: (counts / counts.sum()).log10()), "base 10"),
        (with_biases(lambda counts: counts.sort(descending=True)[0].log()), "position 0"),
        (with_biases(lambda counts: (counts / counts.sum()).logit()), "undoes a sigmoid"),
        (with_biases(lambda counts: counts.double().log()), "bias has the dtype torch.float64"),
        (transposed, "weight has the shape (5, 3), not (3, 5)"),
        (biases_stay, "biases are still random"),
        (another_layer, "given"),
        (frozen, "no longer be trained"),
        (shares_forgotten, "returns nothing"),
    ],
    "02.4": [
        (numbers(whole_population), "n - 1"),
        (numbers(of_single_seeds), "single seeds"),
        (numbers(added), "errors are added"),
        (numbers(no_root), "a square root is missing"),
        (numbers(right_error, sign=-1), "wrong sign"),
        (numbers(right_error, lambda gap, error: gap > 4 * error), "recipe may also be b"),
        (numbers(right_error, lambda gap, error: abs(gap) < 4 * error), "5.42 standard errors"),
        (numbers(right_error, lambda gap, error: abs(gap) > 2 * error), "is not clear: the limit"),
        (numbers(right_error, lambda gap, error: abs(gap) > 3 * error), "is not clear: the limit"),
        (numbers(right_error, lambda gap, error: abs(gap) > 4.4 * error), "is clear: the limit"),
        (of_equal_variances, "(seeds: 3 and 6) is not clear"),
        (numbers(lambda a, b: 0.3), "Work it out by hand for [0.7, 0.8, 0.9]"),
        (numbers(right_error, lambda gap, error: "yes"), "True or False"),
        (lambda a, b: np.mean(a) - np.mean(b), "three values"),
    ],
    "02.5": [
        (reported(mine=[0.7, 0.8]), "Three seeds or more"),
        (reported(mine=[70, 72, 74]), "fraction"),
        (reported(seconds=[30, 30]), "2 times for 3 networks"),
        (reported(seconds=[30, 30, 61]), "took 61 seconds"),
        (reported(seconds=[0, 30, 30]), "more than 0 seconds"),
        (reported(mine=[0.7, 0.7, 0.7]), "passed on"),
        (reported(mine=LESSON), "Both lists are the same"),
        (reported(clear=False), "a difference of 0.193"),
        (reported(mine=[0.56, 0.5, 0.54]), "does not agree"),
        (reported(clear="yes"), "True or False"),
        (reported(mine=0.72), "a list with a number for each seed"),
        ({"mine": MINE, "lesson": LESSON, "seconds": [1, 1, 1]}, 'no key "clear"'),
    ],
}
