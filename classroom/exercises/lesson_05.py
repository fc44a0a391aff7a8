"""Exercises of lesson 05: two decays, a schedule, augmentation, a split, the join by id."""

import inspect
import math
from collections.abc import Mapping

import torch
from torch import nn

from classroom.exercises import number
from classroom.judge import NotYet, exercise

torch.optim.SGD([nn.Parameter(torch.ones(1))])  # the first one takes a second: not from an answer

number(
    "05.1",
    0.95**10 * 0.995**10,
    0.004,
    {
        0.95**20: "The learning rate is lowered after ten steps; here it stays.",
        0.9**20: "Weight decay works through the learning rate; here the rate plays no part.",
        1.0: "Without a gradient weight decay still acts, at every step.",
        0.95**10: "These are the first ten steps; the lowered rate still has ten to go.",
        1 - 10 * 0.05 - 10 * 0.005: "Each step takes its share of what is left, not of the start.",
        0.995**10: "These are the last ten steps alone.",
        0.995**20: "The learning rate is lowered after ten steps, not from the start.",
    },
    why="One decay acts on the weight, the other on the rate, and through the rate the second "
    "slows the first down.",
    hints=(
        "What does one step do to a weight whose gradient is zero? See `after_steps`.",
        "Ten steps multiply by one factor each, ten more by another, nearer to 1.",
    ),
)


