"""What goes wrong in the exercises of lesson 10, and words of the diagnosis that it must get."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from tests.classroom.wrong_answers.styles import returning, right


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


def into_the_first_rows(learn_and_ask, x, labels, folds):
    result = torch.zeros(len(x), 2)
    for learn, held in folds:
        result[: len(held)] = learn_and_ask(x[learn], labels[learn], x[held])
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


def weight_of(loss, pick=min):
    """The candidate for which `loss(mix, labels)` is lowest."""

    def best_weight(first, second, labels, candidates):
        return pick(candidates, key=lambda w: float(loss(w * first + (1 - w) * second, labels)))

    return best_weight


def squares(mix, labels):
    return (mix - F.one_hot(labels, mix.shape[1])).square().mean()


def weight_until_it_rises(first, second, labels, candidates):
    best, lowest = None, math.inf
    for w in candidates:
        loss = mix_loss(w * first + (1 - w) * second, labels)
        if loss > lowest:
            return best
        best, lowest = w, loss
    return best


def mix_loss(mix, labels):
    return F.nll_loss(mix.log(), labels)


def weight_by_loop(first, second, labels, candidates):
    best, lowest = None, math.inf
    for w in candidates:
        loss = -(w * first + (1 - w) * second)[torch.arange(len(labels)), labels].log().mean()
        if loss < lowest:
            best, lowest = w, loss
    return best


def weight_by_numpy(first, second, labels, candidates):
    a, b = (p.double().numpy()[np.arange(len(labels)), labels.numpy()] for p in (first, second))
    return candidates[int(np.argmin([-np.log(w * a + (1 - w) * b).mean() for w in candidates]))]


def swapped_weight(first, second, labels, candidates):
    return weight_of(mix_loss)(second, first, labels, candidates)


def lowest_loss(first, second, labels, candidates):
    return min(mix_loss(w * first + (1 - w) * second, labels).item() for w in candidates)


def place(scores):
    return scores.argsort().argsort()


def proper_places(costs, public):
    return place(costs[:, ~public].mean(1)) - place(costs[:, public].mean(1))


def places_by_counting(costs, public):
    parts = [costs[:, ~public].mean(1).tolist(), costs[:, public].mean(1).tolist()]
    private, seen = ([sum(b < a for b in part) for a in part] for part in parts)
    return [a - b for a, b in zip(private, seen, strict=True)]


def places_in_numpy(costs, public):
    costs, public = costs.numpy(), public.numpy()
    ranks = [costs[:, part].sum(1).argsort().argsort() for part in (~public, public)]
    return ranks[0] - ranks[1]


def places_by_sorting(costs, public):
    def order(scores):
        scores = scores.tolist()
        return torch.tensor([sorted(scores).index(score) + 1 for score in scores])

    return order(costs[:, ~public].mean(1)) - order(costs[:, public].mean(1))


def one_argsort(costs, public):
    return costs[:, ~public].mean(1).argsort() - costs[:, public].mean(1).argsort()


def proper_leaks(folds, pairs):
    rows = set()
    for learn, held in folds:
        learn, held = set(learn), set(held)
        for i, j in pairs:
            rows |= {a for a, b in ((i, j), (j, i)) if a in held and b in learn}
    return sorted(rows)


def places_in_folds(folds, pairs):
    rows = proper_leaks(folds, pairs)
    return [k for _, held in folds for k, row in enumerate(held) if row in rows]


def leaks_by_place(folds, pairs):
    fold_of = {i: n for n, (_, held) in enumerate(folds) for i in held}
    return sorted({i for pair in pairs if len({fold_of[i] for i in pair}) > 1 for i in pair})


def leaks_in_arrays(folds, pairs):
    both = np.array([*pairs, *(pair[::-1] for pair in pairs)])
    rows = [
        both[np.isin(both[:, 0], held) & np.isin(both[:, 1], learn), 0] for learn, held in folds
    ]
    return np.unique(np.concatenate(rows))


def one_way(folds, pairs):
    return sorted({i for learn, held in folds for i, j in pairs if i in held and j in learn})


def repeated(folds, pairs):
    ways = [*pairs, *((j, i) for i, j in pairs)]
    return sorted(i for learn, held in folds for i, j in ways if i in held and j in learn)


def same_fold(folds, pairs):
    rows = {i for pair in pairs for i in pair}
    return sorted(rows - set(proper_leaks(folds, pairs)))


WRONG = {
    "10.1": [
        (one_after_the_other, "one fold after the other"),
        (on_everything, "has learned from the same"),
        (turned_round, "train on all `learn` pictures"),
        (all_labels, "not those of its pictures"),
        (moved_the_wrong_way, "argsort"),
        (first_fold, "inside the loop"),
        (into_the_first_rows, "into the first rows again"),
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
    "10.2": [
        (weight_of(mix_loss, max), "highest"),
        (swapped_weight, "belongs to the first"),
        (weight_of(lambda mix, y: -(mix.argmax(1) == y).float().mean()), "highest accuracy"),
        (weight_of(F.cross_entropy), "no softmax"),
        (weight_of(F.nll_loss), "one logarithm"),
        (weight_of(squares), "the Brier score"),
        (weight_until_it_rises, "another candidate is better"),
        (lowest_loss, "return the weight"),
        (lambda first, second, labels, candidates: 0.6, "another candidate is better"),
        (lambda first, second, labels, candidates: 0.33, "not among the candidates"),
        (lambda first, second, labels, candidates: candidates, "8 values"),
    ],
    "10.3": [
        (lambda costs, public: -proper_places(costs, public), "turned round"),
        (one_argsort, "team on each place"),
        (lambda costs, public: proper_places(-costs, public), "turned round"),
        (
            lambda costs, public: place(costs.mean(1)) - place(costs[:, public].mean(1)),
            "compared with all",
        ),
        (
            lambda costs, public: costs[:, ~public].mean(1) - costs[:, public].mean(1),
            "differences of scores",
        ),
        (lambda costs, public: place(costs[:, ~public].mean(1)) + 1, "private places only"),
        (lambda costs, public: place(costs[:, public].mean(1)) + 1, "public places only"),
        (lambda costs, public: proper_places(costs.T, public[:9])[:5], "one number for each team"),
        (lambda costs, public: proper_places(costs, public)[:8], "one number for each team"),
    ],
    "10.4": [
        (one_way, "works both ways"),
        (repeated, "more than once"),
        (same_fold, "they do no harm"),
        (places_in_folds, "places in the folds' lists"),
        (
            lambda folds, pairs: sorted({i for pair in pairs for i in pair}),
            "same fold does no harm",
        ),
        (lambda folds, pairs: proper_leaks(folds, pairs)[::-1], "not sorted"),
        (lambda folds, pairs: proper_leaks(folds[:1], pairs), "every fold"),
        (lambda folds, pairs: list(range(12)), "12 rows"),
    ],
}

RIGHT = {
    "10.1": right(
        asks_about_all,
        proper_folds,
        one_row_a_call,
        sorted_at_the_end,
        scattered,
        by_masks,
        *returning(proper_folds, np.array, torch.Tensor.tolist, list, torch.Tensor.double),
    ),
    "10.2": right(
        weight_of(mix_loss),
        weight_by_loop,
        weight_by_numpy,
        *returning(weight_of(mix_loss), str, torch.tensor, np.float32, lambda w: [w]),
    ),
    "10.3": right(
        proper_places,
        places_by_counting,
        places_in_numpy,
        places_by_sorting,
        *returning(proper_places, torch.Tensor.tolist, torch.Tensor.float),
    ),
    "10.4": right(
        proper_leaks,
        leaks_by_place,
        leaks_in_arrays,
        *returning(proper_leaks, tuple, torch.tensor),
    ),
}
