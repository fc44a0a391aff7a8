"""Exercises of lesson 06: log-loss, opinions, a refused submission, insurance, paired gains."""

import pandas as pd
import torch
from torch.nn import functional as F

from classroom import kinds
from classroom.exercises import choice, compare, lowest_loss, number
from classroom.judge import exercise

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
    why="A mean is less sure where the opinions disagree, which is where an answer should be less "
    "sure. A mean of the logits and then a softmax is right too: a geometric mean.",
    hints=(
        "Each picture's answer must be probabilities in the end: which function makes them?",
        "Which of the three dimensions holds the classes, and which one the opinions?",
    ),
)
def mean_of_views(function):
    torch.manual_seed(1)
    logits = 3 * torch.randn(4, 5, 4)
    result = kinds.tensor(function(logits.clone()))
    right = logits.softmax(2).mean(0)
    geometric = logits.mean(0).softmax(1)
    if result.shape == logits.shape:
        return "There is still an answer for each opinion; average over the opinions."
    if result.shape == (4, 4):
        return "The dimensions are mixed up: the mean is over pictures."
    if result.shape != right.shape:
        shape = tuple(result.shape)
        return f"(4, 5, 4), which is opinions, pictures, classes, becomes {shape}, not (5, 4)."
    slips = {
        "These are averaged logits; an answer is made of probabilities.": logits.mean(0),
        "The softmax is taken over the pictures; each picture's classes should sum to 1.": (
            logits.softmax(1).mean(0)
        ),
        "The softmax is taken over the opinions; each picture's classes should sum to 1.": (
            logits.softmax(0).mean(0)
        ),
        "The opinions are added up, so that a picture's answers sum to 4.": logits.softmax(2).sum(
            0
        ),
        "Only the first opinion is used.": logits.softmax(2)[0],
        "There is a second softmax; a mean of probabilities needs none.": right.softmax(1),
    }
    if compare(result, geometric, {}) is None:  # a geometric mean is as right as the other
        return None
    return compare(result, right, slips)


BREEDS = ["beagle", "pug", "samoyed"]


@exercise(
    "06.3",
    takes="table sample",
    wanted="a table, as a DataFrame",
    why="A table joined by name and id stays right when somebody sorts a list; Kaggle sees neither "
    "a swapped column nor a shifted row.",
    hints=(
        "`set_index`, `drop_duplicates`, `loc` work by name; `.str.removesuffix` shortens names.",
        "The sample says which rows and which columns are wanted, and in which order. The sums of "
        "rows come with `sum(axis=1)`, and `div(..., axis=0)` divides each row by its own number.",
    ),
)
def repaired(function):
    right = pd.DataFrame(
        {
            "beagle": [0.7, 0.2, 0.1, 0.25],
            "pug": [0.1, 0.7, 0.3, 0.5],
            "samoyed": [0.2, 0.1, 0.6, 0.25],
        }
    )
    right.insert(0, "id", ["d41", "a07", "c99", "b12"])
    sample = right.assign(**dict.fromkeys(BREEDS, 1 / 3))
    table = right[["samoyed", "id", "beagle", "pug"]].copy()
    table[BREEDS] = table[BREEDS].mul([2.0, 0.5, 3.0, 1.6], axis=0)
    table["id"] += ".jpg"
    table = pd.concat([table, table.iloc[[2]]]).iloc[[3, 2, 0, 4, 1]].reset_index(drop=True)
    result = function(table.copy(), sample.copy())
    if not isinstance(result, pd.DataFrame):
        return f"It returns {type(result).__name__}; return a DataFrame."
    if "id" not in result:
        return "There is no column id: did it become the index? `reset_index` brings it back."
    if list(result.columns) != list(right.columns):
        return "The columns are not those of the sample in its order: " + ", ".join(
            map(str, result.columns)
        )
    ids = result["id"].astype(str).tolist()
    if any(i.endswith(".jpg") for i in ids):
        return "The ids still end in .jpg; those of the sample do not."
    if len(ids) != len(set(ids)):
        return "One picture stands in it twice."
    if sorted(ids) != sorted(right["id"]):
        return "Its ids are not those of the sample: each of them must stand in it, and no other."
    if ids != right["id"].tolist():
        return "The rows are not in the order of the sample."
    found = torch.tensor(result[BREEDS].astype(float).to_numpy())
    wanted = torch.tensor(right[BREEDS].to_numpy())
    sent = wanted * torch.tensor([[2.0], [0.5], [3.0], [1.6]])
    slips = {
        "Every row must sum to 1: divide each row by its own sum.": sent,
        "Each column sums to 1, not each row.": sent / sent.sum(0),
        "That is a softmax; the numbers are right up to a factor: divide by their sum.": (
            sent.softmax(1)
        ),
        "All numbers are those of the sample: the colleague's answers are lost.": (
            torch.full((4, 3), 1 / 3, dtype=float)
        ),
    }
    otherwise = "The numbers are not those of their own pictures and breeds: join them by name."
    return compare(found, wanted, slips, otherwise=otherwise)


