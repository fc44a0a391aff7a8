"""What goes wrong in the exercises of lesson 06, and words of the diagnosis that it must get."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from tests.classroom.wrong_answers.styles import letters, mappings, numbers, returning, right


def proper_views(logits):
    return logits.softmax(2).mean(0)


def by_loop(logits):
    total = 0
    for view in logits:
        total = total + F.softmax(view, dim=-1) / len(logits)
    return total


def by_definition(logits):
    exps = (logits - logits.max(-1, keepdim=True).values).exp()
    return (exps / exps.sum(-1, keepdim=True)).sum(0) / logits.shape[0]


def in_numpy(logits):
    exps = np.exp(logits.numpy().astype(np.float64))
    return (exps / exps.sum(2, keepdims=True)).mean(axis=0)


def in_logarithms(logits):
    return (torch.logsumexp(logits.log_softmax(2), 0) - math.log(len(logits))).exp()


def by_picture(logits):
    rows = logits.permute(1, 0, 2)
    return torch.stack([torch.nn.Softmax(dim=1)(row).mean(dim=0) for row in rows])


def by_einsum(logits):
    return torch.einsum("vnc,v->nc", logits.softmax(-1), torch.full((len(logits),), 0.25))


def chosen_by(measure):
    """The candidate for which `measure(logits, labels, t)` is lowest."""

    def best_temperature(logits, labels, candidates):
        return min(candidates, key=lambda t: float(measure(logits, labels, t)))

    return best_temperature


def log_loss(logits, labels, t):
    return F.cross_entropy(logits / t, labels)


def shares(logits, t):
    return (logits / t).softmax(1)


def brier(logits, labels, t):
    return (shares(logits, t) - F.one_hot(labels, logits.shape[1])).square().sum(1).mean()


def gap(logits, labels, t):
    sure, answers = shares(logits, t).max(1)
    return (sure.mean() - (answers == labels).float().mean()).abs()


def bins(logits, labels, t):
    sure, answers = shares(logits, t).max(1)
    right = (answers == labels).float()
    inside = [(sure > i / 10) & (sure <= (i + 1) / 10) for i in range(10)]
    return sum((sure[each] - right[each]).sum().abs() for each in inside)


def errors(logits, labels, t):
    return (shares(logits, t).argmax(1) != labels).float().mean()


def entropy(logits, labels, t):
    return torch.distributions.Categorical(logits=logits / t).entropy().mean()


def until_it_rises(logits, labels, candidates):
    best = candidates[0]
    for t in candidates[1:]:
        if log_loss(logits, labels, t) > log_loss(logits, labels, best):
            break
        best = t
    return best


def until_it_rises_sorted(logits, labels, candidates):
    return until_it_rises(logits, labels, sorted(candidates))


def by_loop_over_all(logits, labels, candidates):
    best, lowest = None, math.inf
    for t in candidates:
        probabilities = torch.softmax(logits / t, dim=1)
        loss = -probabilities[torch.arange(len(labels)), labels].log().mean()
        if loss < lowest:
            best, lowest = t, loss
    return best


def by_argmin(logits, labels, candidates):
    temperatures = torch.tensor(candidates)
    scaled = logits[None] / temperatures[:, None, None]
    costs = -scaled.log_softmax(2)[:, torch.arange(len(labels)), labels].sum(1)
    return temperatures[costs.argmin()]


def by_numpy(logits, labels, candidates):
    z, y = logits.double().numpy(), labels.numpy()
    costs = [np.mean(np.log(np.exp(z / t).sum(1)) - (z / t)[range(len(y)), y]) for t in candidates]
    return candidates[int(np.argmin(costs))]


def by_sorted_pairs(logits, labels, candidates):
    return sorted((log_loss(logits, labels, t).item(), t) for t in candidates)[0][1]


def only(condition):
    return lambda z, y, candidates: chosen_by(log_loss)(z, y, list(filter(condition, candidates)))


def proper_folds(learn_and_ask, x, labels, folds):
    result = torch.zeros(len(x), 2)
    for learn, held in folds:
        result[held] = learn_and_ask(x[learn], labels[learn], x[held])
    return result


def one_row_a_call(learn_and_ask, x, labels, folds):
    rows = {}
    for learn, held in folds:
        for i in held.tolist():
            rows[i] = learn_and_ask(x[learn], labels[learn], x[i : i + 1])[0]
    return torch.stack([rows[i] for i in range(len(x))])


def sorted_at_the_end(learn_and_ask, x, labels, folds):
    order = torch.cat([held for _, held in folds])
    rows = torch.cat([learn_and_ask(x[a], labels[a], x[b]) for a, b in folds])
    return rows[order.argsort()]


def scattered(learn_and_ask, x, labels, folds):
    result = torch.full((len(x), 2), float("nan"))
    for learn, held in folds:
        result.index_copy_(0, held, learn_and_ask(x[learn], labels[learn], x[held]))
    return result


def by_masks(learn_and_ask, x, labels, folds):
    result = np.empty((len(x), 2))
    for _, held in folds:
        asked = torch.zeros(len(x), dtype=bool)
        asked[held] = True
        result[asked.numpy()] = learn_and_ask(x[~asked], labels[~asked], x[asked]).numpy()
    return result


def asks_about_all(learn_and_ask, x, labels, folds):
    """Only wasteful: of the answers to all pictures, those of the others are kept."""
    result = torch.zeros(len(x), 2)
    for learn, held in folds:
        result[held] = learn_and_ask(x[learn], labels[learn], x)[held]
    return result


def moved_the_wrong_way(learn_and_ask, x, labels, folds):
    order = torch.cat([held for _, held in folds])
    return one_after_the_other(learn_and_ask, x, labels, folds)[order]


def first_fold(learn_and_ask, x, labels, folds):
    result = torch.zeros(len(x), 2)
    for learn, held in folds:
        result[held] = learn_and_ask(x[learn], labels[learn], x[held])
        return result


def forgets_a_fold(learn_and_ask, x, labels, folds):
    return proper_folds(learn_and_ask, x, labels, folds[:-1])


def learns_half(learn_and_ask, x, labels, folds):
    return proper_folds(learn_and_ask, x, labels, [(a[:3], b) for a, b in folds])


def other_order_of_labels(learn_and_ask, x, labels, folds):
    ask = learn_and_ask
    return proper_folds(lambda a, b, c: ask(a, b.sort()[0], c), x, labels, folds)


def swallows_errors(learn_and_ask, x, labels, folds):
    def ask(*arguments):
        try:
            return learn_and_ask(*arguments)
        except Exception:
            return torch.zeros(3, 2)

    return all_labels(ask, x, labels, folds)


def first_column(*arguments):
    return proper_folds(*arguments)[:, 0]


def losses(logits, labels, candidates, cool=lambda logits, t: logits / t):
    return [F.cross_entropy(cool(logits, t), labels).item() for t in candidates]


def hottest(logits, labels, candidates):
    found = losses(logits, labels, candidates)
    return candidates[found.index(max(found))]


def multiplied(logits, labels, candidates):
    found = losses(logits, labels, candidates, lambda logits, t: logits * t)
    return candidates[found.index(min(found))]


def position(logits, labels, candidates):
    found = losses(logits, labels, candidates)
    return found.index(min(found))


def one_after_the_other(learn_and_ask, x, labels, folds):
    return torch.cat([learn_and_ask(x[a], labels[a], x[b]) for a, b in folds])


def on_everything(learn_and_ask, x, labels, folds):
    return learn_and_ask(x, labels, x)


def turned_round(learn_and_ask, x, labels, folds):
    result = torch.zeros(len(x), 2)
    for learn, held in folds:
        result[learn] = learn_and_ask(x[held], labels[held], x[learn])
    return result


def all_labels(learn_and_ask, x, labels, folds):
    result = torch.zeros(len(x), 2)
    for learn, held in folds:
        result[held] = learn_and_ask(x[learn], labels[: len(learn)], x[held])
    return result


GRID = {(b, e): 0.3 + 0.01 * b for b in (4, 8, 16) for e in (2, 4, 16)}
WRONG = {
    "06.1": [
        (0.3257, "mean of the logarithms"),
        (10.0534, "sum"),
        (0.08, "wrong ones cost"),
        (0.0863, "not 0.99"),
        (1.02, "near"),
        (0.99, "near"),
        (1.0, "near"),
        ("1,02", "near"),
        (0.4366, "base 10"),
        (-1.0053, "minus the mean"),
        (0.1054, "cost something too"),
        (100.53, "is not it"),
        (0.01, "is not it"),
        (1.45, "base 2"),
        ((1, 0), "write a decimal point"),
        (True, "truth value"),
        (float("inf"), "That is inf"),
        ("one", "'one' is none"),
    ],
    "06.2": [
        (lambda logits: logits.mean(0).softmax(1), "other way round"),
        (lambda logits: logits.softmax(2), "for each view"),
        (lambda logits: logits.softmax(1).mean(0), "over the pictures"),
        (lambda logits: logits.mean(0), "made of probabilities"),
        (lambda logits: logits.softmax(2).sum(0), "added up"),
        (lambda logits: logits.softmax(2).mean(1), "over pictures"),
        (lambda logits: logits.softmax(2).mean(0).softmax(1), "second softmax"),
        (lambda logits: logits.max(0).values, "Work one of them out"),
        (lambda logits: proper_views(logits).T, "(4, 5)"),
        (lambda logits: logits.softmax(2)[0], "Only the first view"),
        (lambda logits: logits.softmax(2)[-1], "by hand"),
        (lambda logits: proper_views(logits).argmax(1), "(5,)"),
        (lambda logits: proper_views(logits).log(), "by hand"),
        (lambda logits: logits.softmax(2).log().mean(0).softmax(1), "other way round"),
        (lambda logits: logits.softmax(2).max(0).values, "by hand"),
        (lambda logits: logits.sigmoid().mean(0), "by hand"),
        (lambda logits: logits.softmax(0).mean(0), "over the views"),
        (lambda logits: logits.log_softmax(2).mean(0), "by hand"),
        (lambda logits: 100 * proper_views(logits), "by hand"),
        (lambda logits: proper_views(logits).round().long(), "whole numbers"),
        (lambda logits: (logits / 0 - logits / 0).mean(0), "NaN"),
    ],
    "06.3": [
        (hottest, "highest"),
        (multiplied, "multiplies"),
        (position, "position"),
        (lambda *a: min(losses(*a)), "return the temperature"),
        (lambda *a: 1.2, "another candidate is better"),
        (chosen_by(errors), "The accuracy is the same"),
        (chosen_by(brier), "Brier"),
        (chosen_by(gap), "mean confidence"),
        (chosen_by(bins), "choose"),
        (chosen_by(entropy), "smallest of the candidates"),
        (chosen_by(lambda z, y, t: F.cross_entropy(shares(z, t), y)), "two softmaxes"),
        (chosen_by(lambda z, y, t: F.nll_loss(shares(z, t), y)), "without a logarithm"),
        (chosen_by(lambda z, y, t: F.nll_loss(z / t, y)), "without a logarithm"),
        (chosen_by(lambda z, y, t: F.cross_entropy(z * t, y)), "multiplies"),
        (chosen_by(lambda z, y, t: -log_loss(z, y, t)), "highest"),
        (chosen_by(lambda z, y, t: F.cross_entropy(z - t, y)), "another candidate"),
        (until_it_rises, "stops as soon"),
        (only(lambda t: t > 1), "above 1 only"),
        (only(lambda t: t < 1), "below 1 only"),
        (lambda z, y, candidates: max(candidates), "largest"),
        (lambda z, y, candidates: candidates, "13 values"),
        (lambda z, y, candidates: 7.5, "not among the candidates"),
    ],
    "06.4": [
        (one_after_the_other, "one fold after the other"),
        (on_everything, "has learned from the same"),
        (turned_round, "train on all `learn` pictures"),
        (all_labels, "not those of its pictures"),
        (moved_the_wrong_way, "argsort"),
        (first_fold, "inside the loop"),
        (forgets_a_fold, "never asked about 3"),
        (learns_half, "train on all `learn`"),
        (other_order_of_labels, "not those of its pictures"),
        (swallows_errors, "not those of its pictures"),
        (first_column, "by hand"),
        (lambda *a: proper_folds(*a).flip(1), "columns are swapped"),
        (lambda *a: proper_folds(*a).argmax(1), "whole numbers"),
        (lambda *a: proper_folds(*a)[:8], "8 rows come back"),
        (lambda ask, x, labels, folds: torch.rand(9, 2), "never asked about 9"),
        (lambda ask, x, labels, folds: ask(x, labels[:5], x), "different numbers"),
    ],
    "06.5": [
        ({(8, 10): 0.3}, "three batch sizes"),
        ({8: 0.3, 16: 0.2}, "pairs"),
        (dict.fromkeys(GRID, 0.3), "changes nothing"),
        (GRID, "number of epochs changes nothing"),
        ({(b, e): 0.1 * b for b in (4, 5, 6) for e in (2, 4, 16)}, "further"),
        (dict(list(GRID.items())[:-1]), "missing"),
        (GRID | {(4, 2): 90}, "percentage"),
        (GRID | {(4, 2): 0}, "above 0"),
        (GRID | {(4, 2): -0.3}, "above 0"),
        (GRID | {(4, 2): float("nan")}, "That is nan"),
        (GRID | {(4, 2): float("inf")}, "That is inf"),
        (GRID | {(4, 2): None}, "it should hold a log-loss"),
        ({(b, e): 0.1 * b + 0.1 * e for b in (4, 8, 16) for e in (0, 4, 16)}, "whole numbers"),
        ({(b, e): 0.1 * b + 0.1 * e for b in (0, 8, 16) for e in (2, 4, 16)}, "whole numbers"),
        ({(b, e): 0.1 * b + 0.1 * e for b in (4, 8, 16) for e in (2.5, 4, 20)}, "whole numbers"),
        ({(b, e): 0.1 * b + 0.1 * e for b in (4, 8, 16) for e in (2, 4, 8)}, "further"),
        ({(b, e): 0.1 * e for b in (4, 8, 16) for e in (2, 4, 16)}, "batch size changes nothing"),
        ({(8, 10, 1): 0.3}, "3 numbers"),
        ({"8, 10": 0.3}, "pairs"),
        ([0.3, 0.2, 0.1], "should be a dictionary"),
    ],
    "06.6": [
        ("a", "Other pictures"),
        ("b", "same pictures"),
        ("a)", "Other pictures"),
        ("(B)", "same pictures"),
        ("d", "one of the letters"),
        ("b or c", "one of the letters"),
        ("b, c", "one of the letters"),
        (["b", "c"], "one of the letters"),
        (3, "one of the letters"),
        ("perhaps", "one of the letters"),
        ("c3", "one of the letters"),
        ("cc", "one of the letters"),
        ("", "one of the letters"),
        (True, "one of the letters"),
    ],
}

LOSSES = {(b, e): 0.3 + 0.01 * b + 0.1 / e for b in (4, 16, 64) for e in (4, 12, 36)}
PERHAPS = "perhaps; look at the differences picture by picture, and at their standard error"
RIGHT = {
    "06.1": right(*numbers(1.0053), 1.01, 1.005, "1,01", "1.01", 1.00528),
    "06.2": right(
        proper_views,
        by_loop,
        by_definition,
        in_numpy,
        in_logarithms,
        by_picture,
        by_einsum,
        *returning(proper_views, np.array, torch.Tensor.tolist, torch.Tensor.double, list),
    ),
    "06.3": right(
        chosen_by(log_loss),
        until_it_rises_sorted,
        by_loop_over_all,
        by_argmin,
        by_numpy,
        by_sorted_pairs,
        *returning(chosen_by(log_loss), str, torch.tensor, np.float32, lambda t: [t]),
    ),
    "06.4": right(
        asks_about_all,
        proper_folds,
        one_row_a_call,
        sorted_at_the_end,
        scattered,
        by_masks,
        *returning(proper_folds, np.array, torch.Tensor.tolist, list, torch.Tensor.double),
    ),
    "06.5": right(
        {(b, e): 0.1 * b + 0.1 / e for b in (4, 8, 16, 32) for e in (1, 2, 8)},
        *mappings(LOSSES),
    ),
    "06.6": right(*letters("c", PERHAPS)),
}
