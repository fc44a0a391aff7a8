"""What goes wrong in the exercises of lesson 02, and words of the diagnosis that it must get."""

import copy
import io
import math
import statistics
from collections import Counter

import numpy as np
import torch
from scipy import stats
from scipy.stats import ttest_ind
from torch import nn
from torch.nn.functional import cross_entropy, nll_loss

from helpers import train
from tests.classroom.wrong_answers.styles import mappings, returning, right


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


def left_in_train_mode(net, batches):
    result = in_inference_mode(net, batches)
    net.train()
    return result


def with_gradients(net, batches):
    mode = net.training
    net.eval()
    total = sum(cross_entropy(net(x), y, reduction="sum") for x, y in batches)
    net.train(mode)
    return total / len(batches.dataset)


def all_at_once(net, batches):
    mode = net.training
    net.eval()
    with torch.no_grad():
        outputs, labels = zip(*((net(x), y) for x, y in batches), strict=True)
        loss = cross_entropy(torch.cat(outputs), torch.cat(labels))
    net.train(mode)
    return loss


@torch.no_grad()
def with_a_decorator(net, batches):
    was, costs = net.training, []
    net.train(False)
    for x, y in batches:
        costs.extend(nn.CrossEntropyLoss(reduction="none")(net(x), y).tolist())
    net.train(was)
    return np.mean(costs)


def in_inference_mode(net, batches):
    mode, costs = net.training, []
    try:
        net.eval()
        with torch.inference_mode():
            for x, y in batches:
                costs.append(nll_loss(net(x).log_softmax(1), y, reduction="sum").item())
    finally:
        net.train(mode)
    return sum(costs) / len(batches.dataset)


def by_definition(net, batches):
    total, count, mode = 0, 0, net.training
    net.eval()
    for x, y in batches:
        with torch.no_grad():
            shares = net(x).softmax(1)
        for row, label in zip(shares, y, strict=True):
            total, count = total - math.log(row[label]), count + 1
    if mode:
        net.train()
    return total / count


def switched_off_and_on(net, batches):
    mode, costs, sizes = net.training, [], []
    torch.set_grad_enabled(False)
    net.eval()
    for x, y in batches:
        costs.append(cross_entropy(net(x), y).item())
        sizes.append(len(x))
    net.train(mode)
    torch.set_grad_enabled(True)
    return np.average(costs, weights=sizes)


def each_picture_alone(net, batches):
    mode, costs = net.training, []
    net.eval()
    with torch.no_grad():
        for x, y in batches:
            costs += [cross_entropy(net(x[i : i + 1]), y[i : i + 1]) for i in range(len(x))]
    net.train(mode)
    return torch.stack(costs).mean()


def running_mean(net, batches):
    mode, mean, seen = net.training, 0.0, 0
    net.eval()
    with torch.no_grad():
        for x, y in batches:
            seen += len(y)
            mean += (cross_entropy(net(x), y).item() - mean) * len(y) / seen
    net.train(mode)
    return mean


def only_the_root(net, batches):
    mode = net.training
    net.eval()
    result = in_train_mode(net, batches)
    net.training = mode
    return result


def never_on_again(net, batches):
    result = measured(lambda losses, sizes: (losses * sizes).sum() / sizes.sum())(net, batches)
    torch.set_grad_enabled(False)
    return result


def by_the_course(net, batches):
    return train.evaluate(net, batches)["loss"]


def by_predictions_of_the_course(net, batches):
    labels = torch.cat([y for _, y in batches])
    return nll_loss(train.predict(net, batches).log(), labels)


def frozen_and_forgotten(net, batches):
    for p in net.parameters():
        p.requires_grad_(False)
    return with_gradients(net, batches)


def first_batch(net, batches):
    mode = net.training
    net.eval()
    for x, y in batches:
        with torch.no_grad():
            loss = cross_entropy(net(x), y).item()
        net.train(mode)
        return loss


def of_each(measure):
    """A measuring that adds up `measure` of logits and labels over the pictures."""

    def mean_loss(net, batches):
        mode = net.training
        net.eval()
        with torch.no_grad():
            total = sum(measure(net(x), y) for x, y in batches)
        net.train(mode)
        return total / len(batches.dataset)

    return mean_loss


def summed(logits, labels):
    return cross_entropy(logits, labels, reduction="sum")


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


