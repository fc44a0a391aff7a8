"""What goes wrong in the exercises of lesson 06, and words of the diagnosis that it must get."""

import torch
import torch.nn.functional as F


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
    ],
    "06.3": [
        (hottest, "highest"),
        (multiplied, "multiplies"),
        (position, "position"),
        (lambda *a: min(losses(*a)), "return the temperature"),
        (lambda *a: 1.2, "another candidate is better"),
    ],
    "06.4": [
        (one_after_the_other, "one fold after the other"),
        (on_everything, "has learned from"),
        (turned_round, "train on all `learn` pictures"),
        (all_labels, "not those of its pictures"),
    ],
    "06.5": [
        ({(8, 10): 0.3}, "three batch sizes"),
        ({8: 0.3, 16: 0.2}, "pairs"),
        (dict.fromkeys(GRID, 0.3), "changes nothing"),
        (GRID, "number of epochs changes nothing"),
        ({(b, e): 0.1 * b for b in (4, 5, 6) for e in (2, 4, 16)}, "further"),
        (dict(list(GRID.items())[:-1]), "missing"),
    ],
    "06.6": [("a", "Other pictures"), ("b", "same pictures")],
}
