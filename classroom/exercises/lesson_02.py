"""Exercises of lesson 02: one look at the test, measuring, first losses, fair comparisons."""

import math
import sys

import torch
from scipy import stats
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from classroom import kinds
from classroom.exercises import cannot_learn, compare, helper_on_the_way, require_accuracies
from classroom.judge import NotYet, exercise

MOST_SECONDS = 40  # of training, in 02.5

CASES = (  # accuracy after each epoch, on validation and on test pictures
    ((0.50, 0.62, 0.71, 0.78, 0.74, 0.69), (0.51, 0.60, 0.66, 0.70, 0.77, 0.65)),
    ((0.55, 0.80, 0.72, 0.80), (0.57, 0.74, 0.81, 0.79)),
    ((0.50, 0.62, 0.60, 0.71), (0.52, 0.66, 0.69, 0.68)),
)


@exercise(
    "02.1",
    takes="net train_one_epoch accuracy epochs",
    wanted="two values (chosen epoch, test accuracy)",
    why="The largest of twenty noisy numbers is too large. Chosen on other pictures, the epoch is "
    "as good as it can be known to be, and the test accuracy is what new pictures will give.",
    hints=(
        "Two jobs: while it trains, remember which epoch was best on validation, and the network "
        "as it was then. Only after the loop, measure that network on the test pictures.",
        "state_dict() hands out the weights themselves, which go on changing: copy.deepcopy keeps "
        "them, and load_state_dict brings them back.",
    ),
)
def choose_then_test(function):
    for valid, test in CASES:
        laboratory = _Laboratory(valid, test)
        net = laboratory.net
        values = function(net, laboratory.train_one_epoch, laboratory.accuracy, len(valid))
        values = kinds.numbers(values)
        if len(values) != 2:
            return f"Return two values; these are {len(values)}."
        if laboratory.trained != len(valid):
            return f"It trained for {laboratory.trained} of {len(valid)} epochs."
        if diagnosis := _not_the_choice(valid, test, laboratory.looks, *values):
            return diagnosis
        if laboratory.early:
            return "It looked at the test pictures before the last epoch was trained: look after."
    return None


class _Laboratory:
    """A network whose weights and BatchNorm statistics say how many epochs it was trained for."""

    def __init__(self, valid, test):
        self.scores, self.trained, self.looks = {"valid": valid, "test": test}, 0, []
        self.early = False  # was there a look at the test pictures while epochs were left?
        self.net = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1))
        nn.init.zeros_(self.net[0].weight)
        nn.init.zeros_(self.net[1].running_mean)

    def train_one_epoch(self, net):
        if self.trained == len(self.scores["valid"]):
            raise NotYet("It trains for more epochs than it should.")
        self.trained += 1
        net.train()
        with torch.no_grad():
            net[0].weight += 1
            net[1].running_mean += 1

    def accuracy(self, net, part):
        if part not in self.scores:
            raise NotYet('The second argument of accuracy is "valid" or "test".')
        epoch, statistics = round(net[0].weight.item()), round(net[1].running_mean.item())
        if epoch != statistics:
            raise NotYet(
                f"A network was measured with the weights of epoch {epoch} and BatchNorm's "
                f"statistics of epoch {statistics}: state_dict() holds both, parameters() does not."
            )
        if not epoch:
            raise NotYet("A network was measured that has not been trained yet.")
        if part == "test":
            self.looks.append(epoch)
            self.early = self.trained < len(self.scores["valid"])
        return self.scores[part][epoch - 1]


def _not_the_choice(valid, test, looks, epoch, accuracy):
    best, last = 1 + valid.index(max(valid)), len(valid)
    if (accuracy, epoch) == (best, test[best - 1]):
        return "The two values are swapped: first the epoch, then the accuracy."
    if len(looks) > 1:
        return (
            f"It looked at the test pictures {len(looks)} times: once, after the choice, will do."
        )
    if not looks:
        return "It never looked at the test pictures, so what it reports is no test accuracy."
    if epoch == best - 1:
        return "That epoch is counted from 0: count from 1."
    if max(valid) == valid[round(epoch) - 1] and epoch != best:
        return "Two epochs are equally good on validation: choose the first of them."
    if epoch != best:
        return f"It chose epoch {epoch:g}, but epoch {best} has the highest validation accuracy."
    if looks == [last] != [best]:
        return (
            f"Epoch {best} was chosen, but the network that was tested is that of epoch {last}, "
            "the last one: have the weights been copied, and brought back?"
        )
    if looks != [best]:
        return f"Epoch {best} was chosen, but the network of epoch {looks[0]} was tested."
    if abs(accuracy - valid[best - 1]) < 1e-6:
        return "That is the validation accuracy of the chosen epoch; report the one on the test."
    if abs(accuracy - test[best - 1]) > 1e-6:
        return "The accuracy is not the one that was measured on the test pictures."
    return None