def by_init(layer, labels):
    nn.init.zeros_(layer.weight)
    counts = Counter(labels.tolist())
    with torch.no_grad():
        for label, count in counts.items():
            layer.bias[label] = math.log(count / len(labels))
    return layer


def new_parameters(layer, labels):
    layer.weight = nn.Parameter(torch.zeros_like(layer.weight))
    layer.bias = nn.Parameter(nn.functional.one_hot(labels).float().mean(0).log())
    return layer


def equal_rows(layer, labels):
    """What is the same for all classes cancels in softmax."""
    layer.weight.data[:] = torch.randn(layer.in_features)
    layer.bias.data.copy_(torch.unique(labels, return_counts=True)[1].log() + 7)
    return layer


def by_loading(layer, labels):
    counts = np.bincount(labels.numpy(), minlength=layer.out_features)
    state = {"weight": torch.zeros(len(counts), layer.in_features)}
    layer.load_state_dict(state | {"bias": torch.tensor(np.log(counts / counts.sum()))})
    return layer


def by_multiplying(layer, labels):
    with torch.no_grad():
        layer.weight *= 0
        shares = torch.stack([(labels == c).float().mean() for c in range(layer.out_features)])
        layer.bias.set_(torch.log(shares))
    return layer


def without_gradients(layer, labels):
    with torch.inference_mode():
        layer.weight = nn.Parameter(torch.zeros_like(layer.weight))
        layer.bias = nn.Parameter(labels.bincount().float().log())
    return layer


def one_number_for_all(layer, labels):
    with_biases(torch.log)(layer, labels)
    layer.weight.data = torch.zeros(1).expand(layer.weight.shape)
    return layer


def switched_off(layer, labels):
    torch.set_grad_enabled(False)
    return with_biases(torch.log)(layer, labels)


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


def keeps_states(net, train_one_epoch, accuracy, epochs):
    states, scores = [], []
    for _ in range(epochs):
        train_one_epoch(net)
        states.append({name: value.clone() for name, value in net.state_dict().items()})
        scores.append(accuracy(net, "valid"))
    best = int(np.argmax(scores))
    net.load_state_dict(states[best])
    return best + 1, accuracy(net, "test")


def keeps_a_file(net, train_one_epoch, accuracy, epochs):
    best, chosen = -math.inf, None
    for epoch in range(epochs):
        train_one_epoch(net)
        if (score := accuracy(net, "valid")) > best:
            best, chosen, file = score, epoch + 1, io.BytesIO()
            torch.save(net.state_dict(), file)
    file.seek(0)
    net.load_state_dict(torch.load(file))
    return torch.tensor([chosen, accuracy(net, "test")])


def keeps_the_network(net, train_one_epoch, accuracy, epochs):
    best = None
    for epoch in range(1, 1 + epochs):
        train_one_epoch(net)
        score = accuracy(net, "valid")
        if best is None or score > best[0]:
            best = score, epoch, copy.deepcopy(net)
    return {"epoch": best[1], "accuracy": accuracy(best[2], "test")}


def measures_twice(net, train_one_epoch, accuracy, epochs):
    scores, nets = {}, {}
    for epoch in range(1, epochs + 1):
        train_one_epoch(net)
        scores[epoch], nets[epoch] = accuracy(net, "valid"), copy.deepcopy(net)
        assert accuracy(nets[epoch], "valid") == scores[epoch]
    chosen = max(scores, key=scores.get)
    return [chosen, accuracy(nets[chosen], "test")]


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


def by_scipy(a, b):
    test = stats.ttest_ind(a, b, equal_var=False)
    error = (np.var(a, ddof=1) / len(a) + np.var(b, ddof=1) / len(b)) ** 0.5
    return np.mean(a) - np.mean(b), error, test.pvalue < 0.05


def by_interval(a, b):
    low, high = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    return np.mean(a) - np.mean(b), right_error(a, b), not low <= 0 <= high


def by_hand(a, b):
    def mean(v):
        return sum(v) / len(v)

    def square(v):
        return sum((x - mean(v)) ** 2 for x in v) / (len(v) - 1) / len(v)

    e, f = square(a), square(b)
    degrees = (e + f) ** 2 / (e**2 / (len(a) - 1) + f**2 / (len(b) - 1))
    gap = mean(a) - mean(b)
    if abs(gap) / (e + f) ** 0.5 > stats.t.ppf(0.975, degrees):
        return gap, (e + f) ** 0.5, True
    return gap, (e + f) ** 0.5, False


