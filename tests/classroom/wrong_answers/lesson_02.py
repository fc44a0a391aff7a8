"""What goes wrong in the exercises of lesson 02, and words of the diagnosis that it must get."""

import statistics

import numpy as np
import torch
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


def numbers(error, clear=None, sign=1):
    """What 02.4 returns, with another error, another idea of clear, or the wrong sign."""

    def difference(a, b):
        gap = sign * (np.mean(a) - np.mean(b))
        return gap, error(a, b), (clear or (lambda g, e: abs(g) > 2 * e))(gap, error(a, b))

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


GOOD, BAD = [0.75, 0.7, 0.8], [0.5, 0.54, 0.46]
TWICE = {(1e-4, 2): GOOD, (3e-4, 2): [0.7, 0.7, 0.75]}
SCRATCH = {1e-3: BAD, 1e-2: [0.5, 0.5, 0.5]}


def compared(tuned=TWICE, scratch=SCRATCH, clear=True):
    return {"fine-tuned": tuned, "from scratch": scratch, "clear": clear}


WRONG = {
    "02.1": [
        (2.3076, "as many right answers as wrong"),
        (3.2266, "mixed up"),
        (0.3567, "a loss of its own"),
        (1.3816, "cost something too"),
        (-1.3886, "not negative"),
        (0.603, "base 10"),
        (0.69, "not it"),
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
        (numbers(right_error, lambda gap, error: gap > 2 * error), "better recipe may also be b"),
        (numbers(right_error, lambda gap, error: gap < 2 * error), "clear, more than two standard"),
        (numbers(right_error, lambda gap, error: abs(gap) > 3 * error), "standard errors."),
        (numbers(right_error, lambda gap, error: abs(gap) > error), "less than two"),
        (numbers(lambda a, b: 0.3), "Work it out by hand for [0.7, 0.8, 0.9]"),
        (numbers(right_error, lambda gap, error: "yes"), "True or False"),
        (lambda a, b: np.mean(a) - np.mean(b), "three values"),
    ],
    "02.5": [
        (compared(tuned={1e-4: GOOD}), "nothing was tuned"),
        (compared(tuned=TWICE | {1e-3: BAD}), "3 fine-tuned and 2 from scratch"),
        (compared(scratch={1e-3: BAD, 1e-2: [0.5, 0.6]}), "fewer than three seeds"),
        (compared(tuned={1: [75, 70, 80], 2: [70, 60, 75]}), "fraction"),
        (compared(clear=False), "it is 0.250, with an error of 0.037"),
        (compared(tuned={1: [0.5, 0.4, 0.6], 2: [0.5, 0.4, 0.7]}), "does not agree"),
        (compared({1: [0.7] * 3, 2: [0.8] * 3}, {1: [0.5] * 3, 2: [0.4] * 3}), "passed on"),
        (compared(clear="yes"), "True or False"),
        ({"fine tuned": TWICE, "from scratch": SCRATCH, "clear": True}, 'no key "fine-tuned"'),
        ({"fine-tuned": TWICE, "from scratch": SCRATCH}, 'no key "clear"'),
        (compared(scratch=[0.5, 0.6, 0.5]), "a dictionary of its own"),
        (compared(tuned={(1e-4, 2): 0.79}), "fine-tuned, (0.0001, 2): give a list"),
    ],
}
