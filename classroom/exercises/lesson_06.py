"""Exercises of lesson 06: log-loss, views, temperature, folds, early stopping."""

from functools import partial

import torch
from torch.nn import functional as F

from classroom import kinds
from classroom.exercises import choice, compare, measured_again, number
from classroom.judge import NotYet, exercise

number(
    "06.1",
    1.0053,
    0.005,
    {
        0.3257: "That is minus the logarithm of the mean probability; take the mean of the "
        "logarithms.",
        0.4366: "That is with logarithms to base 10; log-loss uses the natural one.",
        1.4504: "That is with logarithms to base 2; log-loss uses the natural one.",
        -1.0053: "Log-loss is minus the mean of the logarithms.",
        10.0532: "That is the sum over the ten pictures; log-loss is their mean.",
        0.1054: "That counts only the eight right answers; the two wrong ones cost something too.",
        0.0843: "That counts only the eight right answers; the two wrong ones cost something too.",
        0.0863: "Wrong answers count by what they gave to the right breed, 0.01, not 0.99.",
    },
    why="Two sure mistakes among ten cost more than ten times as much as the eight good answers "
    "together: in log-loss, confidence has to be earned.",
    hints=(
        "Each picture costs minus the logarithm of the probability of its own breed.",
        "Work out the cost of one picture of each kind; how many are there of each?",
    ),
)


@exercise(
    "06.2",
    takes="logits",
    wanted="a tensor of probabilities (N, classes)",
    why="A mean over views is less sure where the views disagree, which is where an answer "
    "should be less sure.",
    hints=(
        "Does the order matter, first the mean or first the softmax? Try both on two views that "
        "contradict each other.",
        "Which of the three dimensions holds the classes, and which one the views?",
    ),
)
def mean_of_views(function):
    torch.manual_seed(1)
    logits = 3 * torch.randn(4, 5, 4)
    result = kinds.tensor(function(logits.clone()))
    right = logits.softmax(2).mean(0)
    if result.shape == logits.shape:
        return "There is still an answer for each view; average over the views."
    if result.shape == (4, 4):
        return "The dimensions are mixed up: the mean is over pictures."
    if result.shape != right.shape:
        shape = tuple(result.shape)
        return f"(4, 5, 4), which is views, pictures, classes, becomes {shape}, not (5, 4)."
    slips = {
        "The logits are averaged, then turned into probabilities; do it the other way round.": (
            logits.mean(0).softmax(1)
        ),
        "These are averaged logits; an answer is made of probabilities.": logits.mean(0),
        "The softmax is taken over the pictures; each picture's classes should sum to 1.": (
            logits.softmax(1).mean(0)
        ),
        "The softmax is taken over the views; each picture's classes should sum to 1.": (
            logits.softmax(0).mean(0)
        ),
        "The views are added up, so that a picture's answers sum to 4.": logits.softmax(2).sum(0),
        "Only the first view is used.": logits.softmax(2)[0],
        "There is a second softmax; a mean of probabilities needs none.": right.softmax(1),
    }
    return compare(result, right, slips)


@exercise(
    "06.3",
    takes="logits labels candidates",
    wanted="one of the candidates, a number",
    why="One number, chosen on pictures that the network did not train on, repairs its confidence "
    "and leaves every answer as it was.",
    hints=(
        "Not every candidate is above 1, and the list need not be sorted: look at all of them.",
        "The softmax is already inside of cross_entropy, and the logarithm too: what goes into it?",
    ),
)
def best_temperature(function):
    candidates = [4.8, 0.7, 0.15, 1.2, 0.3, 9.6, 2.4, 1.0, 1.7, 0.5, 3.4, 0.22, 6.8]
    picked, losses, slips = [], [], []
    for scale, sure in ((3.0, 20), (0.4, 0), (0.2, 0)):
        logits, labels = _overconfident(scale, sure)
        temperature = kinds.number(function(logits.clone(), labels, list(candidates)))
        losses.append([F.cross_entropy(logits / t, labels).item() for t in candidates])
        if abs(temperature - min(losses[-1])) < 1e-4:
            return "It returns the log-loss; return the temperature that leads to it."
        near = [t for t in candidates if abs(t - temperature) < 1e-6]
        if not near and temperature in range(len(candidates)):
            return "It returns a position in the list; return the temperature at that position."
        if not near:
            return "It returns a number that is not among the candidates."
        picked.append(candidates.index(near[0]))
        slips.append(_slips_of_temperature(logits, labels, candidates, losses[-1]))
    best = [min(loss) for loss in losses]
    reached = [loss[k] for loss, k in zip(losses, picked, strict=True)]
    if reached == best:
        return None
    for diagnosis in slips[0]:
        if picked == [found[diagnosis] for found in slips]:
            return diagnosis
    k = next(k for k in range(3) if reached[k] != best[k])
    temperature = candidates[picked[k]]
    return f"With {temperature:g} the log-loss is {reached[k]:.3f}; another candidate is better."