def in_torch(a, b):
    a, b = torch.tensor(a), torch.tensor(b)
    e, f = a.std() / len(a) ** 0.5, b.std() / len(b) ** 0.5
    degrees = (e**2 + f**2) ** 2 / (e**4 / (len(a) - 1) + f**4 / (len(b) - 1))
    gap, error = a.mean() - b.mean(), (e**2 + f**2).sqrt()
    return gap, error, (gap / error).abs() > stats.t.isf(0.025, degrees)


def right_numbers(a, b):
    return tuple(map(float, by_scipy(a, b)[:2])) + (bool(by_scipy(a, b)[2]),)


def limited(limit):
    """The right numbers, and a difference that is clear beyond `limit(a, b)` standard errors."""

    def difference(a, b):
        gap, error, _ = by_scipy(a, b)
        return gap, error, abs(gap) > limit(a, b) * error

    return difference


def of_fewer(a, b):
    return stats.t.ppf(0.975, min(len(a), len(b)) - 1)


def of_both(a, b):
    return stats.t.ppf(0.975, len(a) + len(b) - 2)


def one_sided(a, b):
    _, error, _ = by_scipy(a, b)
    squares = [np.var(v, ddof=1) / len(v) for v in (a, b)]
    parts = [s**2 / (len(v) - 1) for s, v in zip(squares, (a, b), strict=True)]
    return stats.t.ppf(0.95, error**4 / sum(parts))


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
        (lambda *a: keeps_states(*a)[::-1], "swapped"),
        (lambda *a: keeps_states(*a)[0], "should return two values"),
        (lambda *a: (*keeps_states(*a), 3), "these are 3"),
        (lambda *a: (keeps_states(*a)[0], "best"), "'best' is none"),
        (lambda *a: (keeps_states(*a)[0], 0.5), "not the one that was measured"),
        (lambda *a: (1 + keeps_states(*a)[0], 0.7), "It chose epoch 5"),
    ],
    "02.2": [
        (in_train_mode, "measured in train mode"),
        (left_in_eval_mode, "left in eval mode"),
        (left_in_train_mode, "arrived in eval mode and is left in train mode"),
        (with_gradients, "tracks gradients"),
        (measured(lambda losses, sizes: losses.mean()), "short one at the end"),
        (measured(lambda losses, sizes: losses[:-1].mean()), "last batch is missing"),
        (measured(lambda losses, sizes: losses[-1]), "last batch alone"),
        (measured(lambda losses, sizes: (losses * sizes).sum() / len(sizes)), "number of batches"),
        (measured(lambda losses, sizes: losses.sum() / sizes.sum()), "means of the batches"),
        (measured(lambda losses, sizes: (losses * sizes).sum()), "sum over the pictures"),
        (measured(lambda losses, sizes: None), "returns nothing"),
        (measured(lambda losses, sizes: losses), "Return one number"),
        (measured(lambda losses, sizes: losses.sum()), "by hand"),
        (measured(lambda losses, sizes: (losses * sizes).sum() / 12), "as if it were full"),
        (only_the_root, "layers inside"),
        (never_on_again, "switched off"),
        (by_the_course, "`evaluate` of the course"),
        (by_predictions_of_the_course, "`predict` of the course"),
        (frozen_and_forgotten, "leaves the network frozen"),
        (first_batch, "inside the loop"),
        (of_each(lambda z, y: nll_loss(z.softmax(1), y, reduction="sum")), "logarithm is missing"),
        (of_each(lambda z, y: nll_loss(z, y, reduction="sum")), "by hand"),
        (of_each(lambda z, y: summed(z.softmax(1), y)), "not probabilities"),
        (of_each(lambda z, y: summed(z, y) / math.log(2)), "another base"),
        (of_each(lambda z, y: (z.argmax(1) == y).sum()), "an accuracy"),
        (of_each(lambda z, y: -summed(z, y)), "by hand"),
        (of_each(lambda z, y: float("nan")), "NaN"),
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
        (without_gradients, "step cannot change"),
        (one_number_for_all, "step cannot change"),
        (switched_off, "switched off"),
        (with_biases(lambda counts: -counts.log()), "minus logarithms"),
        (with_biases(lambda counts: counts.sqrt()), "by hand"),
        (with_biases(lambda counts: counts.flip(0).log()), "position 0"),
        (with_biases(lambda counts: counts.log() * float("nan")), "answers are NaN"),
        (with_biases(lambda counts: counts.log()[:1]), "bias has the shape"),
        (lambda layer, labels: labels.bincount() / len(labels), "Return the layer"),
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
        (lambda a, b: by_scipy(a, b)[:2], "these are 2"),
        (lambda a, b: (*by_scipy(a, b)[:2], abs(a[0] - b[0]) < 0.1), "is clear: the limit"),
        (lambda a, b: (*by_scipy(a, b)[:2], 0.04), "True or False"),
        (lambda a, b: by_scipy(a, b)[1::-1] + (True,), "The difference is not right"),
        (lambda a, b: (abs(np.mean(a) - np.mean(b)), *by_scipy(a, b)[1:]), "wrong sign"),
        (limited(lambda a, b: 1.96), "is not clear: the limit"),
        (limited(lambda a, b: 2.78), "is not clear: the limit"),
        (limited(of_fewer), "is clear: the limit"),
        (limited(of_both), "is not clear: the limit"),
        (limited(one_sided), "is not clear: the limit"),
        (limited(lambda a, b: math.inf), "is clear: the limit"),
        (numbers(lambda a, b: right_error(a, b) / 2**0.5), "standard error"),
        (numbers(lambda a, b: statistics.stdev(a) / len(a) ** 0.5), "a's mean alone"),
        (numbers(lambda a, b: float("nan")), "That is nan"),
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
        (reported(mine=[0.7, None, 0.74]), "The entry 'mine'"),
        (reported(mine=[0.7, True, 0.74]), "truth value"),
        (reported(seconds=[30, 31, float("inf")]), "The entry 'seconds': That is inf"),
        (reported(lesson=[0.5, 0.5]), "Three seeds or more"),
        (reported(mine=[0.5] * 3, lesson=[0.5] * 3), "Both lists are the same"),
        (reported(lesson=0.52), "a list with a number for each seed"),
        (reported(clear=0.04), "True or False"),
        (list(reported().values()), "should be a dictionary"),
    ],
}

