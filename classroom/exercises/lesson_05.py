"""Exercises of lesson 05: two decays, a schedule, an ensemble, CutMix, the join by id."""

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional as F

from classroom import kinds
from classroom.exercises import all_close, compare, number
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
    takes="answers labels",
    wanted="a list of names",
    why="Who joins is a decision like any other: it takes labelled pictures that no member has "
    "trained on, and a network that is good alone may bring nothing to the others.",
    hints=(
        "Keep a list of the members. In each round, work out the loss of the mean of the members "
        "and one more, for each network that is left.",
        "The probability of each picture's own class is `p[range(len(labels)), labels]`. Take the "
        "logarithm after the mean, and stop when the best of the rest does not lower the loss.",
    ),
)
def members(function):
    for seed in (2, 6, 5, 11):  # where the slips below lead to members of their own
        answers, labels = _five_networks(seed)
        given = {name: p.clone() for name, p in answers.items()}
        found = _names(function(given, labels.clone()), answers)
        if any(not given[name].equal(p) for name, p in answers.items() if name in given):
            return "It changes the answers that it was given: `+=` works in place; make a new mean."
        right = _joined(answers, labels)
        if set(found) != set(right):
            return _wrong_members(found, right, answers, labels)
    return None


def _names(value, answers) -> list[str]:
    if isinstance(value, str):
        raise NotYet("It returns one name; return a list of names, even where one is enough.")
    names = [kinds.single(name) for name in value]
    if not names:
        raise NotYet("It returns no name at all; one network always joins, the best one.")
    if not all(isinstance(name, str) and name in answers for name in names):
        raise NotYet(
            "It returns something that is not a name: the keys of `answers` are the names."
        )
    if len(names) > len(set(names)):
        raise NotYet("One network has joined twice; each may join once.")
    return names


def _five_networks(seed: int) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Returns {name: probabilities (240, 4)} and labels (240,); some make the same mistakes."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(0, 4, (240,), generator=generator)
    shared, *own = torch.randn(6, 240, 4, generator=generator)
    skills = {"deep": 1.9, "wide": 1.8, "small": 1.3, "tuned": 1.7, "pixels": 0.3}
    sure = {"deep": 1.2, "wide": 1.2, "small": 1.0, "tuned": 2.2, "pixels": 1.0}
    alike = {"deep": 0.8, "wide": 0.8, "small": 0.2, "tuned": 0.7, "pixels": 0.0}
    answers = {}
    for (name, skill), noise in zip(skills.items(), own, strict=True):
        noise = alike[name] * shared + (1 - alike[name] ** 2) ** 0.5 * noise
        answers[name] = (sure[name] * (noise + skill * F.one_hot(labels, 4))).softmax(1)
    return answers, labels


def _loss_of_mean(each, labels):
    return F.nll_loss(torch.stack(each).mean(0).log(), labels).item()


def _joined(answers, labels, loss=_loss_of_mean, against=None):
    """Returns who joins, in order, if each round takes the name with the lowest loss.

    against: the loss that every round must be below; None: that of the members so far.
    """
    names, lowest = [], against or float("inf")
    while left := [name for name in answers if name not in names]:
        tried = {new: loss([answers[n] for n in (*names, new)], labels) for new in left}
        best = min(tried, key=tried.get)
        if tried[best] >= lowest and names:
            break
        names, lowest = [*names, best], against or tried[best]
    return names


def _in_one_pass(answers, labels):
    """Returns who joins if each is asked once, in the order of their own losses."""
    names = []
    for name in sorted(answers, key=lambda name: _loss_of_mean([answers[name]], labels)):
        now, then = ([answers[n] for n in each] for each in (names, [*names, name]))
        if not names or _loss_of_mean(then, labels) < _loss_of_mean(now, labels):
            names.append(name)
    return names


def _wrong_members(found, right, answers, labels):
    def mistakes(each, labels):
        return (torch.stack(each).mean(0).argmax(1) != labels).double().mean().item()

    def bare(each, labels):
        return F.nll_loss(torch.stack(each).mean(0), labels).item()

    def squares(each, labels):
        return (torch.stack(each).mean(0) - F.one_hot(labels, 4)).square().mean().item()

    alone = _loss_of_mean([answers[right[0]]], labels)
    slips = {
        "All networks join: stop as soon as none of the others lowers the loss.": list(answers),
        "It chooses by accuracy; choose by the loss.": _joined(answers, labels, mistakes),
        "Each picture costs minus the logarithm of a probability, not the probability itself.": (
            _joined(answers, labels, bare)
        ),
        "It asks each network once, in the order of their own losses; in each round, try all that "
        "are left, and take the best of them.": _in_one_pass(answers, labels),
        "Each newcomer must lower the loss of the mean so far, not that of the best one alone.": (
            _joined(answers, labels, against=alone)
        ),
        "Squared errors (the Brier score) decide here; choose by the loss.": _joined(
            answers, labels, squares
        ),
        "Only the best network joins. Who lowers the loss of the mean beside it? Take the mean of "
        "the probabilities first, the logarithm afterwards.": right[:1],
    }
    for diagnosis, names in slips.items():
        if set(found) == set(names):
            return diagnosis
    if set(found) < set(right):
        return f"It stops at {len(found)}, and one more network would still lower the loss."
    loss, lowest = (_loss_of_mean([answers[n] for n in each], labels) for each in (found, right))
    return (
        f"It chooses {', '.join(found)}, with a loss of {loss:.3f}; the rule leads to others, "
        f"with {lowest:.3f}."
    )