@exercise(
    "05.2",
    takes="optimizer every factor batches",
    gives="a schedule of torch.optim.lr_scheduler, with a method step",
    why="A schedule counts calls of step, and knows nothing of epochs: who calls it, and how "
    "often, is half of the recipe.",
    hints=(
        "torch.optim.lr_scheduler has a schedule that goes down in steps. In what does it count?",
        "train.fit calls step() after every batch: how many calls are `every` epochs?",
    ),
)
def steps_down(function):
    every, factor, batches = 3, 0.5, 4
    first = (0.1, 0.4)
    rates = _rates(function, first, every, factor, batches)
    ends = every * batches
    right = [0.1 * factor ** (i // ends) for i in range(len(rates[0]))]
    times = range(len(right))
    slips = {
        f"With {batches} batches an epoch, the rate falls after {every} batches, not epochs.": [
            0.1 * factor ** (i // every) for i in times
        ],
        "The rate falls after every epoch; `every` is not used.": [
            0.1 * factor ** (i // batches) for i in times
        ],
        "The rate never falls, although three times `every` epochs are over.": [0.1] * len(right),
        "The rate falls once and never again.": [0.1 * factor ** min(i // ends, 1) for i in times],
        "The rate falls a little at every batch; it should stay, then fall at once.": [
            0.1 * factor ** (i / ends) for i in times
        ],
        "The rate falls one batch too early.": [0.1 * factor ** ((i + 1) // ends) for i in times],
        "The rate falls one batch too late.": [
            0.1 * factor ** (max(i - 1, 0) // ends) for i in times
        ],
        "The rate begins as the square of itself: is a factor asked for where a rate is given?": [
            0.1 * r for r in right
        ],
        "It is multiplied by 0.1, whatever `factor` says.": [
            0.1 * 0.1 ** (i // ends) for i in times
        ],
    }
    for diagnosis, value in slips.items():
        if _close(rates[0], value):
            return diagnosis
    if not _close(rates[0], right):
        k = next(k for k in range(len(right)) if not _close(rates[0][k : k + 1], right[k : k + 1]))
        return (
            f"With every = {every}, factor = {factor} and {batches} batches an epoch, the rate "
            f"after {k} batches is {rates[0][k]:.3g} and should be {right[k]:.3g}; first it is 0.1."
        )
    if not _close(rates[1], [4 * r for r in right]):
        return "The first group of parameters is right; another group has another rate, and is not."
    return None


def _rates(function, first, every, factor, batches):
    """The rates of two groups of parameters before each of ten epochs' batches."""
    groups = [{"params": [nn.Parameter(torch.ones(1))], "lr": rate} for rate in first]
    optimizer, seen = torch.optim.SGD(groups), []  # takes no step: only its rates are looked at
    schedule = function(optimizer, every, factor, batches)
    for _ in range(10 * batches):
        seen.append([group["lr"] for group in optimizer.param_groups])
        schedule.step()
    return list(zip(*seen, strict=True))


def _close(found, right):
    return all(math.isclose(a, b, rel_tol=1e-6) for a, b in zip(found, right, strict=True))


@exercise(
    "05.3",
    gives='a dictionary {"with": (training, validation accuracy), "without": (..., ...)}',
    why="The training accuracy says how well pictures are remembered; whether augmentation helps, "
    "only validation pictures can say, within their standard error.",
    hints=(
        "accuracies_with(augment) gives both accuracies; call it twice.",
        "The argument is a transform, or None where nothing is moved or mirrored.",
    ),
)
def augmentation(answer):
    if set(answer) != {"with", "without"}:
        return 'The dictionary has two entries, "with" and "without".'
    if any(not hasattr(pair, "__len__") or len(pair) != 2 for pair in answer.values()):
        return "Each entry holds two accuracies: on training pictures, then on validation ones."
    (seen, new), (seen_without, new_without) = (
        map(float, answer[name]) for name in ("with", "without")
    )
    if not all(0 <= value <= 1 for value in (seen, new, seen_without, new_without)):
        return "An accuracy is a fraction from 0 to 1, not a percentage and not a loss."
    if (seen, new) == (seen_without, new_without):
        return "Both entries are the same: was one of the two trained without augmentation?"
    if seen_without < new_without - 0.05 or seen < new - 0.15:
        return (
            "On new pictures it is better than on those it learned: is the order of a pair right?"
        )
    if seen_without < seen - 0.05:
        return "Without augmentation it remembers less than with it: are the entries the right way?"
    return None


@exercise(
    "05.4",
    takes="labels fraction seed",
    gives="two lists of indices, train and valid",
    why="With few pictures of a class, chance alone may leave the validation set without any of "
    "them; then nobody sees how the network does on that class.",
    hints=(
        "Class by class: the places of its pictures, in random order, cut in two.",
        "torch.where(labels == c)[0] gives places in the whole set; torch.randperm with a "
        "generator of that seed shuffles them.",
    ),
)
def stratified(function):
    counts = (20, 10, 40, 5)
    labels = torch.tensor([2, 3, 7, 9]).repeat_interleave(torch.tensor(counts))
    for given, fraction in ((labels[torch.randperm(75)], 0.2), (labels, 0.4)):
        kept = given.clone()
        train, valid = _two_parts(function(given, fraction, 3))
        if not given.equal(kept):
            return "It changes the labels that it was given; work on a copy."
        if diagnosis := _judge_parts(given.tolist(), fraction, train, valid):
            return diagnosis
        again, other = (_two_parts(function(given, fraction, seed)) for seed in (3, 4))
        if set(again[1]) != set(valid):
            return "The same seed gives another split in a second call."
        if set(other[1]) == set(valid):
            return "Two seeds give the same split: is anything drawn at random, and by the seed?"
    return None


def _two_parts(found):
    train, valid = (part.tolist() if hasattr(part, "tolist") else list(part) for part in found)
    if any(isinstance(i, bool) for i in train + valid):
        raise NotYet("It gives True and False; give the indices at which pictures stand.")
    return [int(i) for i in train], [int(i) for i in valid]


def _judge_parts(labels, fraction, train, valid):
    if len(set(train)) < len(train) or len(set(valid)) < len(valid):
        return "An index stands twice in one part: give places in the whole set, not in a class."
    if both := set(train) & set(valid):
        return f"{len(both)} pictures are in both parts: a leak."
    if not set(train + valid) <= set(range(len(labels))):
        return "There is an index that no picture has."
    if missing := len(labels) - len(train) - len(valid):
        return f"{missing} of {len(labels)} pictures are in neither part."
    classes = sorted(set(labels))
    counts = [labels.count(c) for c in classes]
    found = [sum(labels[i] == c for i in valid) for c in classes]
    right = [round(fraction * n) for n in counts]
    if found == right:
        return None
    if found == [n - r for n, r in zip(counts, right, strict=True)]:
        return "The parts are the other way round: train first, then valid with the fraction."
    if len(set(found)) == 1:
        return f"Every class gives {found[0]}; it should be a fraction of each class."
    c = next(c for c in range(len(counts)) if found[c] != right[c])
    return (
        f"With the fraction {fraction}, class {classes[c]} gives {found[c]} of its {counts[c]} "
        "pictures to valid."
    )


@exercise(
    "05.5",
    takes="sample_ids ids names",
    gives="a list of names, one for each id of the sample",
    why="A wrong order raises no error anywhere and looks like a network that has learned "
    "nothing: join by id, and let a missing answer be an error.",
    hints=(
        "First make something that tells the name for an id; then ask it for each of the sample's.",
        "Write ids in the same way on both sides before you compare them: 7 and '7' are not equal "
        "in Python. And choose a way to look up that complains when an id is not there.",
    ),
)
def in_order_of(function):
    numbers = list(range(1, 13))
    cases = [
        (numbers, sorted(map(str, numbers))),
        ([3, 100, 20, 1], ["1", "100", "20", "3"]),
        (["b7", "0a", "c1", "9f"], ["c1", "9f", "0a", "b7"]),
        (["2", "10", "1"], [10, 1, 2]),
    ]
    for sample, ids in cases:
        answers = [f"name of {i}" for i in ids]
        given = list(sample), list(ids), list(answers)
        found = function(*given)
        if given != (sample, ids, answers):
            return "It changes a list that it was given; work on a copy."
        if diagnosis := _judge_join(found, sample, ids, answers):
            return diagnosis
    try:
        found = function.function([1, 2, 10], ["1", "10", "11"], ["one", "ten", "eleven"])
        found = list(found) if inspect.isgenerator(found) else found
    except (Exception, SystemExit):
        return None
    return f"Id 2 of a sample has no answer, and in silence it gives a {type(found).__name__}."


def _judge_join(found, sample, ids, answers):
    if isinstance(found, Mapping) or hasattr(found, "columns"):
        return "Give the names alone, in the order of the sample, not a table or a dictionary."
    found = list(found)
    right = [f"name of {i}" for i in sample]
    case = f"The sample has the ids {', '.join(map(repr, sample[:3]))}, ..."
    if len(found) != len(right):
        return f"{case} and {len(right)} rows; {len(found)} names come back."
    odd = [(i, name) for i, name in zip(sample, found, strict=True) if not isinstance(name, str)]
    if odd:
        return f"{case} and for id {odd[0][0]!r} it gives {odd[0][1]}: how is it written in ids?"
    if found == right:
        return None
    if found == answers:
        return f"{case} and the names come back as they were given: joined by position."
    place = {str(i): k for k, i in enumerate(sample)}
    if found == [answers[place[str(i)]] for i in ids]:
        return f"{case} and the names are moved the wrong way: from the sample to ids."
    by_id = sorted(right, key=lambda name: name.split()[-1].rjust(9))  # 2 before 10
    if found in (by_id, sorted(right)):
        return f"{case} and the names come sorted by id; the sample has an order of its own."
    return f"{case} and the first gets the {found[0]!r}, which is another picture."
