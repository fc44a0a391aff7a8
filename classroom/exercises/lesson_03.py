"""Exercises of lesson 03: rows of an old output layer, and the classes they belong to."""

import copy
import re

import torch
from torch import nn
from torch.nn.functional import cross_entropy, interpolate, normalize

from classroom import kinds
from classroom.exercises import cannot_learn, compare
from classroom.judge import exercise


@exercise(
    "03.1",
    takes="features labels classes",
    wanted="a new nn.Linear",
    why="A few pictures per class fill a row without any training: the body does the work. Nearest "
    "class mean is also the first thing to compare a trained layer with.",
    hints=(
        "torch.nn.functional.normalize(x, dim=1) scales each row of a matrix to length 1.",
        "Which comes first: scaling the features, or the mean? And features[labels == 0] are those "
        "of the first class.",
    ),
)
def class_mean_head(function):
    torch.manual_seed(1)
    labels = torch.tensor([2, 0, 1, 2, 2, 1, 3, 2, 0])
    features = torch.rand(len(labels), 6) * (torch.arange(len(labels))[:, None] + 1)
    new = function(features.clone(), labels.clone(), 4)
    if diagnosis := _no_layer(new, 6, 4):
        return diagnosis
    unit = normalize(features, dim=1)
    plain, scaled = (
        torch.stack([values[labels == label].mean(0) for label in range(4)])
        for values in (features, unit)
    )
    slips = {
        "The features are not scaled to length 1 before the mean: long ones count more.": normalize(
            plain, dim=1
        ),
        "The means are right, but the rows do not have length 1.": scaled,
        "Neither the features nor the rows have length 1.": plain,
        "One mean for all classes? Each row is the mean of its own class.": normalize(
            unit.mean(0), dim=0
        ).expand(4, -1),
    }
    if diagnosis := compare(new.weight.detach(), normalize(scaled, dim=1), slips):
        return diagnosis
    return "The biases are not 0." if new.bias.any() else cannot_learn(new, features)


@exercise(
    "03.2",
    takes="known mine",
    wanted="a list with a position or None for each of your names",
    why="Found by name, a row lands at the right position, whatever the order of the classes. "
    "(Whether the name means the same is another question.) And None is better than a guess, "
    "because nothing complains about a wrong row.",
    hints=(
        "Reduce both sides to the same plain form, then look up your names among the known ones.",
        "How often does the plain form occur among the known ones? Of several, only one that is "
        "spelled as yours counts. And remember that position 0 counts as false in an `if`.",
    ),
)
def match_names(function):
    known = ["tabby", "bear", "cardigan", "sea_lion", "ice-cream", "Cardigan", "Hot Dog"]
    known += ["Old English-sheepdog", "corn bread"]
    mine = ["tabby", "hot_dog", "ear", "ICE CREAM", "bun", "Sea-Lion", "CARDIGAN", "Cardigan"]
    mine += ["sealion", "old_english_sheepdog", "corn", "bearskin"]
    right = [0, 6, None, 4, None, 3, None, 5, 3, 7, None, None]
    arguments = list(known), list(mine)
    places = function(*arguments)
    if arguments != (known, mine):
        return "It changes a list that it was given."
    if isinstance(places, dict):
        return "It returns a dictionary; return a list in the order of your names."
    places = list(places)
    if len(places) != len(mine):
        inside = " Is `return` inside the loop?" if len(places) == 1 else ""
        return f"For {len(mine)} names, the length of what it returns is {len(places)}.{inside}"
    if any(isinstance(place, str) for place in places):
        return "It returns names; return their positions among the known names."
    if -1 in places:
        return "-1 is a position too, that of the last row: use None where there is no partner."
    if places == [None if place is None else place + 1 for place in right]:
        return "Each position is one too high: the first name has position 0."
    if all(place is None for place in places):
        return "No name found a partner."
    for name, place, wanted in zip(mine, places, right, strict=True):
        if place == wanted and (place is None) == (wanted is None):
            continue
        if wanted is None and place in range(len(known)) and _is_part(name, known[place]):
            return f"'{name}' gets that of '{known[place]}': part of a name is not the name."
        if name == "CARDIGAN":
            return "'CARDIGAN' fits two of the known names and is spelled like neither: None."
        if name == "Cardigan":
            return "'Cardigan' is spelled exactly like one known name, so that is its partner."
        if wanted == 0 and place is None:
            return f"'{name}' gets None although it is known: its position is 0."
        partner = (
            f"'{known[wanted]}' is known" if wanted is not None else "nothing like it is known"
        )
        return f"'{name}' gets {place}, but {partner}."
    return None