@exercise(
    "05.4",
    takes="pictures targets rows columns",
    wanted="two tensors: pictures (B, 3, H, W) and targets (B, classes)",
    why="The label says how much of each thing is to be seen, so nobody can get away with looking "
    "at one spot of the picture: that is all there is to CutMix.",
    hints=(
        "`torch.roll(x, -1, 0)` puts each picture's successor in its place. What is to be copied "
        "from there, and into what?",
        "`x[:, :, rows, columns]` is the rectangle. The share of the neighbour is its number of "
        "places divided by H * W.",
    ),
)
def cut_mix(function):
    generator = torch.Generator().manual_seed(0)
    for rows, columns in ((slice(1, 5), slice(0, 4)), (slice(0, 2), slice(5, 10))):
        pictures = torch.rand(5, 3, 6, 10, generator=generator)
        targets = F.one_hot(torch.tensor([2, 0, 1, 1, 3]), 4).float()
        given = pictures.clone(), targets.clone()
        result = kinds.items(function(*given, rows, columns))
        if not (given[0].equal(pictures) and given[1].equal(targets)):
            return "It changes the batch that it was given: work on a `clone()`."
        if len(result) != 2:
            return f"Return two things, pictures and targets; these are {len(result)}."
        if diagnosis := _wrong_mix(*result, pictures, targets, rows, columns):
            return diagnosis
    return None


def _wrong_mix(found, found_targets, pictures, targets, rows, columns):
    def pasted(onto, piece, rows=rows, columns=columns):
        result = onto.clone()
        result[:, :, rows, columns] = piece[:, :, rows, columns]
        return result

    height, width = pictures.shape[2:]
    after, before = pictures.roll(-1, 0), pictures.roll(1, 0)
    area = (rows.stop - rows.start) * (columns.stop - columns.start) / (height * width)
    slips = {
        "No picture has changed: paste the rectangle in.": pictures,
        "The piece comes from the picture before; take the one behind, `torch.roll(x, -1, 0)`.": (
            pasted(pictures, before)
        ),
        "Only the rectangle is left of each picture, the rest is its neighbour's: the wrong way "
        "round.": pasted(after, pictures),
        "Each picture is its whole neighbour now; take the rectangle alone.": after,
        "The pictures lie over each other, as in mixup; CutMix cuts.": (
            (1 - area) * pictures + area * after
        ),
        "The piece comes from the picture at the other end of the batch; take the one behind.": (
            pasted(pictures, pictures.flip(0))
        ),
        "Rows and columns are swapped: a picture is (3, H, W), so the rows come first.": pasted(
            pictures, after, columns, rows
        ),
    }
    otherwise = (
        "The pictures are not right: the rectangle of each is its neighbour's, all else stays."
    )
    if diagnosis := compare(found, pasted(pictures, after), slips, otherwise=otherwise):
        return diagnosis
    next_targets = targets.roll(-1, 0)

    def shared(share, of=next_targets):
        return (1 - share) * targets + share * of

    slips = {
        "The targets are those of before; the neighbour has its share too.": targets,
        "The shares are swapped: the neighbour gets that of its rectangle.": shared(1 - area),
        "The neighbour's share comes from the picture before.": shared(area, targets.roll(1, 0)),
        "Both classes get one half; share by area.": shared(0.5),
        "Divide the area of the rectangle by that of the picture, H * W, not by that of all "
        "pictures and colours.": shared(area / 3),
        "That is the share of the rows alone; an area is rows times columns.": shared(
            (rows.stop - rows.start) / height
        ),
        "That is the share of the columns alone; an area is rows times columns.": shared(
            (columns.stop - columns.start) / width
        ),
        "The neighbour's share is added, and the own one stays whole; they sum to 1.": (
            targets + area * next_targets
        ),
    }
    otherwise = "The pictures are right, the targets are not: 1 minus the area, and the area."
    return compare(found_targets, shared(area), slips, otherwise=otherwise)


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
