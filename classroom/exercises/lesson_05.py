"""Exercises of lesson 05: two decays, a schedule, augmentation, a split, the join by id."""

from collections.abc import Mapping
from functools import partial

import torch
from torch import nn

from classroom import kinds
from classroom.exercises import all_close, measured_again, number, require_accuracies
from classroom.judge import NotYet, exercise
from helpers.require import quoted

number(
    "05.1",
    0.95**10 * 0.995**10,
    0.005,
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
    for every, factor, batches in ((3, 0.3, 4), (2, 0.7, 5)):
        if diagnosis := _wrong_falls(function, every, factor, batches):
            return diagnosis
    return None


def _wrong_falls(function, every, factor, batches):
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
        "It falls to the wrong share of the rate: multiply by factor, not by 1 - factor.": [
            0.1 * (1 - factor) ** (i // ends) for i in times
        ],
        "The rates are divided by factor; multiply them by it.": [
            0.1 / factor ** (i // ends) for i in times
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
    if isinstance(schedule, torch.optim.Optimizer):
        raise NotYet("It returns the optimiser: return the schedule that changes its rates.")
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
    wanted = "two accuracies: on training pictures, then on validation ones"
    both = kinds.named(answer, {"with": kinds.pair, "without": kinds.pair}, wanted)
    (seen, new), (seen_without, new_without) = both
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
    return partial(measured_again, "accuracies_with", (None,), both[1], 0.08)


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
        if set(_two_parts(function(argument, fraction, 3))[1]) != set(valid):
            return "The same seed gives another split in a second call."
    return _not_drawn([set(_two_parts(function(labels, 0.4, seed))[1]) for seed in range(60)])


def _two_parts(split):
    parts = kinds.items(split)
    if len(parts) != 2:
        raise NotYet(f"Return two lists, train and valid; these are {len(parts)} values.")
    parts = [part.tolist() if hasattr(part, "tolist") else list(part) for part in parts]
    if any(isinstance(i, bool) for part in parts for i in part):
        raise NotYet("It returns True and False; return the indices of the pictures.")
    return [[int(kinds.number(i)) for i in part] for part in parts]


def _not_drawn(splits):
    """Returns a diagnosis of splits by 60 seeds of 75 pictures, 20, 10, 40 and 5 of a class."""
    if all(split == splits[0] for split in splits):
        return "Two seeds give the same split: is anything drawn at random, and by the seed?"
    often = [sum(i in split for split in splits) for i in range(75)]
    largest = {frozenset(split & set(range(30, 70))) for split in splits}
    if len(largest) < 60 or not all(4 < count < 44 for count in often):
        return (
            "The seed decides, but not at random: some pictures go together. Draw with a generator "
            "of that seed, such as torch.randperm(n, generator=generator)."
        )
    return None


def _wrong_parts(labels, fraction, train, valid):
    counts = {c: labels.count(c) for c in sorted(set(labels))}
    if not set(train + valid) <= set(range(len(labels))):
        return "There is an index that no picture has."
    if len({labels[i] for i in train + valid}) == 1:
        return "Only one class is split: is `return` inside the loop?"
    if len(set(train)) < len(train) or len(set(valid)) < len(valid):
        if max(train + valid) < max(counts.values()):
            return "An index is in one part twice: give positions in the whole set, not in a class."
        return "An index is in one part twice: draw each picture once."
    if both := set(train) & set(valid):
        return f"{len(both)} pictures are in both parts: a leak."
    if missing := len(labels) - len(train) - len(valid):
        return f"{missing} of {len(labels)} pictures are in neither part."
    held_out = [sum(labels[i] == c for i in valid) for c in counts]
    right = [round(fraction * n) for n in counts.values()]
    if held_out == right:
        return None
    if held_out == [n - r for n, r in zip(counts.values(), right, strict=True)]:
        return "The parts are the other way round: train first, then valid with the fraction."
    if len(set(held_out)) == 1:
        return f"Every class gives {held_out[0]}; it should be a fraction of each class."
    c = next(k for k, held in enumerate(held_out) if held != right[k])
    return (
        f"With the fraction {fraction}, class {list(counts)[c]} gives {held_out[c]} of its "
        f"{list(counts.values())[c]} pictures to valid."
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
        (numbers, sorted(map(str, numbers))[::-1]),
        ([3, 100, 20, 1], ["1", "100", "20", "3"]),
        (["b7", "0a", "c1", "9f"], ["c1", "9f", "0a", "b7"]),
        (["a7", "0a", "a", "zoë", "A7"], ["zoë", "A7", "a", "a7", "0a"]),  # no hexadecimal numbers
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
        names = list(function.code([1, 2, 10], ["1", "10", "11"], ["one", "ten", "eleven"]))
    except (Exception, SystemExit):
        return None
    what = f"gets {quoted(names[1])}" if len(names) == 3 else "is left out"
    return f"Id 2 of a sample has no answer, but silently {what}: let that be an error."


def _wrong_join(names, sample, ids, answers):
    if isinstance(names, Mapping) or hasattr(names, "columns"):
        return "Give the names alone, in the order of the sample, not a table or a dictionary."
    case = f"The sample has the ids {', '.join(map(repr, sample[:3]))}, ..."
    if isinstance(names, str):
        return f"{case} and it returns one name, {names!r}: is `return` inside the loop?"
    names = [kinds.single(name) for name in names]
    right = [f"name of {i}" for i in sample]
    if len(names) != len(right):
        inside = ": is `return` inside the loop?" if len(names) == 1 else "."
        return f"{case} and {len(right)} rows, but the number of names is {len(names)}{inside}"
    for i, name in zip(sample, names, strict=True):
        if name in (None, "None"):
            return f"{case} and for id {i!r} it gives {name!r}: how is it written in ids?"
        if not isinstance(name, str):
            return f"{case} and for id {i!r} it gives {name}, which is no name."
    if names == right:
        return None
    if names == answers:
        return f"{case} and the names come back as they were given: joined by position."
    place = {str(i): k for k, i in enumerate(sample)}
    if names == [answers[place[str(i)]] for i in ids]:
        return f"{case} and the names are moved the wrong way: from the sample to ids."
    by_id = sorted(right, key=lambda name: name.split()[-1].rjust(9))  # 2 before 10
    if names in (by_id, sorted(right)):
        how = "by id" if names == by_id else "as text, where '10' comes before '2'"
        return f"{case} and the names come sorted {how}; the sample has an order of its own."
    i, name = next((i, name) for i, name, r in zip(sample, names, right, strict=True) if name != r)
    return f"{case} and id {i!r} gets {name!r}, which belongs to another picture."