def _is_part(name, other):
    plain, longer = sorted((re.sub("[ _-]", "", each.lower()) for each in (name, other)), key=len)
    return plain in longer and plain != longer


@exercise(
    "03.3",
    takes="old rows",
    wanted="a new nn.Linear",
    why="With this function any old classes and any new ones go into one layer, and the old one "
    "is still there to compare with.",
    hints=(
        "Make the new layer first; then fill only those rows that have a partner.",
        "enumerate(rows) gives the row of the new layer and that of the old one. Position 0 is a "
        "row; None is not.",
    ),
)
def rows_from(function):
    torch.manual_seed(3)
    old, rows = nn.Linear(5, 9), [3, None, 0, None, 5, 3, 1]
    before = [p.detach().clone() for p in old.parameters()]
    new = function(old, list(rows))
    if new is old:
        return "It returns the old layer itself; make a new one."
    if diagnosis := _no_layer(new, 5, len(rows)):
        return diagnosis
    if diagnosis := _old_harmed(old, before, new):
        return diagnosis
    weight, bias = new.weight.detach(), new.bias.detach()
    old_weight, old_bias = before
    if diagnosis := _wrong_rows(rows, weight, old_weight):
        return diagnosis
    for mine, theirs in enumerate(rows):
        if theirs is not None and not torch.allclose(bias[mine], old_bias[theirs]):
            return "The weights are copied, but their biases are not: both belong to the row."
    for mine in (1, 3):
        if any(torch.allclose(weight[mine], row) for row in old_weight):
            return "A new class has a row of the old layer; it should be random."
        if bias[mine] != 0:
            return f"The bias of a new row is {bias[mine]:.2f}; it should be 0."
    if torch.allclose(weight[1], weight[3]):
        return "The new rows are identical; each should have random numbers of its own."
    return cannot_learn(new, torch.randn(3, 5)) or _other_random_rows(function)


def _other_random_rows(function):
    """Returns what is odd about the rows of new classes, two calls for many features each."""
    old, wide = nn.Linear(400, 9), 1 / 400**0.5
    first, second = (function(old, [None, 4, None, None]).weight[[0, 2, 3]] for _ in range(2))
    if first.equal(second):
        return "The random rows are the same in each call: is a seed set inside?"
    if not 0.9 * wide < first.abs().max() < 1.01 * wide or first.mean().abs() > 0.1 * wide:
        return (
            "New rows have other random numbers than those that a new nn.Linear starts with, which "
            f"lie between -{wide} and {wide} for 400 features: leave these as they are."
        )
    return None


def _no_layer(new, features, outputs):
    if not isinstance(new, nn.Linear):
        raise TypeError  # becomes a diagnosis that says what it is instead
    if tuple(new.weight.shape) != (outputs, features):
        return f"The weights have the shape {tuple(new.weight.shape)}, not {(outputs, features)}."
    if new.bias is None or tuple(new.bias.shape) != (outputs,):
        return "The new layer does not have one bias for each row."
    if not all(p.requires_grad and p.is_leaf for p in new.parameters()):
        return "The new layer cannot be trained: its parameters do not require gradients."
    return None


def _old_harmed(old, before, new):
    if any(not a.equal(b) for a, b in zip(old.parameters(), before, strict=True)):
        return "It changes the old layer."
    theirs = {p.untyped_storage().data_ptr() for p in old.parameters()}
    if any(p.untyped_storage().data_ptr() in theirs for p in new.parameters()):
        return "Old and new layer share memory: training one would change the other."
    return None


def _wrong_rows(rows, weight, old_weight):
    wrong = [
        mine
        for mine, theirs in enumerate(rows)
        if theirs is not None and not torch.allclose(weight[mine], old_weight[theirs])
    ]
    if not wrong:
        return None
    if all(rows[mine] == 0 for mine in wrong):
        return "Row 0 of the old layer is not copied: 0 counts as false in an `if`."
    known = [theirs for theirs in rows if theirs is not None]
    if torch.allclose(weight[: len(known)], old_weight[known]):
        return "The copied rows come first; each belongs at its position in the list."
    mine = wrong[0]
    return f"Row {mine} of the new layer should be row {rows[mine]} of the old one, but is not."


