"""Exercises of lesson 05: two decays, a schedule, augmentation, a split, the join by id."""

import inspect
from collections.abc import Mapping

import torch
from torch import nn

from classroom.exercises import all_close, number, require_accuracies, require_pairs
from classroom.judge import NotYet, exercise

# the first optimiser of a process takes a second, which should not count against an answer
torch.optim.SGD([nn.Parameter(torch.ones(1))])

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
        "Ten steps multiply by one factor each, ten more by another, closer to 1.",
    ),
)


@exercise(
    "05.2",
    takes="optimizer every factor batches",
    wanted="a scheduler from torch.optim.lr_scheduler, with a step method",
    why="A schedule counts calls of step and knows nothing of epochs: who calls it, and how often, "
    "is half of the recipe.",
    hints=(
        "torch.optim.lr_scheduler has a scheduler that goes down in steps. What does it count?",
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
        f"With {batches} batches per epoch, the rate falls after {every} batches, not epochs.": [
            0.1 * factor ** (i // every) for i in times
        ],
        "The rate falls after every epoch; `every` is not used.": [
            0.1 * factor ** (i // batches) for i in times
        ],
        "The rate never falls, although three times `every` epochs passed.": [0.1] * len(right),
        "The rate falls once and never again.": [0.1 * factor ** min(i // ends, 1) for i in times],
        "The rate falls a little at every batch; it should stay, then fall in one step.": [
            0.1 * factor ** (i / ends) for i in times
        ],
        "The rate falls one batch too early.": [0.1 * factor ** ((i + 1) // ends) for i in times],
        "The rate falls one batch too late.": [
            0.1 * factor ** (max(i - 1, 0) // ends) for i in times
        ],
        "The rate starts as its own square: did you give a rate where a factor is expected?": [
            0.1 * r for r in right
        ],
        "It is multiplied by 0.1, whatever `factor` says.": [
            0.1 * 0.1 ** (i // ends) for i in times
        ],
    }
    for diagnosis, value in slips.items():
        if all_close(rates[0], value, rel_tol=1e-6):
            return diagnosis
    for k, (rate, wanted) in enumerate(zip(rates[0], right, strict=True)):
        if not all_close([rate], [wanted], rel_tol=1e-6):
            return (
                f"With every = {every}, factor = {factor}, {batches} batches per epoch, the rate "
                f"after {k} batches is {rate:.3g} and should be {wanted:.3g}; it starts at 0.1."
            )
    if not all_close(rates[1], [4 * r for r in right], rel_tol=1e-6):
        return "The first group of parameters is right, but a group with another rate is not."
    return None


def _rates(function, first, every, factor, batches):
    """Returns the rates of two groups of parameters before each batch of ten epochs."""
    groups = [{"params": [nn.Parameter(torch.ones(1))], "lr": rate} for rate in first]
    optimizer, seen = torch.optim.SGD(groups), []  # takes no step: only its rates are looked at
    schedule = function(optimizer, every, factor, batches)
    for _ in range(10 * batches):
        seen.append([group["lr"] for group in optimizer.param_groups])
        schedule.step()
    return list(zip(*seen, strict=True))


@exercise(
    "05.3",
    wanted='a dictionary {"with": (training, validation accuracy), "without": (..., ...)}',
    why="Training accuracy tells you how well the network remembers its pictures; whether "
    "augmentation helps, only the validation pictures can tell you, give or take a standard error.",
    hints=(
        "accuracies_with(augment) gives both accuracies; call it twice.",
        "The argument is a transform, or None where nothing is moved or mirrored.",
    ),
)
def augmentation(answer):
    if set(answer) != {"with", "without"}:
        return 'The dictionary has two entries, "with" and "without".'
    require_pairs(
        answer.values(),
        "Each entry holds two accuracies: on training pictures, then on validation ones.",
    )
    seen, new = map(float, answer["with"])
    seen_without, new_without = map(float, answer["without"])
    require_accuracies((seen, new, seen_without, new_without))
    if (seen, new) == (seen_without, new_without):
        return "Both entries are the same: was one of the two trained without augmentation?"
    if seen_without < new_without - 0.05 or seen < new - 0.15:
        return (
            "It does better on new pictures than on those it learned from: "
            "is each pair in the right order?"
        )
    if seen_without < seen - 0.05:
        return "It remembers less without augmentation than with it: are the two entries swapped?"
    return None


@exercise(
    "05.4",
    takes="labels fraction seed",
    wanted="two lists of indices, train and valid",
    why="Where a class has few pictures, chance alone may leave none of them for validation, and "
    "then nobody sees how the network does on that class.",
    hints=(
        "Class by class: the positions of its pictures, in random order, cut in two.",
        "torch.where(labels == c)[0] gives positions in the whole set; torch.randperm with a "
        "generator of that seed shuffles them.",
    ),
)
def stratified(function):
    counts = (20, 10, 40, 5)
    labels = torch.tensor([2, 3, 7, 9]).repeat_interleave(torch.tensor(counts))
    for ordered, fraction in ((labels[torch.randperm(75)], 0.2), (labels, 0.4)):
        argument = ordered.clone()
        train, valid = _two_parts(function(argument, fraction, 3))
        if not argument.equal(ordered):
            return "It changes the labels that it was given; work on a copy."
        if diagnosis := _wrong_parts(ordered.tolist(), fraction, train, valid):
            return diagnosis
        again, other = (_two_parts(function(argument, fraction, seed)) for seed in (3, 4))
        if set(again[1]) != set(valid):
            return "The same seed gives another split in a second call."
        if set(other[1]) == set(valid):
            return "Two seeds give the same split: is anything drawn at random, and by the seed?"
    return None


def _two_parts(split):
    train, valid = (part.tolist() if hasattr(part, "tolist") else list(part) for part in split)
    if any(isinstance(i, bool) for i in train + valid):
        raise NotYet("It returns True and False; return the indices of the pictures.")
    return [int(i) for i in train], [int(i) for i in valid]


def _wrong_parts(labels, fraction, train, valid):
    if len(set(train)) < len(train) or len(set(valid)) < len(valid):
        return "An index is in one part twice: give positions in the whole set, not in a class."
    if both := set(train) & set(valid):
        return f"{len(both)} pictures are in both parts: a leak."
    if not set(train + valid) <= set(range(len(labels))):
        return "There is an index that no picture has."
    if missing := len(labels) - len(train) - len(valid):
        return f"{missing} of {len(labels)} pictures are in neither part."
    classes = sorted(set(labels))
    counts = [labels.count(c) for c in classes]
    held_out = [sum(labels[i] == c for i in valid) for c in classes]
    right = [round(fraction * n) for n in counts]
    if held_out == right:
        return None
    if held_out == [n - r for n, r in zip(counts, right, strict=True)]:
        return "The parts are the other way round: train first, then valid with the fraction."
    if len(set(held_out)) == 1:
        return f"Every class gives {held_out[0]}; it should be a fraction of each class."
    c = next(c for c in range(len(counts)) if held_out[c] != right[c])
    return (
        f"With the fraction {fraction}, class {classes[c]} gives {held_out[c]} of its {counts[c]} "
        "pictures to valid."
    )


@exercise(
    "05.5",
    takes="sample_ids ids names",
    wanted="a list of names, one for each id of the sample",
    why="A wrong order raises no error anywhere and looks like a network that has learned "
    "nothing: join by id, and let a missing answer be an error.",
    hints=(
        "First build something that gives the name for an id; then look up each id of the sample.",
        "Write ids in the same way on both sides before you compare them: 7 and '7' are not equal "
        "in Python. And look them up in a way that complains when an id is not there.",
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
        arguments = list(sample), list(ids), list(answers)
        names = function(*arguments)
        if arguments != (sample, ids, answers):
            return "It changes a list that it was given; work on a copy."
        if diagnosis := _wrong_join(names, sample, ids, answers):
            return diagnosis
    try:  # the bare code, whose errors are right here
        names = function.code([1, 2, 10], ["1", "10", "11"], ["one", "ten", "eleven"])
        names = list(names) if inspect.isgenerator(names) else names
    except (Exception, SystemExit):
        return None
    return f"Id 2 of a sample has no answer, but silently gets a {type(names).__name__}."


def _wrong_join(names, sample, ids, answers):
    if isinstance(names, Mapping) or hasattr(names, "columns"):
        return "Give the names alone, in the order of the sample, not a table or a dictionary."
    names = list(names)
    right = [f"name of {i}" for i in sample]
    case = f"The sample has the ids {', '.join(map(repr, sample[:3]))}, ..."
    if len(names) != len(right):
        return f"{case} and {len(right)} rows, but {len(names)} names come back."
    for i, name in zip(sample, names, strict=True):
        if not isinstance(name, str):
            return f"{case} and for id {i!r} it gives {name}: how is it written in ids?"
    if names == right:
        return None
    if names == answers:
        return f"{case} and the names come back as they were given: joined by position."
    place = {str(i): k for k, i in enumerate(sample)}
    if names == [answers[place[str(i)]] for i in ids]:
        return f"{case} and the names are moved the wrong way: from the sample to ids."
    by_id = sorted(right, key=lambda name: name.split()[-1].rjust(9))  # 2 before 10
    if names in (by_id, sorted(right)):
        return f"{case} and the names come sorted by id; the sample has an order of its own."
    return f"{case} and the first gets {names[0]!r}, which belongs to another picture."