RIGHT = {
    "02.1": right(
        keeps_states,
        keeps_a_file,
        keeps_the_network,
        measures_twice,
        tester(on_validation),
        *returning(keeps_states, list, np.array, torch.tensor, lambda v: [str(x) for x in v]),
    ),
    "02.2": right(
        all_at_once,
        with_a_decorator,
        in_inference_mode,
        by_definition,
        switched_off_and_on,
        each_picture_alone,
        running_mean,
        of_each(summed),
        measured(lambda losses, sizes: (losses * sizes).sum() / sizes.sum()),
        *returning(all_at_once, float, np.array, lambda v: [v], lambda v: v[None]),
    ),
    "02.3": right(
        by_init,
        new_parameters,
        equal_rows,
        by_loading,
        by_multiplying,
        with_biases(torch.log),
        with_biases(lambda counts: (counts / counts.sum()).log()),
        with_biases(lambda counts: counts.log() - 3),
        with_biases(lambda counts: (counts / counts.sum()).clamp_min(1e-9).log()),
    ),
    "02.4": right(
        by_scipy,
        by_interval,
        by_hand,
        in_torch,
        right_numbers,
        *returning(
            right_numbers,
            list,
            np.array,
            lambda v: {"gap": v[0], "error": v[1], "clear": v[2]},
            lambda v: (round(v[0], 3), round(v[1], 3), int(v[2])),
            lambda v: (f"{v[0]:.3f}", f"{v[1]:.3f}", v[2]),
        ),
    ),
    "02.5": right(
        reported(mine=[0.5] * 3, lesson=[0.5, 0.52, 0.51], clear=False),
        reported(mine=[*MINE, 0.71], seconds=[30] * 4),
        reported(lesson=[*LESSON, 0.52, 0.54]),
        reported(mine=[0.56, 0.5, 0.54], clear=np.bool_(False)),
        reported(clear=torch.tensor(True)),
        reported(clear=1),
        reported(clear="True"),
        reported() | {"note": "one third of the time"},
        {"Mine": MINE, "Lesson": LESSON, "Seconds": (1, 1, 1), "Clear": True},
        reported(mine=dict(enumerate(MINE))),
        reported(mine=iter(MINE)),
        *mappings({"mine": MINE, "lesson": LESSON, "seconds": [30, 31, 29]} | {"clear": True})[:4],
    ),
}