@exercise(
    "03.4",
    takes="old row level",
    wanted="a new nn.Linear with one output",
    why="A yes-or-no question needs only one row: the level that a rival would have set moves into "
    "its bias. You can go on training such a layer with binary cross-entropy.",
    hints=(
        "Which number in a row is added to every picture alike?",
        "The old row already has a bias of its own. old.weight[row] has one dimension, and the "
        "new weights need two.",
    ),
)
def yes_or_no(function):
    torch.manual_seed(4)
    for row, level in ((2, 1.5), (0, -0.75)):
        old, x = nn.Linear(5, 6), 2 * torch.randn(7, 5)
        before = [p.detach().clone() for p in old.parameters()]
        new = function(old, row, level)
        if isinstance(new, nn.Linear) and new.out_features != 1 and new.weight.shape[0] != 1:
            return f"The layer has {new.weight.shape[0]} outputs; one is enough."
        if diagnosis := _no_layer(new, 5, 1) or _old_harmed(old, before, new):
            return diagnosis
        with torch.no_grad():
            result, logit = new(x)[:, 0], old(x)[:, row]
            plain = logit - old.bias[row]
        slips = {
            "The level is missing: it says yes wherever the old logit is above zero.": logit,
            "The level has the wrong sign: it says yes too easily, or too rarely.": logit + level,
            "The bias of the old row is lost.": plain - level,
            "The level takes the place of the old bias, with the wrong sign.": plain + level,
            "The level and the old bias are missing.": plain,
            "It says yes where it should say no.": level - logit,
            "That is the row before the right one.": old(x)[:, row - 1] - level,
        }
        if diagnosis := compare(result, logit - level, slips) or cannot_learn(new, x):
            return diagnosis
    return None


@exercise(
    "03.5",
    takes="layer order",
    wanted="a new nn.Linear",
    why="A label is a position. Two lists of the same classes in different orders are the most "
    "common way to get a network that is sure and wrong.",
    hints=(
        "Take the order [2, 0, 1] and write down which old row stands in rows 0, 1 and 2 of the "
        "new layer. Is that the list itself, or the list that undoes it?",
        "A tensor can be indexed with a list of positions. What else belongs to a row?",
    ),
)
def reorder_head(function):
    torch.manual_seed(5)
    old, order = nn.Linear(4, 5), [3, 0, 4, 1, 2]
    before = [p.detach().clone() for p in old.parameters()]
    new = function(old, list(order))
    if new is old:
        return "It returns the old layer itself; make a new one."
    if diagnosis := _no_layer(new, 4, 5) or _old_harmed(old, before, new):
        return diagnosis
    weight, bias = before
    inverse = torch.tensor(order).argsort()
    slips = {
        "The rows are in the opposite order: row order[i] has become yours at i, not the other "
        "way round.": weight[inverse],
        "The rows stand as before.": weight,
    }
    wrong = "Row 0 of the new layer should be row order[0] of the old one, and so on."
    if diagnosis := compare(new.weight.detach(), weight[order], slips, otherwise=wrong):
        return diagnosis
    slips = {"The weights are in the new order, their biases are not.": bias}
    wrong = "The biases should be in the same order as the weights."
    diagnosis = compare(new.bias.detach(), bias[order], slips, otherwise=wrong)
    return diagnosis or cannot_learn(new, torch.randn(3, 4))


@exercise(
    "03.6",
    takes="net batches rate warm",
    wanted="the network",
    why="The first steps of Adam move every weight by about the rate, whatever its gradient. With "
    "a warm-up a good start survives them.",
    hints=(
        "An optimiser's rate can be changed at any time: group['lr'] for each group of "
        "optimizer.param_groups. Or give torch.optim.lr_scheduler.LambdaLR a function of the step.",
        "Write down the rates of the first steps for warm = 4. Is the first one a quarter, and the "
        "fourth one the full rate?",
    ),
)
def train_warm(function):
    torch.manual_seed(6)
    start = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))
    batches = [(torch.randn(8, 6), torch.randint(3, (8,))) for _ in range(7)]
    for warm in (4, 1):
        net = function(copy.deepcopy(start), list(batches), 0.02, warm)
        if not isinstance(net, nn.Module):
            raise TypeError  # becomes a diagnosis that says what it is instead
        slips = {
            "Nothing is warmed up: each step has the full rate.": lambda step: 1,
            "The first step has a rate of 0 and is lost.": lambda step, w=warm: min(1, step / w),
            "The first step is already twice rate / warm: is the schedule stepped before the "
            "optimiser?": lambda step, w=warm: min(1, (step + 2) / w),
            "The rate goes on rising after the warm-up.": lambda step, w=warm: (step + 1) / w,
            "All steps have the rate rate / warm.": lambda step, w=warm: 1 / w,
            "Only the first step is short; the rate should rise step by step.": (
                lambda step, w=warm: 1 if step else 1 / w
            ),
            "It reaches the full rate one step late, or in unequal steps.": (
                lambda step, w=warm: min(1, 1 / w + (1 - 1 / w) * step / w)
            ),
        }
        if _flat(net).equal(_flat(start)):
            return "No step has changed the network."
        if _flat(net).allclose(_trained(start, batches[:1], lambda step, w=warm: 1 / w)):
            return "It takes one step and ends: is `return` inside the loop?"
        outcomes = {told: _trained(start, batches, factor) for told, factor in slips.items()}
        right = _trained(start, batches, lambda step, w=warm: min(1, (step + 1) / w))
        wrong = f"With warm = {warm}, the network is not what these rates make of it."
        if diagnosis := compare(_flat(net), right, outcomes, atol=1e-5, otherwise=wrong):
            return diagnosis
    return None