def _overconfident(scale, sure):
    """Returns logits and labels; of 300 pictures, 60 are wrong, some of these `sure` of it."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 5, (300,), generator=generator)
    logits = torch.randn(300, 5, generator=generator) + 2.5 * F.one_hot(labels, 5)
    logits[:60] = logits[:60].roll(1, 1)
    logits[:sure] *= 4
    return scale * logits, labels


def _slips_of_temperature(logits, labels, candidates, losses):
    """Returns {diagnosis: the position of the candidate that this slip leads to}."""

    def lowest(measure):
        return min(range(len(candidates)), key=lambda k: measure(candidates[k]))

    def shares(t):
        return (logits / t).softmax(1)

    def confidence_gap(t):
        sure, answers = shares(t).max(1)
        return abs(sure.mean() - (answers == labels).float().mean())

    above = [k for k, t in enumerate(candidates) if t > 1]
    below = [k for k, t in enumerate(candidates) if t < 1]
    return {
        "It returns the candidate with the highest log-loss.": losses.index(max(losses)),
        "It multiplies by the temperature; divide the logits by it.": lowest(
            lambda t: F.cross_entropy(logits * t, labels)
        ),
        "The accuracy is the same at every temperature: choose by the log-loss.": 0,
        "It stops as soon as the log-loss rises, but the candidates are in no order.": next(
            k for k in range(len(losses)) if losses[k + 1] > losses[k]
        ),
        "There are two softmaxes: cross_entropy takes logits.": lowest(
            lambda t: F.cross_entropy(shares(t), labels)
        ),
        "It takes the smallest of the candidates, as a loss without a logarithm does: each picture "
        "costs minus the logarithm of a probability.": candidates.index(min(candidates)),
        "That is the lowest Brier score, a mean of squares; choose by the log-loss.": lowest(
            lambda t: (shares(t) - F.one_hot(labels, 5)).square().mean()
        ),
        "There the mean confidence is nearest to the accuracy; choose by the log-loss.": lowest(
            confidence_gap
        ),
        "It looks at temperatures above 1 only.": min(above, key=losses.__getitem__),
        "It looks at temperatures below 1 only.": min(below, key=losses.__getitem__),
        "It takes the largest of the candidates.": candidates.index(max(candidates)),
    }


LEARNED, HALF = -2.0, -3.0  # in place of answers to what was learned, or learned from too few


@exercise(
    "06.4",
    takes="learn_and_ask x labels folds",
    wanted="a tensor of probabilities with a row for each row of x",
    why="Every picture is judged by a network that has not seen it, and the rows are in the "
    "pictures' own order: only then can they be compared with the labels.",
    hints=(
        "Make an empty table first, then fill in the rows of each fold's held-out pictures.",
        "`result[a] = ...` fills the rows a: which of the two lists says where answers belong?",
    ),
)
def out_of_fold(function):
    torch.manual_seed(3)
    x, labels = torch.arange(9.0)[:, None], torch.tensor([0, 1, 1] * 3)
    order = torch.tensor([7, 2, 5, 0, 8, 3, 1, 6, 4])
    folds = [(order[order.unsqueeze(1).ne(held).all(1)], held) for held in order.split(3)]
    held_with = {i: set(learn.tolist()) for learn, held in folds for i in held.tolist()}
    answered = set()

    def learn_and_ask(learn_x, learn_labels, asked_x):
        learn_x, learn_labels, asked_x = map(kinds.tensor, (learn_x, learn_labels, asked_x))
        if len(learn_x) != len(learn_labels):
            raise NotYet("It gives the learner different numbers of pictures and labels.")
        learned, asked = ({int(i) for i in rows.reshape(-1)} for rows in (learn_x, asked_x))
        if not torch.equal(labels[learn_x.reshape(-1).long()], learn_labels):
            raise NotYet("The labels that the learner gets are not those of its pictures.")
        rows = torch.cat([asked_x / 9, 1 - asked_x / 9], 1)
        for row, i in zip(rows, asked_x.reshape(-1).tolist(), strict=True):
            if learned != held_with[i]:
                row[:] = LEARNED if i in learned else HALF
        answered.update(asked)
        return rows

    result = function(learn_and_ask, x, labels, folds)
    if answered == set(folds[0][1].tolist()):
        return "Only the first fold is answered: is `return` inside the loop?"
    if missing := len(x) - len(answered):
        return f"The learner is never asked about {missing} of the nine pictures."
    result = kinds.tensor(result)
    if (result == LEARNED).any():
        return "Some answers come from a learner that has learned from the same pictures."
    if (result == HALF).any():
        return "In each fold, train on all `learn` pictures and ask about `held` ones."
    if len(result) != 9:
        return f"There are nine pictures, but {len(result)} rows come back."
    right = torch.cat([x / 9, 1 - x / 9], 1)
    slips = {
        "The rows come one fold after the other; put them in the pictures' order.": right[order],
        "Almost: `rows[order]` moves the rows the other way; `rows[order.argsort()]` puts each row "
        "back in its place.": right[order][order],
        "The two columns are swapped.": right.flip(1),
    }
    return compare(result, right, slips)


def _sizes(key):
    size, epochs = kinds.pair(key) if isinstance(key, (tuple, list)) else (0.5, 0.5)
    if min(size, epochs) < 1 or size % 1 or epochs % 1:
        raise NotYet("the keys are pairs of whole numbers from 1: (batch size, epochs).")
    return int(size), int(epochs)


@exercise(
    "06.5",
    wanted="a dictionary {(batch size, epochs): log-loss}",
    why="Larger batches mean fewer steps in the same number of epochs, and more epochs mean more "
    "steps: what looks like an effect of one is often the other's.",
    hints=(
        "Two loops, one inside the other; the key of each entry is a pair such as (8, 10).",
        "Multiply from one number to the next, so that few runs cover a wide range. A dictionary "
        "comprehension may have two `for`.",
    ),
)
def batches_and_epochs(answer):
    losses = kinds.mapping(answer, _sizes, kinds.number, "a log-loss")
    sizes, epochs = ({key[i] for key in losses} for i in (0, 1))
    if len(sizes) < 3 or len(epochs) < 3:
        return (
            "Try at least three batch sizes and three numbers of epochs; "
            f"you have {len(sizes)} and {len(epochs)}."
        )
    if len(losses) < len(sizes) * len(epochs):
        return "Some pairs are missing: try each batch size with each number of epochs."
    if not all(0 < loss < 10 for loss in losses.values()):
        return (
            "A log-loss is a number above 0, and here far below 10: is one of these a percentage?"
        )
    if max(sizes) < 4 * min(sizes) or max(epochs) < 8 * min(epochs):
        return "Spread them further: batch sizes by a factor of 4 or more, epochs by 8 or more."
    for k, setting in enumerate(("batch size", "number of epochs")):
        others = {key[1 - k] for key in losses}
        rows = [{loss for key, loss in losses.items() if key[1 - k] == other} for other in others]
        if all(len(row) == 1 for row in rows):
            return f"The {setting} changes nothing: does your loop pass both numbers on?"
    fewest = max(sizes), min(epochs)  # steps
    return partial(measured_again, "valid_loss", fewest, [losses[fewest]], 0.05)


choice(
    "06.6",
    "c",
    {
        "a": "Other pictures would change either number by more than this difference.",
        "b": "Both judged the same pictures, so there is more to compare than two means.",
    },
    why="What is hard for one network is often hard for the other, and that part cancels in the "
    "differences of the same pictures.",
    hints=(
        "What would two other sets of pictures do to these numbers, and to their difference?",
        "See *The score, once*: for two different sets of pictures, the error of the gain would be "
        "the square root of the sum of both squares. What was it?",
    ),
)
