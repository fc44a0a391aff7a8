"""Exercises of lesson 10: out of fold, the weight of an ensemble, a shake-up, copies in folds."""

import torch
from torch.nn import functional as F

from classroom import kinds
from classroom.exercises import compare, lowest_loss
from classroom.judge import NotYet, exercise

LEARNED, HALF = -2.0, -3.0  # in place of answers to what was learned, or learned from too few


@exercise(
    "10.1",
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
    if result.shape == right.shape and torch.allclose(
        result[:3].double(), right[order[-3:]].double()
    ):
        return "Each fold is put into the first rows again: `held` says which rows of x it is."
    return compare(result, right, slips)


@exercise(
    "10.2",
    takes="first second labels candidates",
    wanted="one of the candidates, a number",
    why="The weight is a decision like any other: it is found on answers to pictures that neither "
    "network has trained on, never on the test.",
    hints=(
        "For each candidate, mix the two tables and work out the log-loss of the mix.",
        "Mix the probabilities first, take the logarithm afterwards.",
    ),
)
def best_weight(function):
    candidates, rounds = [0.6, 0.0, 0.25, 1.0, 0.45, 0.1, 0.9, 0.75], []
    for networks in ((0.5, 1.0, 1.0), (1.0, 3.0, 1.0), (2.0, 2.0, 5.0)):
        labels, first, second = _two_networks(*networks)
        weight = kinds.number(function(first.clone(), second.clone(), labels, list(candidates)))
        losses = [_loss_of(w * first + (1 - w) * second, labels) for w in candidates]
        slips = _slips_of_weight(first, second, labels, candidates, losses)
        rounds.append((weight, losses, slips))
    return lowest_loss("weight", candidates, rounds)


def _two_networks(one: float, other: float, sure: float) -> tuple[torch.Tensor, ...]:
    """Returns labels (200,), and the probabilities (200, 4) of two networks of such skill.

    sure: how many times too sure of itself the first one is.
    """
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 4, (200,), generator=generator)
    noise = torch.randn(2, 200, 4, generator=generator)
    skills = torch.tensor([one, other])[:, None, None]
    first, second = noise + skills * F.one_hot(labels, 4)
    return labels, (sure * first).softmax(1), second.softmax(1)


def _loss_of(probabilities, labels):
    return F.nll_loss(probabilities.clamp(min=1e-15).log(), labels).item()


def _slips_of_weight(first, second, labels, candidates, losses):
    """Returns {diagnosis: the position of the candidate that this slip leads to}."""

    def best(measure):
        return min(range(len(candidates)), key=lambda k: measure(candidates[k]))

    def mixed(w):
        return w * first + (1 - w) * second

    return {
        "It returns the candidate with the highest log-loss.": losses.index(max(losses)),
        "The weight belongs to the first network: w * first + (1 - w) * second.": best(
            lambda w: _loss_of(w * second + (1 - w) * first, labels)
        ),
        "Squared errors (the Brier score) decide here; choose by the log-loss.": best(
            lambda w: (mixed(w) - F.one_hot(labels, 4)).square().mean().item()
        ),
        "That has the highest accuracy; choose by the log-loss.": best(
            lambda w: -(mixed(w).argmax(1) == labels).float().mean().item()
        ),
        "Each picture costs minus the logarithm of a probability: one logarithm, and no softmax, "
        "since the mix holds probabilities already.": best(
            lambda w: F.nll_loss(mixed(w), labels).item()
        ),
    }


@exercise(
    "10.3",
    takes="costs public",
    wanted="a tensor with a whole number for each team",
    why="Whoever is first on few pictures was good and lucky; only the good part stays.",
    hints=(
        "A team's score is the mean cost over the pictures of that part; the lowest is place 1.",
        "`argsort` says which team is on each place. Applied once more, it says which place each "
        "team has.",
    ),
)
def places_lost(function):
    generator = torch.Generator().manual_seed(4)
    costs = torch.rand(9, 60, generator=generator) ** 3
    public = torch.rand(60, generator=generator) < 0.3
    result = kinds.tensor(function(costs.clone(), public.clone())).squeeze()
    if result.shape != (9,):
        return (
            f"(9, 60) costs become {tuple(result.shape)}; there is one number for each team: (9,)."
        )
    seen, kept = costs[:, public].mean(1), costs[:, ~public].mean(1)

    def place(scores):
        return scores.argsort().argsort()

    right = place(kept) - place(seen)
    all_of_them = costs.mean(1)
    slips = {
        "The sign is turned round: private place minus public place.": -right,
        "`argsort` once gives the team on each place, not the place of each team.": (
            kept.argsort() - seen.argsort()
        ),
        "The public pictures are compared with all pictures; the private ones are the rest.": (
            place(all_of_them) - place(seen)
        ),
        "These are differences of scores; places are asked for.": kept - seen,
        "Those are the private places only.": place(kept) + 1,
        "Those are the public places only.": place(seen) + 1,
    }
    return compare(result.double(), right, slips)


@exercise(
    "10.4",
    takes="folds pairs",
    wanted="a list of row numbers",
    why="A picture whose copy was learned from is remembered, not recognised, and the score is too "
    "good: group first, then split.",
    hints=(
        "A pair works both ways: i may be held out and j learned from, or the other way round.",
        "For each fold, make sets of its two lists; then look at every pair.",
    ),
)
def leaking(function):
    order = [7, 2, 5, 0, 8, 3, 1, 6, 4, 9, 11, 10]
    helds = [order[:4], order[4:8], order[8:]]
    folds = [([i for i in order if i not in held], list(held)) for held in helds]
    for pairs in (
        [(0, 8), (2, 7), (5, 3), (4, 9), (3, 11), (6, 5)],
        [(2, 7), (8, 1)],
    ):
        given = [(list(learn), list(held)) for learn, held in folds]
        found = kinds.numbers(function(given, list(pairs)))
        place = {i: n for n, held in enumerate(helds) for i in held}
        torn = [(i, j) for i, j in pairs if place[i] != place[j]]
        right = sorted({i for pair in torn for i in pair})
        diagnosis = _leaks(found, right, pairs, torn)
        if diagnosis:
            return diagnosis
    return None


def _leaks(found, right, pairs, torn):
    """Returns what is wrong with the rows that were found, or None."""
    if found == right:
        return None
    if found and right and max(found) < 4 < max(right):
        return "Those are places in the folds' lists; what stands there are the row numbers."
    if len(found) != len(set(found)):
        return "A row stands in it more than once; a picture may have several copies."
    if sorted(found) == right:
        return "The rows are right, but not sorted."
    if set(found) == {i for pair in pairs for i in pair} - set(right):
        return "Those are the ones whose copy is in their own fold: they do no harm."
    if set(found) == {i for pair in pairs for i in pair}:
        return "A copy in the same fold does no harm; look at which fold each one is held out in."
    if set(found) in ({i for i, _ in torn}, {j for _, j in torn}):
        return "Each pair works both ways: each of the two is held out once, and leaks then."
    if set(found) < set(right):
        return f"Some are missing: {len(found)} rows come back. Is every fold looked at?"
    return f"{len(found)} rows come back, among them some without a copy in another fold."