def _trained(start, batches, factor):
    """Returns the weights after a step on each batch, with `factor(step)` of the rate 0.02."""
    net = copy.deepcopy(start)
    optimizer = torch.optim.AdamW(net.parameters(), 0.02)
    for step, (pictures, targets) in enumerate(batches):
        optimizer.param_groups[0]["lr"] = 0.02 * factor(step)
        optimizer.zero_grad()
        cross_entropy(net(pictures), targets).backward()
        optimizer.step()
    return _flat(net)


def _flat(net):
    return torch.cat([p.detach().flatten() for p in net.parameters()])


@exercise(
    "03.7",
    takes="train_pictures test_pictures",
    wanted="a dictionary {position of a test picture: position of a training picture}",
    why="No score shows a leak; looking for it does. Do this before you believe a test set that "
    "somebody else has split, and split near-duplicates together yourself.",
    hints=(
        "Make a matrix of 64 numbers per picture first: uint8 has to become float, and each row "
        "loses its mean and gets length 1.",
        "One matrix product compares all test pictures with all training pictures. Do it again "
        "with mirrored ones, and keep the larger of the two.",
    ),
)
def near_duplicates(function):
    torch.manual_seed(7)
    train, fresh = _scenes(9), _scenes(8)
    negative = 255 - train[5]
    noisy = (train[8].float() + 6 * torch.randn(3, 32, 32)).clamp(0, 255).byte()
    brighter = (train[0].float() * 0.7 + 70).byte()
    blend = (train[2].float() / 2 + fresh[7].float() / 2).byte()
    test = torch.stack(
        [fresh[0], train[4], fresh[1], train[6].flip(2), brighter, blend, negative, noisy]
    )
    right = {1: 4, 3: 6, 4: 0, 7: 8}
    arguments = train.clone(), test.clone()
    answer = function(*arguments)
    pairs = kinds.mapping(answer, kinds.number, kinds.number, "a position")
    found = {int(mine): int(theirs) for mine, theirs in pairs.items()}
    if not (arguments[0].equal(train) and arguments[1].equal(test)):
        return "It changes the pictures that it was given."
    if found == {theirs: mine for mine, theirs in right.items()}:
        return "The positions are the wrong way round: those of test pictures are the keys."
    if len(found) == len(test):
        return "Every test picture has a near-duplicate: is the mean subtracted, and 0.95 asked?"
    told = {
        6: "A negative, dark where the other is light, counts: a cosine of -1 is no likeness.",
        5: "A picture that is half another one counts: ask for a cosine above 0.95.",
    }
    for extra in sorted(found.keys() - right.keys(), key=lambda i: (i not in told, i)):
        return told.get(extra, f"Test picture {extra} has no near-duplicate in training.")
    told = {
        1: "An exact copy is missed.",
        3: "A mirrored picture is missed.",
        4: "A brighter picture is missed, or the one at position 0, which counts as false.",
        7: "A picture with a little noise is missed: compare 8 x 8 numbers, not all pixels.",
    }
    for missed in sorted(right.keys() - found.keys()):
        return told[missed]
    wrong = [mine for mine in right if found[mine] != right[mine]]
    return f"Test picture {wrong[0]} gets the wrong partner in training." if wrong else None


def _scenes(n):
    """Returns pictures of a few soft spots, uint8 (n, 3, 32, 32)."""
    spots = 255 * torch.rand(n, 3, 4, 4)
    return interpolate(spots, (32, 32), mode="bilinear").byte()