@exercise(
    "06.4",
    takes="probabilities labels candidates",
    wanted="one of the candidates, a number",
    why="A little modesty is cheap for right answers and saves the sure wrong ones: nobody who "
    "says 0 is insured.",
    hints=(
        "Work out the log-loss for each candidate, on the mixed probabilities of the right class.",
        "`min(candidates, key=...)` takes a function that returns the log-loss of a share.",
    ),
)
def best_share(function):
    candidates, rounds = [0.3, 0.02, 0.9, 0.1, 0.001, 0.5, 0.2, 0.005], []
    for case in ((6.0, 30, 0), (7.0, 75, 0), (10.0, 30, 200), (6.0, 0, 0)):
        probabilities, labels = _sometimes_wrong(*case)
        share = kinds.number(function(probabilities.clone(), labels, list(candidates)))
        losses = [_mixed_loss(probabilities, labels, s) for s in candidates]
        slips = _slips_of_share(probabilities, labels, candidates, losses)
        rounds.append((share, losses, slips))
    return lowest_loss("share", candidates, rounds)


def _sometimes_wrong(sure: float, wrong: int, unsure: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns probabilities (300, 5) and labels; so many answers are sure and wrong, or unsure."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 5, (300,), generator=generator)
    logits = torch.rand(300, 5, generator=generator) + sure * F.one_hot(labels, 5)
    logits[:wrong] = logits[:wrong].roll(1, 1) * 1.5
    logits[300 - unsure :] *= 0.8 / sure
    return logits.softmax(1), labels


def _mixed_loss(probabilities, labels, share):
    mixed = (1 - share) * probabilities + share / probabilities.shape[1]
    return F.nll_loss(mixed.log(), labels).item()


def _slips_of_share(probabilities, labels, candidates, losses):
    """Returns {diagnosis: the position of the candidate that this slip leads to}."""

    def lowest(measure):
        return min(range(len(candidates)), key=lambda k: measure(candidates[k]))

    def mixed(s, even):
        return (1 - s) * probabilities + s * even

    def squares(s):
        return (mixed(s, 1 / 5) - F.one_hot(labels, 5)).square().mean().item()

    def gap(s):
        most, said = mixed(s, 1 / 5).max(1)
        return abs(most.mean() - (said == labels).float().mean()).item()

    return {
        "It returns the candidate with the highest log-loss.": losses.index(max(losses)),
        "It always takes the first candidate: accuracies do not change; choose by the log-loss.": 0,
        "It takes the smallest of the candidates, as a loss without a logarithm does, or one with "
        "a softmax of what are probabilities already: each picture costs minus the logarithm of "
        "its probability.": candidates.index(min(candidates)),
        "It takes the largest of the candidates.": candidates.index(max(candidates)),
        "The shares are mixed the wrong way round: s belongs to the even answer.": lowest(
            lambda s: _mixed_loss(probabilities, labels, 1 - s)
        ),
        "Squared errors (the Brier score) decide here; choose by the log-loss.": lowest(squares),
        "The mean confidence comes nearest to the accuracy; choose by the log-loss.": lowest(gap),
        "The even answer is 1 / K for each breed, not 1.": lowest(
            lambda s: F.nll_loss(mixed(s, 1.0).log(), labels).item()
        ),
    }


@exercise(
    "06.5",
    takes="first second",
    wanted="two numbers: the gain, and its standard error",
    why="Two methods that answered the same pictures are compared by their differences: the error "
    "of these is often a fraction of that of either mean.",
    hints=(
        "Subtract first, then take mean and standard deviation of the differences.",
        "The standard error of a mean is the standard deviation divided by the square root of N.",
    ),
)
def gain_and_error(function):
    generator = torch.Generator().manual_seed(2)
    first = torch.rand(40, generator=generator) ** 4 * 6
    second = 0.8 * first + 0.2 * torch.rand(40, generator=generator)
    gain, error = kinds.pair(function(first.clone(), second.clone()))
    difference = first - second
    right, root = (difference.mean().item(), difference.std().item() / 40**0.5), 40**0.5
    if abs(gain + right[0]) < 1e-4:
        return "The sign is turned round: a second network that costs less has a gain above 0."
    if abs(gain - right[0]) > 1e-4:
        return f"The gain is the mean of the differences, {right[0]:.3f} here; yours is {gain:.3f}."
    apart = ((first.var() + second.var()) / 40).sqrt().item()
    slips = {
        "That is the standard deviation of the differences; their mean varies less.": root
        * right[1],
        "That is the error for two different sets of pictures; take the differences first.": apart,
        "That is a variance; take its square root.": right[1] ** 2,
        "Divide by the square root of N, not by N.": right[1] / root,
        "That is the difference of the two errors; take the error of the differences.": (
            (first.std() - second.std()).item() / root
        ),
    }
    if abs(error - right[1]) <= 0.02 * right[1]:  # with N or N - 1
        return None
    for diagnosis, value in slips.items():
        if abs(error - value) <= 0.03 * abs(value):
            return diagnosis
    return f"The gain is right; its error is not {error:.4f}. Take the differences first."


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
        "For two different sets of pictures, the error of the gain would be the square root of the "
        "sum of both squares. Exercise 06.5 shows what it is for the same ones.",
    ),
)