@exercise(
    "02.2",
    takes="net batches",
    wanted="one number, the mean loss per picture",
    why="A last batch of eight pictures must not count like one of sixteen, and a network that is "
    "measured in train mode answers differently and changes while you look.",
    hints=(
        "Add up what every picture costs and count the pictures; divide once, at the end.",
        "cross_entropy gives the mean of a batch, or with reduction='sum' its sum. net.training "
        "says which mode the network arrived in.",
    ),
)
def mean_loss(function):
    torch.manual_seed(2)
    net = nn.Sequential(nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 3))
    x, y = 3 * torch.randn(10, 3, 2, 2), torch.randint(0, 3, (10,))
    net(x + 1)  # statistics that differ from those of a batch
    gradients, helpers = [], []

    def note(*_):
        gradients.append(torch.is_grad_enabled())
        helpers.append(helper_on_the_way())

    net[-1].register_forward_hook(note)
    for mode, size in ((True, 4), (False, 5), (False, 4)):
        batches = DataLoader(TensorDataset(x, y), batch_size=size)
        net.train(mode)
        statistics_before = net[0].running_mean.clone()
        result = function(net, batches)
        if helper := next(filter(None, helpers), None):
            return f"`{helper}` of the course does the measuring: write the loop yourself."
        if not net[0].running_mean.equal(statistics_before):
            return "BatchNorm's statistics have moved: the network was measured in train mode."
        if diagnosis := _left_behind(net, mode):
            return diagnosis
        result = kinds.tensor(result)
        if result.numel() != 1:
            return f"Return one number; this has the shape {tuple(result.shape)}."
        if any(gradients):
            return "It tracks gradients for every batch: torch.no_grad() avoids that."
        if diagnosis := _not_the_mean(net, x, y, size, result.reshape(())):
            return diagnosis
    return None


def _left_behind(net, mode):
    came, left = ("train", "eval") if mode else ("eval", "train")
    if net.training != mode:
        return f"The network arrived in {came} mode and is left in {left} mode."
    if any(part.training != mode for part in net.modules()):
        return f"The layers inside are left in {left} mode: use net.train(mode), not an attribute."
    if any(p.grad is not None for p in net.parameters()):
        return "It leaves gradients in the network; measuring needs none."
    if not all(p.requires_grad for p in net.parameters()):
        return "It leaves the network frozen: use torch.no_grad() instead."
    return None


def _not_the_mean(net, x, y, size, result):
    with torch.no_grad():
        outputs = net.eval()(x)
    each = F.cross_entropy(outputs, y, reduction="none")
    parts = [part.mean() for part in each.split(size)]
    slips = {
        "Each batch counts the same here, even the short one at the end.": sum(parts) / len(parts),
        "The last batch is missing.": each[: size * (len(parts) - 1)].mean(),
        "That is the loss of the last batch alone.": parts[-1],
        "That is the loss of the first batch alone: is `return` inside the loop?": parts[0],
        "That is the sum over the pictures; return their mean.": each.sum(),
        "The sums are added up, but divided by the number of batches.": each.sum() / len(parts),
        "The means of the batches are divided by the number of pictures.": sum(parts) / len(each),
        "The last batch counts as if it were full.": each.sum() / (size * len(parts)),
        "That is minus the mean probability; the logarithm is missing.": F.nll_loss(
            outputs.softmax(1), y
        ),
        "That is an accuracy, not a loss.": (outputs.argmax(1) == y).float().mean(),
        "That takes logarithms to another base; cross-entropy uses the natural one.": (
            each.mean() / math.log(2)
        ),
        "cross_entropy takes the network's outputs, not probabilities.": F.cross_entropy(
            outputs.softmax(1), y
        ),
    }
    return compare(result, each.mean(), slips)


