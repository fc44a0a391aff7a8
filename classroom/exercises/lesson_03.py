"""Exercises of lesson 03: rows of an old output layer, and the classes they belong to."""

import torch
from torch import nn

from classroom.exercises import choice, compare, number, require_accuracies
from classroom.judge import exercise

number(
    "03.1",
    4617,
    0.5,
    {
        4608: "These are the weights; something is added to each row.",
        4609: "One bias for all rows? Each row has its own.",
        4612: "All nine rows have a bias, not only the four new ones.",
        4613: "All nine rows have a bias, not only the five known ones.",
        45657: "The old rows are thrown away, unless one of your classes takes one over.",
        43092: "The rows of all 80 old classes are counted; most are thrown away.",
        2565: "The four new classes have rows too.",
        2052: "The five known classes have rows too.",
        9: "That is the number of rows; how long is each?",
        513: "That is one row with its bias; how many are there?",
        512: "That is one row without its bias; how many are there?",
        41040: "That is the old layer.",
    },
    why="The shape of the new layer follows from your classes alone; how many of its rows are "
    "copied changes what it knows, not how large it is.",
    hints=(
        "How many classes does the new task have, wherever their rows come from?",
        "Each class has a row with a weight for every feature, plus one more number.",
    ),
)


@exercise(
    "03.2",
    takes="known mine",
    wanted="a list with a position or None for each of your names",
    why="Found by name, a row lands at the right position, whatever the order of the classes. "
    "(Whether the name means the same is another question.) And None is better than a guess, "
    "because nothing complains about a wrong row.",
    hints=(
        "Reduce both sides to the same plain form, then look up your names among the known ones.",
        "How often does the plain form occur among the known ones? Only exactly once counts. And "
        "remember that position 0 counts as false in an `if`.",
    ),
)
def match_names(function):
    known = ["tabby", "bear", "cardigan", "sea_lion", "ice-cream", "Cardigan", "Hot Dog"]
    mine = ["tabby", "hot_dog", "ear", "ICE CREAM", "bun", "Sea-Lion", "cardigan", "hotdog"]
    right = [0, 6, None, 4, None, 3, None, 6]
    arguments = list(known), list(mine)
    places = function(*arguments)
    if arguments != (known, mine):
        return "It changes a list that it was given."
    if isinstance(places, dict):
        return "It returns a dictionary; return a list in the order of your names."
    places = list(places)
    if len(places) != len(mine):
        return f"For {len(mine)} names it returns {len(places)} entries."
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
        if name == "ear" and place == known.index("bear"):
            return "'ear' gets the position of 'bear': part of a name is not the name."
        if name == "cardigan":
            return "'cardigan' fits two of ['cardigan', 'Cardigan', ...], so it should get None."
        if wanted == 0 and place is None:
            return f"'{name}' gets None although it is known: its position is 0."
        partner = (
            f"'{known[wanted]}' is known" if wanted is not None else "nothing like it is known"
        )
        return f"'{name}' gets {place}, but {partner}."
    return None


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
        if diagnosis := compare(result, logit - level, slips):
            return diagnosis
    return None


@exercise(
    "03.5",
    wanted="a dictionary {fraction: accuracy}",
    why="Where the accuracy has a broad top, a level chosen without any label does nearly as well "
    "as the best one; outside that range, a good row looks useless.",
    hints=(
        "Fractions below 0 and above 1 are allowed.",
        "On the side where the accuracy is still high, go on in the same direction; a loop over "
        "fractions in steps of 0.1 is enough.",
    ),
)
def levels(answer):
    runs = sorted(answer.items())
    require_accuracies(accuracy for _, accuracy in runs)
    best = max(accuracy for _, accuracy in runs)
    if best < 0.7:
        return "None of these levels makes use of the row: try some between 0 and 1."
    first, last = runs[0], runs[-1]
    if first[1] > best - 0.1:
        return f"At the lowest level, fraction {first[0]:g}, it still works: go lower."
    if last[1] > best - 0.1:
        return f"At the highest level, fraction {last[0]:g}, it still works: go higher."
    good = [i for i, (_, accuracy) in enumerate(runs) if accuracy > best - 0.1]
    for i in range(good[0], good[-1] + 2):
        below, here = runs[i - 1][0], runs[i][0]
        if here - below > 0.1 + 1e-6:
            return f"Between {below:g} and {here:g} nothing was tried: the width would be a guess."
    return None


choice(
    "03.6",
    "b",
    {
        "a": "More photographs make a number more exact, but the network may still have seen them.",
        "c": "The mean of the two answers neither question.",
    },
    why="Only photographs that the network cannot have seen tell how it will do on the next ones. "
    "Whether the gap is a leak, or your photographs are harder, the scores do not say.",
    hints=(
        "Which of the two sets could the network have met before?",
        "You want to know about photographs that do not exist yet. Which set is most like them?",
    ),
)
