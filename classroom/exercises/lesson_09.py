"""Exercises of lesson 09: groups, prices, Grad-CAM, a card, a folder with a fault."""

import torch

from classroom.exercises import choice, compare
from classroom.judge import exercise


@exercise(
    "09.1",
    takes="groups valid",
    wanted="a list of numbers from valid",
    why="One shared group is enough to make a score too good, and only the groups can tell.",
    hints=(
        "Which groups are in training? First collect them, then look at the validation pictures.",
        "A picture is in training if its number is not in valid.",
    ),
)
def leaks(function):
    for groups, valid in (
        ([0, 0, 1, 2, 2, 2, 3, 4, 4], [8, 1, 2, 4]),
        ([5, 6, 5, 7, 7], [3, 4]),
        ([1, 2, 1, 2], [3, 0]),
    ):
        training = {g for i, g in enumerate(groups) if i not in valid}
        right = sorted(i for i in valid if groups[i] in training)
        result = [int(i) for i in function(list(groups), list(valid))]
        if result == right:
            continue
        if sorted(result) == right:
            return "These are the leaks, but not in rising order."
        if result == sorted(set(valid) - set(right)):
            return "These are the validation pictures that are no leaks."
        if set(result) == {groups[i] for i in right}:
            return "These are group numbers; return numbers of pictures."
        inside = sorted(i for i in valid if [groups[j] for j in valid].count(groups[i]) > 1)
        if inside and result == inside:
            return "Two shots of one group within validation are no leak; compare with training."
        if set(result) - set(valid):
            return "Some of these pictures are in training; return those of valid."
        return f"Of the groups {groups}, with {valid} to validate, the leaks are not {result}."
    return None


@exercise(
    "09.2",
    takes="sure right wrong_cost ask_cost candidates",
    wanted="one of the candidates, a number",
    why="The threshold belongs to the prices, not to the network: when they change, so does it.",
    hints=(
        "For each candidate, what do the pictures below it cost, and the wrong ones above it?",
        "`min(candidates, key=cost)` gives the first of the cheapest, once `cost(t)` is written.",
    ),
)
def best_threshold(function):
    torch.manual_seed(4)
    candidates = [0.0, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0]
    for wrong_cost, ask_cost in ((2.5, 1.0), (5.0, 1.0), (40.0, 1.0), (3.0, 2.0)):
        sure = torch.rand(400) * 0.7 + 0.3
        right = torch.rand(400) < sure

        def cost(t, w=wrong_cost, a=ask_cost, sure=sure, right=right):
            asked = sure < t
            return (a * asked + w * (~asked & ~right)).sum().item()

        best = min(candidates, key=cost)
        result = float(function(sure.clone(), right.clone(), wrong_cost, ask_cost, candidates[:]))
        if result == best:
            continue
        if result == max(candidates, key=cost):
            return "That is the candidate with the highest cost."
        if result == max(candidates, key=lambda t: (right == (sure >= t)).sum().item()):
            return "That counts mistakes and questions alike; each has its own price."
        if result == min(candidates, key=lambda t, c=cost: c(t, ask_cost, wrong_cost)):
            return "The two prices are mixed up."
        if result not in candidates:
            return "It returns a number that is not among the candidates."
        return f"With {result:g} the cost is {cost(result):g}; another candidate has a lower one."
    return None


@exercise(
    "09.3",
    takes="maps slopes",
    wanted="heat, a tensor (h, w)",
    why="A wrong mean still draws a convincing picture: a heat map is checked by hiding what it "
    "points at, not by its looks.",
    hints=(
        "How many weights should there be: one for each map, or one for each position?",
        "The mean goes over the two dimensions of the positions.",
    ),
)
def heat_of(function):
    torch.manual_seed(5)
    maps, slopes = torch.randn(1, 6, 4, 5).relu(), torch.randn(1, 6, 4, 5) + 0.3

    def heat(weights, whole=maps):
        positive = (weights * whole).sum(1)[0].relu()
        return positive / positive.max()

    result = function(maps.clone(), slopes.clone())
    if result.shape != (4, 5):
        return f"Of maps (1, 6, 4, 5) comes {tuple(result.shape)}; heat is (4, 5)."
    weights = slopes.mean((2, 3), keepdim=True)
    negative = (weights * maps).sum(1)[0]
    slips = {
        "There is still one weight for each position; average over the positions instead.": heat(
            slopes.mean(1, keepdim=True)
        ),
        "The slopes are not averaged; each map gets one weight.": heat(slopes),
        "What speaks against the class is still in it; keep what is positive.": negative
        / negative.max(),
        "The largest value should be 1; divide by it.": negative.relu(),
    }
    return compare(result, heat(weights), slips)


choice(
    "09.4",
    "b",
    {
        "a": "Few pictures make a score uncertain, which n tells; something else is wrong.",
        "c": "A fraction is as good as a percentage, as long as one can tell which it is.",
        "d": "Cross-validation is evidence, if its folds are made of what the card speaks of.",
    },
    why="A figure belongs to a question: new pictures of known rolls, or new rolls. A card must "
    "say which, and random folds answer only the first.",
    hints=(
        "129 pictures, 42 rolls: what is on both sides of a random fold?",
        "Compare with *Groups stay on one side*: which of its two scores is near 0.98?",
    ),
)


@exercise(
    "09.5",
    takes="contents",
    wanted="a sorted list of paths",
    why="Such a file teaches the network that one picture is two things, and lies on both sides "
    "of a split.",
    hints=(
        "Collect for each content the paths that have it.",
        "The class is what stands before the slash: how many different ones has a content?",
    ),
)
def in_two_classes(function):
    contents = {"b/1": b"x", "a/9": b"x", "a/2": b"y", "a/3": b"y", "c/4": b"z", "b/5": b"w"}
    contents |= {"c/6": b"w", "a/7": b"w"}
    right = ["a/7", "a/9", "b/1", "b/5", "c/6"]
    result = list(function(dict(contents)))
    if result == right:
        return None
    if sorted(result) == right:
        return "These are the files, but not sorted."
    if {"a/2", "a/3"} <= set(result):
        return "A file that lies twice in one class is no such fault."
    if result and set(result) < set(right):
        return "Some are missing: every path of such a file is to be named, the first one too."
    return "Not these: compare the contents, and the part of the path before the slash."