@exercise(
    "02.3",
    takes="layer labels",
    wanted="the layer it was given, changed",
    why="Such a layer begins at the best loss that is possible without looking at the pictures. "
    "Unless the classes are equally frequent, that is below the loss of an even guess.",
    hints=(
        "With what weights does the picture make no difference? Then only the biases speak.",
        "Softmax takes exp of the logits and divides by the sum: which logits become the shares?",
    ),
)
def start_at_shares(function):
    for seed, labels in ((3, [2, 0, 0, 1, 0, 2, 0, 0, 2, 0]), (4, [1, 0, 1, 1])):
        torch.manual_seed(seed)
        labels = torch.tensor(labels)
        counts = labels.bincount().float()
        layer, x = nn.Linear(5, len(counts)), 3 * torch.randn(6, 5)
        before = {name: p.detach().clone() for name, p in layer.named_parameters()}
        if function(layer, labels) is not layer:
            return "Return the layer that was given: another one would not be in the network."
        if not all(p.requires_grad and p.is_leaf for p in (layer.weight, layer.bias)):
            return "The layer can no longer be trained: its parameters do not require gradients."
        for name, old in before.items():
            new = getattr(layer, name)
            if new.shape != old.shape:
                return f"layer.{name} has the shape {tuple(new.shape)}, not {tuple(old.shape)}."
            if new.dtype != old.dtype:
                return f"layer.{name} has the dtype {new.dtype}, not {old.dtype}."
        with torch.no_grad():
            answers = layer(x).softmax(1)
        if answers.isnan().any():
            return "The answers are NaN: is there a NaN or an infinity among the biases?"
        if not torch.allclose(answers, answers[:1].expand_as(answers), atol=1e-4):
            return "Two pictures still get different answers: the features should not count yet."
        if layer.bias.equal(before["bias"]):
            return "The weights are zero, but the biases are still random."
        shares = counts / counts.sum()
        slips = {
            "The biases are shares; softmax turns them into something else.": shares.softmax(0),
            "The biases are counts; softmax turns them into something else.": counts.softmax(0),
            "Each class gets the same share, whatever the labels are.": (0 * shares).softmax(0),
            "A logarithm to base 10: softmax undoes the natural one.": shares.log10().softmax(0),
            "That undoes a sigmoid, but this is a softmax.": shares.logit().softmax(0),
            "The biases are minus logarithms: frequent classes get the least.": (
                1 / shares / (1 / shares).sum()
            ),
        }
        others = "Shares of other classes: which one is at position 0?"
        mixed_up = torch.allclose(answers[0].sort()[0], shares.sort()[0], atol=1e-4)
        slips |= {others: answers[0]} if mixed_up else {}
        if diagnosis := compare(answers[0], shares, slips) or cannot_learn(layer, x):
            return diagnosis
    return None


@exercise(
    "02.4",
    takes="a b",
    wanted="three values (difference, error, clear)",
    why="Two means always differ. With three seeds each, even their spread is a guess, so a clear "
    "difference has to be larger than the usual two standard errors.",
    hints=(
        "Begin with one recipe: its standard deviation over the seeds, then the error of its mean.",
        "A torch tensor's std() is that of a sample; a NumPy array's is not, unless you ask for "
        "it. And a difference below zero can be as clear as one above.",
    ),
)
def difference(function):
    a, b, c = [0.9, 0.7, 0.8], [0.61, 0.73, 0.63, 0.67], [0.45, 0.5, 0.4]
    steady, large = [0.62, 0.63, 0.61, 0.62, 0.63, 0.61], [0.8, 0.82, 0.78, 0.81, 0.79, 0.8]
    larger = [value + 0.02 for value in large]
    pairs = ((a, c), (c, a), (a, b), (b, a), (a, steady), (a, [0.62, 0.67, 0.57]), (larger, large))
    for one, two in (*pairs, ([0.25, 0.5], [0.25, 0.25])):
        values = kinds.items(function(list(one), list(two)))
        if len(values) != 3:
            return f"Return three values; these are {len(values)}."
        if diagnosis := _not_the_difference(one, two, *values):
            return diagnosis
    return None


HAND = "The {} is not right. Work it out by hand for [0.7, 0.8, 0.9] and [0.4, 0.5]."


def _not_the_difference(a, b, gap, error, clear):
    right, own, degrees = _welch(a, b)
    a, b = (torch.tensor(v, dtype=torch.float64) for v in (a, b))
    wrong_sign = "The difference has the wrong sign: a minus b."
    gap, error = (torch.tensor(kinds.number(v)) for v in (gap, error))  # three decimals will do
    if diagnosis := compare(gap, right, {wrong_sign: -right}, 6e-4, HAND.format("difference")):
        return diagnosis
    flat = a.var(correction=0) / len(a) + b.var(correction=0) / len(b)
    slips = {
        "Seeds are a sample, not the whole population: divide by n - 1.": flat.sqrt(),
        "That is the spread of single seeds; a mean varies less.": (a.var() + b.var()).sqrt(),
        "The two errors are added; chance rarely pushes both means apart.": own.sqrt().sum(),
        "That is the sum of the squared errors: a square root is missing.": own.sum(),
        "That is the error of a's mean alone.": own[0].sqrt(),
    }
    if diagnosis := compare(error, own.sum().sqrt(), slips, 6e-4, HAND.format("standard error")):
        return diagnosis
    clear = kinds.truth(clear, "The third value")
    ratio, limit = abs(right / own.sum().sqrt()), stats.t.ppf(0.975, degrees)
    if clear == bool(ratio > limit):
        return None
    case = f"A difference of {ratio:.2f} standard errors (seeds: {len(a)} and {len(b)})"
    limits = f"the limit for {degrees:.1f} degrees of freedom is {limit:.2f}"
    if clear:
        return f"{case} is not clear: {limits}."
    direction = " The better recipe may also be b." if right < 0 else ""
    return f"{case} is clear: {limits}.{direction}"


def _welch(a, b):
    """Returns the difference of the means, their squared errors, and the degrees of freedom."""
    a, b = (torch.tensor(v, dtype=torch.float64) for v in (a, b))
    own = torch.stack([a.var() / len(a), b.var() / len(b)])
    counts = torch.tensor([len(a), len(b)])
    degrees = own.sum().square() / (own.square() / (counts - 1)).sum()
    return a.mean() - b.mean(), own, degrees.item()


@exercise(
    "02.5",
    wanted='a dictionary {"mine": [accuracies], "lesson": [accuracies], "seconds": [seconds], '
    '"clear": True or False}',
    why="How far random weights can be helped is now a number that you have measured, with as many "
    "seeds as the recipe you compare with, a limit on time, and a rule that was fixed before.",
    hints=(
        "What does the lesson's scratch lack? Its networks see few pictures, for few epochs.",
        "You have 40 seconds: what makes a step cheaper, what makes it count for more, and what is "
        "left out of training so far? Try one change at a time, with one seed; 02.4 comes last.",
    ),
)
def scratch_at_its_best(answer):
    entries = dict.fromkeys(("mine", "lesson", "seconds"), kinds.numbers) | {"clear": kinds.truth}
    wanted = "a list with a number for each seed"
    mine, lesson, seconds, clear = kinds.named(answer, entries, wanted)
    if min(len(mine), len(lesson)) < 3:
        return "Three seeds or more for each side: of fewer, the spread would be a guess."
    if len(seconds) != len(mine):
        return f"{len(seconds)} times for {len(mine)} networks of yours: give one for each."
    require_accuracies(mine + lesson)
    theirs = vars(sys.modules["__main__"]).get("theirs", [])  # where the lesson has just run
    if any(min(abs(told - known) for told in lesson) > 0.006 for known in theirs):
        return '"lesson" holds other numbers than `theirs`, which the networks there have reached.'
    if min(seconds) <= 0:
        return "Training takes more than 0 seconds: measure with time.perf_counter()."
    if max(seconds) > MOST_SECONDS:
        return f"One network took {max(seconds):.0f} seconds; {MOST_SECONDS} are allowed."
    always_the_same = len(set(mine)) == 1 and mine[0] != 0.5  # 0.5: it has one answer for all
    both_the_same = sorted(mine) == sorted(lesson)
    if always_the_same or both_the_same:
        what = "Both lists are the same" if both_the_same else "All your seeds gave the same result"
        return f"{what}: is `seed` passed on, and is it your network that was measured?"
    gap, own, degrees = _welch(mine, lesson)
    if not own.sum():
        return "Neither side has any spread over its seeds, so 02.4 cannot say what is clear."
    ratio, limit = abs(gap / own.sum().sqrt()), stats.t.ppf(0.975, degrees)
    if clear != bool(ratio > limit) and abs(ratio / limit - 1) > 0.05:
        return (
            f'"clear" does not agree with 02.4: a difference of {gap:.3f}, {ratio:.2f} standard '
            f"errors, where the limit is {limit:.2f}."
        )
    return None
